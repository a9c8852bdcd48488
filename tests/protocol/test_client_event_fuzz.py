"""Valid envelopes around fuzzed fields: an event arrives unharmed or is refused in a sentence."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from idol_protocol.client_events import ClientEvent
from idol_protocol.errors import ProtocolError
from idol_protocol.events import CLIENT_EVENTS, encode_event, parse_client_event
from idol_protocol.examples import saturated
from tests.protocol.client_event_strategies import json_values, text, valid

EVENT_ID = "of the client"
SAID = "what a user said"
Place = tuple[str | int, ...]


def places(value: object, at: Place = ()) -> list[Place]:
    """Where the parts of a JSON value are, the whole left out."""
    inside: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [each for key, part in inside for each in [(*at, key), *places(part, (*at, key))]]


@st.composite
def altered(draw: st.DrawFn) -> tuple[type[ClientEvent], str]:
    """An event with every field set, some of which are then changed, removed or added."""
    event_type = CLIENT_EVENTS[draw(st.sampled_from(list(CLIENT_EVENTS)))]
    event = json.loads(encode_event(saturated(event_type))) | {"event_id": EVENT_ID}
    for _ in range(draw(st.integers(1, 3))):
        inner = [each for each in places(event) if each[0] not in ("type", "event_id")]
        if not inner:
            break
        *above, key = draw(st.sampled_from(inner))
        holder: Any = event
        for step in above:
            holder = holder[step]
        match draw(st.sampled_from(["change", "remove", "rename", "user's words"])):
            case "change":
                holder[key] = draw(json_values)
            case "remove":
                del holder[key]
            case "rename" if isinstance(holder, dict):
                holder[draw(text)] = holder.pop(key)
            case _:
                holder[key] = SAID
    return event_type, json.dumps(event)


@pytest.mark.parametrize("name", CLIENT_EVENTS)
@settings(max_examples=60)
@given(data=st.data())
def test_every_valid_event_arrives_with_what_was_sent(name: str, data: st.DataObject) -> None:
    kind = inspect.type_info(CLIENT_EVENTS[name])
    sent = data.draw(valid(kind))
    found = parse_client_event(json.dumps(sent))
    assert type(found) is CLIENT_EVENTS[name]
    assert_holds(json.loads(encode_event(found)), sent)
    assert parse_client_event(encode_event(found)) == found


def assert_holds(found: Any, sent: Any) -> None:
    """All that was sent is there; defaults may have come to it."""
    if isinstance(sent, dict) and isinstance(found, dict):
        for key, value in sent.items():
            assert_holds(found.get(key), value)
    elif isinstance(sent, list):
        assert len(found) == len(sent)
        for one, other in zip(found, sent, strict=True):
            assert_holds(one, other)
    else:
        assert found == sent


@settings(max_examples=600)
@given(altered())
def test_an_altered_event_arrives_or_is_refused_in_one_sentence(
    case: tuple[type[ClientEvent], str],
) -> None:
    event_type, sent = case
    try:
        found = parse_client_event(sent)
    except ProtocolError as error:
        refusal = error
    else:
        assert type(found) is event_type
        assert parse_client_event(encode_event(found)) == found
        return
    assert str(refusal)[0].isupper()
    assert str(refusal).endswith(".")
    assert refusal.code in ("invalid_field", "missing_field")
    assert refusal.event_id == EVENT_ID
    assert SAID not in str(refusal)


@given(altered(), st.integers(0, 10**6), st.binary(max_size=4))
def test_torn_text_is_refused_and_never_breaks_the_reader(
    case: tuple[type[ClientEvent], str], at: int, put: bytes
) -> None:
    data = case[1].encode()
    start = at % len(data)
    try:
        parse_client_event(data[:start] + put + data[start + 1 :])
    except ProtocolError as error:
        refusal = error
    else:
        return
    assert refusal.code in ("invalid_json", "invalid_field", "missing_field", "unknown_event")
    assert str(refusal).endswith(".")
