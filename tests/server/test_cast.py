"""Characters by name: private ones, shared ones, and who may speak to them."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest
from msgspec.structs import replace
from websockets.exceptions import InvalidStatus

from idol_protocol.codec import decode_message
from idol_protocol.events import parse_server_event
from idol_protocol.frames import FaceFrame
from idol_protocol.idol_events import IdolStreamOpened
from idol_runtime.engine.cast import LiveCast
from idol_runtime.errors import ConfigError
from idol_runtime.timeline import Card, Frame, UtteranceStarted
from tests.server.conftest import HOSHI, Client, Event, OpenScene, Scene, SteppedStage

FRAMES = 12
REN = replace(HOSHI, name="Ren", persona="You are Ren.", greeting="Welcome, traveller.")


async def name_of(client: Client) -> str:
    name: str = (await client.until("idol.character"))[-1]["character"]["name"]
    return name


@pytest.fixture
async def two(open_scene: OpenScene, stage: SteppedStage) -> Scene:
    scene: Scene = await open_scene(
        members=[stage.member(HOSHI, "hoshi"), stage.member(REN, "ren")]
    )
    return scene


@pytest.fixture
async def shared(open_scene: OpenScene, stage: SteppedStage) -> Scene:
    return await open_scene(members=[stage.member(is_shared=True)])


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "Hoshi"),
        ("?model=", "Hoshi"),
        ("?model=gpt-realtime", "Hoshi"),
        ("?model=gpt-4o-realtime-preview&x=1", "Hoshi"),
        ("?model=hoshi", "Hoshi"),
        ("?model=ren", "Ren"),
        ("?x=1&model=r%65n", "Ren"),
    ],
)
async def test_the_model_of_a_client_chooses_who_answers(two: Scene, query: str, name: str) -> None:
    async with two.client("idol.v1", query=query) as client:
        created = (await client.until("session.created"))[-1]["session"]
        assert await name_of(client) == name
    assert created["model"] == name.lower()


@pytest.mark.parametrize("query", ["?model=Ren", "?model=miku", "?model=..%2Fhoshi"])
async def test_a_character_that_is_not_there_is_refused_before_the_upgrade(
    two: Scene, query: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with two.client("idol.v1", query=query):
            pass
    response = refused.value.response
    assert response.status_code == 404
    assert "one of hoshi, ren" in (response.body or b"").decode()


async def test_two_characters_answer_at_once_each_as_itself(two: Scene) -> None:
    async with (
        two.client("idol.v1", query="?model=hoshi") as one,
        two.client("idol.v1", query="?model=ren") as other,
    ):
        await asyncio.gather(one.ask("Who are you?"), other.ask("Who are you?"))
    personas = {each.messages[0].content for each in two.stage.dialogue.requests}
    assert personas == {"You are Hoshi.", "You are Ren."}


def test_two_folders_of_one_name_are_refused(stage: SteppedStage) -> None:
    with pytest.raises(ConfigError, match="different names"):
        LiveCast(stage, [stage.member(HOSHI, "hoshi"), stage.member(REN, "hoshi")])


async def test_a_shared_character_is_there_once_and_stays_when_everyone_has_left(
    shared: Scene,
) -> None:
    assert len(shared.stage.performers) == 1
    async with shared.client("idol.v1") as one, shared.client("idol.v1") as other:
        await one.alive()
        await other.alive()
        assert len(shared.stage.performers) == 1
    assert len(shared.stage.performers) == 1


async def test_what_one_client_says_and_hears_all_see(shared: Scene) -> None:
    async with shared.client("idol.v1") as one, shared.client("idol.v1") as other:
        await other.until("idol.resume.token")
        mine = await one.ask("Who are you?")
        theirs = await other.until("response.done")
    said = [each["text"] for each in mine if each["type"] == "idol.utterance.started"]
    assert " ".join(said) == "Hello there. How are you?"
    for kind in ("response.created", "idol.utterance.started", "idol.phonemes", "response.done"):
        assert without_ids(theirs, kind) == without_ids(mine, kind)
    added = [each for each in theirs if each["type"] == "conversation.item.added"]
    assert added[0]["item"]["content"][0]["text"] == "Who are you?"
    assert len(shared.stage.dialogue.requests) == 1


def without_ids(events: list[Event], kind: str) -> list[Event]:
    """Events of a kind without the numbers that each session gives its own."""
    return [{**each, "event_id": ""} for each in events if each["type"] == kind]


async def test_two_clients_and_the_overlay_see_one_clock(shared: Scene) -> None:
    """The overlay is a third client on the binary lane that only watches."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(shared.client("idol.v1"))
        two = await stack.enter_async_context(shared.client("realtime"))
        overlay = await stack.enter_async_context(shared.client("idol.v1"))
        for _ in range(30):
            shared.stage.tick()
        clocks = set()
        for client in (one, two, overlay):
            await client.send({"type": "idol.clock.ping", "id": 1, "client_us": 0})
            events = await client.until("idol.clock.pong")
            clocks.add(events[-1]["pts_us"])
        assert clocks == {1_000_000}
        one.media.clear()
        overlay.media.clear()
        opened = await faces_of(one), await faces_of(overlay)
        await one.ask("Who are you?")
        await overlay.until("response.done")
        for _ in range(FRAMES):  # one at a time: newer ones take the place of those that wait
            shared.stage.tick()
            for client in (one, two, overlay):
                await client.alive()
        seen = [
            frames(client, stream) for client, stream in zip((one, overlay), opened, strict=True)
        ]
    mine, theirs = ({each.pts_us: each.weights.tobytes() for each in faces} for faces in seen)
    together = set(mine) & set(theirs)
    assert len(together) >= FRAMES
    assert all(mine[pts] == theirs[pts] for pts in together)


