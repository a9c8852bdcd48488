"""The control events: every one survives a round trip, every malformed one is named."""

from collections.abc import Iterable
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import TypeAdapter

from idol_protocol.channels import EMOTIONS, GESTURES, LOWEST_EMOTIONS
from idol_protocol.client_events import ClientEvent, ConversationItemCreate, ResponseCreate
from idol_protocol.errors import ProtocolError
from idol_protocol.events import (
    CLIENT_EVENTS,
    SERVER_EVENTS,
    encode_event,
    parse_client_event,
    parse_server_event,
)
from idol_protocol.examples import saturated
from idol_protocol.idol_events import Emotion, GestureName
from idol_protocol.items import InputText, MessageItem
from idol_protocol.server_events import ServerEvent


def _outside_idol(events: Iterable[str]) -> list[str]:
    return [name for name in events if not name.startswith("idol.")]


@pytest.mark.parametrize("event_type", CLIENT_EVENTS.values(), ids=CLIENT_EVENTS.keys())
def test_every_field_of_a_client_event_arrives(event_type: type[ClientEvent]) -> None:
    event = saturated(event_type)
    assert parse_client_event(encode_event(event)) == event


@pytest.mark.parametrize("event_type", SERVER_EVENTS.values(), ids=SERVER_EVENTS.keys())
def test_every_field_of_a_server_event_arrives(event_type: type[ServerEvent]) -> None:
    event = saturated(event_type)
    assert parse_server_event(encode_event(event)) == event


@pytest.mark.parametrize(
    "event_type", [*CLIENT_EVENTS.values(), *SERVER_EVENTS.values()], ids=lambda each: each.__name__
)
def test_a_saturated_event_has_no_field_at_its_default(event_type: type[msgspec.Struct]) -> None:
    event = saturated(event_type)
    for field in msgspec.structs.fields(event_type):
        value = getattr(event, field.encode_name)
        kind = msgspec.inspect.type_info(field.type)
        literal = isinstance(kind, msgspec.inspect.LiteralType) and len(kind.values) == 1
        assert literal or value != field.default, field.name


def test_unknown_fields_are_ignored() -> None:
    event = parse_client_event('{"type":"response.create","from_the_future":[1,{"a":2}]}')
    assert event == ResponseCreate()


@pytest.mark.parametrize(
    ("text", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("", "invalid_json", None),
        ('{"type":"response.create"} trailing', "invalid_json", None),
        ('{"type":"session.update","x":' + "[" * 100_000, "invalid_json", None),
        ('{"type":"session.update","session":{"instructions":"\\ud800"}}', "invalid_json", None),
        (b"\xff\xfe", "invalid_json", None),
        ("[]", "invalid_field", None),
        ('"response.create"', "invalid_field", None),
        ("{}", "missing_field", "type"),
        ('{"type":3}', "invalid_field", "type"),
        ('{"type":"response.explode"}', "unknown_event", "type"),
        ('{"type":"session.created"}', "unknown_event", "type"),
        ('{"type":"conversation.item.create"}', "missing_field", "item"),
        ('{"type":"conversation.item.create","item":{}}', "missing_field", "item.type"),
        (
            '{"type":"conversation.item.create","item":{"type":"function"}}',
            "invalid_field",
            "item.type",
        ),
        (
            '{"type":"conversation.item.create","item":{"type":"message","role":"user",'
            '"content":[{"type":"input_text","text":3}]}}',
            "invalid_field",
            "item.content[0].text",
        ),
        (
            '{"type":"session.update","session":{"output_modalities":["text","audio"]}}',
            "invalid_field",
            "session.output_modalities",
        ),
        (
            '{"type":"session.update","session":{"max_output_tokens":0}}',
            "invalid_field",
            "session.max_output_tokens",
        ),
        ('{"type":"response.create","event_id":5}', "invalid_field", "event_id"),
        ('{"type":"idol.playback.progress","pts_us":-1}', "invalid_field", "pts_us"),
    ],
)
def test_a_malformed_event_is_refused_with_a_sentence_that_names_the_field(
    text: str | bytes, code: str, param: str | None
) -> None:
    with pytest.raises(ProtocolError, match=r"^[A-Z].*\.$") as caught:
        parse_client_event(text)
    assert (caught.value.code, caught.value.param) == (code, param)


