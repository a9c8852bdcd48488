"""A client of the Realtime API gets no event that it does not know, until it sends one of ours."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.events import CLIENT_EVENTS, SERVER_EVENTS, is_ours
from idol_protocol.examples import saturated
from idol_protocol.idol_events import (
    IdolActivity,
    IdolPhonemes,
    IdolPlaybackCut,
    IdolUtteranceEnded,
    IdolUtteranceStarted,
)
from idol_protocol.server_events import ServerEvent
from idol_runtime.server.own_events import OwnEvents
from tests.server.conftest import Event, OpenScene, Scene

QUESTION = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "Who are you?"}],
}
BEGINNING = ["idol.character", "idol.resume.token", "idol.stream.opened"]
UTTERED, SPOKEN = saturated(IdolUtteranceStarted), saturated(IdolPhonemes)
THINK, SPEAK = (IdolActivity(pts_us=each, activity="think") for each in (1, 2))
EVENTS = st.sampled_from(list(SERVER_EVENTS.values())).map(saturated)


def ours(events: list[Event]) -> list[str]:
    return [each["type"] for each in events if each["type"].startswith("idol.")]


def numbers(events: list[Event]) -> list[int]:
    return [int(each["event_id"].removeprefix("event_")) for each in events]


async def a_session_with_all_that_can_happen(scene: Scene, *subprotocols: str) -> list[Event]:
    scene.stage.dialogue.deltas = ["Hello ", "there. [wave] ", "How are you?"]
    async with scene.client(*subprotocols) as client:
        events = await client.until("session.created")
        await client.send("{not json")
        events += await client.until("error")
        await client.send({"type": "session.update", "session": {"type": "realtime"}})
        events += await client.until("session.updated")
        await client.send({"type": "conversation.item.create", "item": QUESTION})
        await client.send({"type": "response.create"})
        events += await client.until("response.done")
        item_id = events[-1]["response"]["output"][0]["id"]
        about = {"item_id": item_id, "content_index": 0, "audio_end_ms": 100}
        await client.send({"type": "conversation.item.truncate", **about})
        events += await client.until("conversation.item.truncated")
        scene.stage.dialogue.never_ends = True
        await client.send({"type": "response.create"})
        events += await client.until("response.output_audio.delta")
        await client.send({"type": "response.cancel"})
        events += await client.until("response.done")
        await scene.server.shutdown()
        assert await client.closed() == 1012
    return events


@pytest.mark.parametrize("subprotocols", [(), ("realtime",)])
async def test_a_plain_client_gets_none_of_ours_whatever_happens(
    scene: Scene, subprotocols: tuple[str, ...]
) -> None:
    events = await a_session_with_all_that_can_happen(scene, *subprotocols)
    assert ours(events) == []
    assert numbers(events) == list(range(1, len(events) + 1))


async def test_the_first_event_of_ours_opens_them_with_how_things_stand(scene: Scene) -> None:
    scene.stage.dialogue.never_ends = True
    async with scene.client() as client:
        events = await client.until("session.created")
        await client.say("Sing.")
        await client.send({"type": "idol.emotion.set", "emotion": {"happy": 1}})
        events = await client.until("idol.emotion")
        assert ours(events) == [*BEGINNING, "idol.emotion"]
        assert events[0]["character"]["name"] == "Hoshi"
        await client.send({"type": "response.create"})
        later = await client.until("idol.utterance.ended")
        assert ours(later)[-3:] == [
            "idol.utterance.started",
            "idol.phonemes",
            "idol.utterance.ended",
        ]


async def test_who_asks_in_the_middle_of_an_answer_is_told_what_is_being_said(scene: Scene) -> None:
    scene.stage.dialogue.never_ends = True
    async with scene.client() as client:
        await client.say("Sing.")
        await client.send({"type": "response.create"})
        before = await client.until("response.output_audio.delta")
        await client.send({"type": "idol.clock.ping", "id": 1, "client_us": 0})
        told = await client.until("idol.clock.pong")
        await client.send({"type": "response.cancel"})
        told += await client.until("response.done")
    assert ours(before) == []
    assert ours(told)[:4] == [*BEGINNING, "idol.activity"]
    assert "idol.playback.cut" in ours(told)
    open_utterances: list[str] = []
    for event in told:
        match event["type"]:
            case "idol.utterance.started":
                open_utterances.append(event["utterance_id"])
            case "idol.phonemes":
                assert event["utterance_id"] in open_utterances
            case "idol.utterance.ended":
                open_utterances.remove(event["utterance_id"])


async def test_a_plain_client_that_asked_comes_back_to_its_conversation(scene: Scene) -> None:
    async with scene.client() as first:
        await first.ask("My name is Ann.")
        await first.send({"type": "idol.clock.ping", "id": 1, "client_us": 0})
        told = await first.until("idol.clock.pong")
        token = next(each["token"] for each in told if each["type"] == "idol.resume.token")
        first.socket.transport.abort()
    async with scene.client() as second:
        await second.send({"type": "idol.resume", "token": token, "last_event_id": "event_1"})
        events = await second.until("idol.stream.opened")
        assert ours(events)[-3:] == ["idol.resumed", *BEGINNING[1:]]
        replayed = [each for each in events if each["type"] == "response.done"]
        assert len(replayed) == 1
        await second.ask("Who am I?")
    said = [each.content for each in scene.stage.dialogue.requests[-1].messages]
    assert "My name is Ann." in said


async def test_a_session_whose_client_was_never_given_a_token_does_not_wait(scene: Scene) -> None:
    async with scene.client() as client:
        await client.ask("Hi.")
        client.socket.transport.abort()
    async with asyncio.timeout(5):
        while not scene.stage.left:
            await asyncio.sleep(0)


async def test_a_token_that_fits_nothing_begins_a_session_with_ours(scene: Scene) -> None:
    async with scene.client() as client:
        await client.send({"type": "idol.resume", "token": "guess"})
        events = await client.until("error")
        assert ours(events) == BEGINNING


async def test_saying_who_one_is_by_an_event_of_ours_asks_for_them(open_scene: OpenScene) -> None:
    scene = await open_scene(token="right")
    async with scene.client() as client:
        await client.send({"type": "idol.authenticate", "token": "right"})
        assert ours(await client.until("idol.stream.opened")) == BEGINNING


def test_events_are_ours_by_their_name() -> None:
    assert {tag for tag, kind in SERVER_EVENTS.items() if is_ours(saturated(kind))} == {
        tag for tag in SERVER_EVENTS if tag.startswith("idol.")
    }
    assert {tag for tag, kind in CLIENT_EVENTS.items() if is_ours(saturated(kind))} == {
        tag for tag in CLIENT_EVENTS if tag.startswith("idol.")
    }


@given(st.lists(EVENTS, max_size=30), st.lists(EVENTS, max_size=10))
def test_before_they_are_asked_for_ours_wait_and_then_all_pass(
    before: list[ServerEvent], after: list[ServerEvent]
) -> None:
    own = OwnEvents()
    passed = [each for each in before if own.passes(each)]
    assert passed == [each for each in before if not is_ours(each)]
    told = own.open()
    assert len({type(each) for each in told}) == len(told)
    assert all(is_ours(each) and each in before for each in told)
    assert all(own.passes(each) for each in after)
    assert own.open() == []


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        ([UTTERED, SPOKEN, THINK, saturated(IdolUtteranceEnded), SPEAK], [SPEAK]),
        (
            [UTTERED, THINK, saturated(IdolPlaybackCut), UTTERED, SPOKEN],
            [THINK, UTTERED, SPOKEN],
        ),
    ],
)
def test_the_newest_of_a_state_is_told_and_of_utterances_the_one_that_goes_on(
    happened: list[ServerEvent], told: list[ServerEvent]
) -> None:
    own = OwnEvents()
    assert not any(own.passes(each) for each in happened)
    assert own.open() == told