async def faces_of(client: Client) -> IdolStreamOpened:
    await client.send({"type": "idol.streams.configure", "face": {"dtype": "f32"}})
    event = parse_server_event(json.dumps((await client.until("idol.stream.opened"))[-1]))
    assert isinstance(event, IdolStreamOpened)
    return event


def frames(client: Client, stream: IdolStreamOpened) -> list[FaceFrame]:
    found: list[FaceFrame] = []
    for message in client.media:
        if int.from_bytes(message[2:4], "little") == stream.stream_id:
            media = decode_message(message, stream)
            assert isinstance(media, list)
            found += [each for each in media if isinstance(each, FaceFrame)]
    return found


async def test_who_comes_in_the_middle_of_an_answer_sees_the_rest_of_it(shared: Scene) -> None:
    shared.stage.dialogue.never_ends = True
    async with shared.client("idol.v1") as one:
        await one.say("Sing.")
        await one.send({"type": "response.create"})
        await one.until("idol.utterance.started")
        async with shared.client("idol.v1") as late:
            created = (await late.until("response.created"))[-1]["response"]
            await late.until("idol.utterance.started")
            await one.send({"type": "response.cancel"})
            done = (await late.until("response.done"))[-1]["response"]
    assert created["id"] == done["id"]
    assert done["status"] == "cancelled"


async def test_an_answer_goes_on_when_the_client_that_asked_has_left(shared: Scene) -> None:
    async with shared.client("idol.v1") as watching:
        async with shared.client("idol.v1") as asking:
            await asking.say("Hi.")
            await asking.send({"type": "response.create"})
            await asking.until("response.created")
        done = (await watching.until("response.done"))[-1]["response"]
    assert done["status"] == "completed"


async def test_one_answer_at_a_time_whoever_asks(shared: Scene) -> None:
    shared.stage.dialogue.never_ends = True
    async with shared.client("idol.v1") as one, shared.client("idol.v1") as other:
        await one.say("Sing.")
        await one.send({"type": "response.create"})
        await one.until("response.created")
        await other.send({"type": "response.create"})
        assert (await other.error())["code"] == "conversation_already_has_active_response"
        await other.send({"type": "response.cancel"})
        assert (await one.until("response.done"))[-1]["response"]["status"] == "cancelled"


async def test_an_answer_is_counted_once_however_many_see_it(shared: Scene) -> None:
    async with shared.client("idol.v1") as one, shared.client("idol.v1") as other:
        await one.ask("Hi.")
        await other.until("response.done")
    assert b'idol_turns_total{status="completed"} 1.0' in shared.server.metrics.page()