def test_an_error_carries_the_event_id_of_its_cause() -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_client_event('{"type":"conversation.item.create","event_id":"mine"}')
    assert caught.value.event_id == "mine"


def test_an_unknown_type_is_named_but_a_long_one_is_cut() -> None:
    with pytest.raises(ProtocolError, match=r"'response\.explode'"):
        parse_client_event('{"type":"response.explode"}')
    with pytest.raises(ProtocolError) as caught:
        parse_client_event('{"type":"' + "x" * 50_000 + '"}')
    assert len(str(caught.value)) < 2_000


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
def test_any_json_either_is_an_event_or_is_refused(value: object) -> None:
    for shape in (value, {"type": value}, {"type": "session.update", "session": value}):
        with pytest.raises(ProtocolError):
            parse_client_event(msgspec.json.encode(shape))


def test_text_of_a_user_is_never_part_of_an_error() -> None:
    secret = "my cat is called Miso"
    text = msgspec.json.encode(
        {"type": "conversation.item.create", "item": {"type": "message", "content": secret}}
    )
    with pytest.raises(ProtocolError) as caught:
        parse_client_event(text)
    assert secret not in str(caught.value)


def test_event_names_are_those_of_the_realtime_api() -> None:
    assert set(_outside_idol(SERVER_EVENTS)) <= _types_of(RealtimeServerEvent)
    assert set(_outside_idol(CLIENT_EVENTS)) <= _types_of(RealtimeClientEvent)


@pytest.mark.parametrize("name", _outside_idol(SERVER_EVENTS))
def test_a_saturated_server_event_is_valid_for_the_openai_models(name: str) -> None:
    adapter: TypeAdapter[RealtimeServerEvent] = TypeAdapter(RealtimeServerEvent)
    event = adapter.validate_json(encode_event(saturated(SERVER_EVENTS[name])))
    assert event.type == name


def _types_of(union: object) -> set[str]:
    """The `type`s of an annotated union of OpenAI's models."""
    members = get_args(get_args(union)[0])
    return {get_args(each.model_fields["type"].annotation)[0] for each in members}


def test_a_conversation_item_reads_as_it_was_written() -> None:
    event = parse_client_event(
        '{"type":"conversation.item.create","item":{"type":"message","role":"user",'
        '"content":[{"type":"input_text","text":"hi"}]}}'
    )
    assert isinstance(event, ConversationItemCreate)
    assert isinstance(event.item, MessageItem)
    assert event.item.role == "user"
    assert event.item.content == [InputText(text="hi")]


def test_a_word_that_is_not_among_the_known_ones_is_refused_with_all_of_them() -> None:
    with pytest.raises(
        ProtocolError, match=f"expected one of {', '.join(sorted(GESTURES))}"
    ) as caught:
        parse_client_event('{"type":"idol.gesture.create","gesture":"moonwalk"}')
    assert (caught.value.code, caught.value.param) == ("invalid_field", "gesture")
    with pytest.raises(ProtocolError, match="expected one of dance, idle, listen, think"):
        parse_client_event('{"type":"idol.activity.set","activity":"sing"}')


def test_the_gestures_of_the_wire_are_those_of_the_generator() -> None:
    assert get_args(GestureName) == GESTURES


@pytest.mark.parametrize("field", ['"bpm":10', '"intensity":2', '"first_beat_pts_us":-1'])
def test_music_out_of_range_is_refused(field: str) -> None:
    with pytest.raises(ProtocolError, match="cannot be used"):
        parse_client_event('{"type":"idol.activity.set","activity":"dance",' + field + "}")


def test_the_emotions_of_the_wire_are_those_of_the_generator_in_their_ranges() -> None:
    fields = {each.name: each for each in msgspec.structs.fields(Emotion)}
    assert tuple(fields) == EMOTIONS
    for name, lowest in LOWEST_EMOTIONS.items():
        for value, is_allowed in ((lowest, True), (1, True), (lowest - 0.01, False), (1.01, False)):
            text = f'{{"type":"idol.emotion.set","emotion":{{"{name}":{value}}}}}'
            if is_allowed:
                parse_client_event(text)
            else:
                with pytest.raises(ProtocolError, match="emotion"):
                    parse_client_event(text)