ASKING = [
    {
        "type": "conversation.item.create",
        "item": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Hi."}],
        },
    },
    {"type": "conversation.item.delete", "item_id": "any"},
    {"type": "response.create"},
    {"type": "response.cancel"},
    {"type": "idol.gesture.create", "gesture": "wave"},
    {"type": "idol.activity.set", "activity": "dance"},
]


@pytest.mark.parametrize("event", ASKING, ids=lambda each: str(each["type"]))
async def test_a_character_of_its_host_alone_listens_to_nobody_else(
    open_scene: OpenScene, stage: SteppedStage, event: Event
) -> None:
    shy = replace(HOSHI, audience="host")
    scene = await open_scene(members=[stage.member(shy, is_shared=True)], host_token="mine")
    async with scene.client("idol.v1") as viewer:
        await viewer.send(event)
        error = await viewer.error()
    assert error["code"] == "not_in_audience"
    assert "host's token" in error["message"]


@pytest.mark.parametrize("how", ["header", "subprotocol", "event"])
async def test_the_host_speaks_and_the_viewers_watch(
    open_scene: OpenScene, stage: SteppedStage, how: str
) -> None:
    shy = replace(HOSHI, audience="host")
    scene = await open_scene(
        members=[stage.member(shy, is_shared=True)], token="all", host_token="mine"
    )
    viewing = {"Authorization": "Bearer all"}
    hosting = {"Authorization": "Bearer mine"} if how == "header" else {}
    offered = (
        ("realtime", "openai-insecure-api-key.mine") if how == "subprotocol" else ("realtime",)
    )
    async with (
        scene.client("idol.v1", additional_headers=viewing) as viewer,
        scene.client(*offered, additional_headers=hosting) as host,
    ):
        if how == "event":
            await host.send({"type": "idol.authenticate", "token": "mine"})
        await host.ask("Hi.")
        assert (await viewer.until("response.done"))[-1]["response"]["status"] == "completed"


async def test_a_private_character_listens_to_whoever_it_is_with(
    open_scene: OpenScene, stage: SteppedStage
) -> None:
    shy = replace(HOSHI, audience="host")
    scene = await open_scene(members=[stage.member(shy)], host_token="mine")
    async with scene.client("idol.v1") as client:
        assert (await client.ask("Hi."))[-1]["response"]["status"] == "completed"


class Sender:
    """An output that keeps what it was given."""

    def __init__(self) -> None:
        self.card: Card | None = None
        self.frames: list[Frame] = []
        self.is_closed = False

    async def open(self, card: Card) -> None:
        self.card = card

    def on_frame(self, frame: Frame) -> None:
        self.frames.append(frame)

    async def aclose(self) -> None:
        self.is_closed = True


async def test_an_output_takes_a_shared_characters_timeline_until_the_cast_is_closed(
    shared: Scene,
) -> None:
    sender = Sender()
    await shared.cast.send_to(sender, "hoshi")
    async with shared.client("idol.v1") as client:
        await client.ask("Hi.")
    assert sender.card == Card("Hoshi", "en-us")
    spoken = [each.text for each in sender.frames if isinstance(each, UtteranceStarted)]
    assert " ".join(spoken) == "Hello there. How are you?"
    assert not sender.is_closed
    await shared.cast.aclose()
    assert sender.is_closed


async def test_how_far_a_mere_viewer_has_played_changes_nothing(
    open_scene: OpenScene, stage: SteppedStage
) -> None:
    stage.dialogue.never_ends = True
    shy = replace(HOSHI, audience="host")
    scene = await open_scene(members=[stage.member(shy, is_shared=True)], host_token="mine")
    async with (
        scene.client("idol.v1") as viewer,
        scene.client("idol.v1", additional_headers={"Authorization": "Bearer mine"}) as host,
    ):
        await host.say("Sing.")
        await host.send({"type": "response.create"})
        await host.until("idol.utterance.ended")
        await viewer.send({"type": "idol.playback.progress", "pts_us": 0})
        await viewer.alive()
        await host.send({"type": "response.cancel"})
        done = (await host.until("response.done"))[-1]["response"]
    assert done["output"][0]["content"][0]["transcript"].startswith("Hello there.")


async def test_no_output_follows_a_character_that_is_there_for_each_session_anew(
    two: Scene,
) -> None:
    with pytest.raises(ConfigError, match=r"found hoshi; share it.*there are none"):
        await two.cast.send_to(Sender(), "hoshi")
