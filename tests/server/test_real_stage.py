"""A server on the real stage: the generators that ship, in real time, with scripted models.

On a machine that is too slow for real time the stage skips frames and lanes drop them. Both are
counted, so what is asked here is that no other frame is missing.
"""

import asyncio
import gc
import itertools
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families

from idol_protocol.channels import ARKIT_BLENDSHAPES
from idol_protocol.codec import decode_header
from idol_protocol.frames import AUDIO_RATE_HZ, AudioChunk, FaceFrame, PoseFrame
from idol_protocol.idol_events import IdolStreamOpened
from idol_runtime.conversation.models import Models
from idol_runtime.dialogue.messages import DialogueRequest, Generated, GenerationDone, TextDelta
from idol_runtime.engine.cast import LiveCast
from idol_runtime.engine.engine import open_stage
from idol_runtime.engine.live_character import Member
from idol_runtime.server.config import Limits, ServerConfig
from idol_runtime.server.server import Server, open_server
from idol_runtime.server.session import Session
from idol_runtime.timeline import Card, Frame, SystemClock
from tests.engine.counted_stage import CountedStage
from tests.server.conftest import HOSHI, Client, Event, ScriptedDialogue, ScriptedSpeech, Served
from tests.server.media import Media, media_of, streams_of

pytestmark = pytest.mark.slow

JAW, CLOSE = (ARKIT_BLENDSHAPES.index(name) for name in ("jawOpen", "mouthClose"))
SAMPLES_PER_WORD = 2_400
SETTLED_FRAMES = 12
"""After its sound a mouth is shut: the look-ahead, the window of the analysis, a few frames."""


@dataclass
class Echo(ScriptedDialogue):
    """Says what was said to it."""

    async def stream(self, request: DialogueRequest) -> AsyncGenerator[Generated, None]:
        self.requests.append(request)
        words = request.messages[-1].content.split()
        for word in words:
            yield TextDelta(word + " ")
        yield GenerationDone("stop", 20, 12, len(words), 0.01, 100.0)


@dataclass
class Live(Served):
    """A server whose characters move in real time."""

    stage: CountedStage
    dialogue: ScriptedDialogue
    ticked: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, name: str, **labels: str) -> int:
        """A metric as `/metrics` has it, summed over the labels that are not given."""
        families = text_string_to_metric_families(self.server.metrics.page().decode())
        return sum(
            int(each.value)
            for family in families
            for each in family.samples
            if each.name == name and labels.items() <= each.labels.items()
        )

    @property
    def frames_lost(self) -> int:
        """Frames that the stage skipped or a lane dropped, over all clients."""
        return self.stage.stage.skipped_frames + self.count("idol_frames_dropped_total")

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Looks again after each tick; somebody must be on the stage."""
        async with asyncio.timeout(20):
            while not is_so():
                self.ticked.clear()
                await self.ticked.wait()


@asynccontextmanager
async def live(
    dialogue: ScriptedDialogue, *, shared: bool = False, limits: Limits | None = None
) -> AsyncIterator[Live]:
    """Hoshi, whom each session has to itself, and if asked for a shared Ren."""
    real = CountedStage(open_stage("cpu", SystemClock()))
    models = Models(dialogue, ScriptedSpeech())
    members = [Member("hoshi", HOSHI, models)]
    if shared:
        members.append(Member("ren", HOSHI, models, is_shared=True))
    cast = LiveCast(real, members)
    server = Server(ServerConfig(port=0, limits=limits or Limits()), cast)
    cast.on_turn_ended = server.metrics.turn
    scene = Live(server, cast, real, dialogue)
    real.stage.on_eviction = server.metrics.evicted
    real.stage.on_tick = lambda seconds: scene.ticked.set()
    ticking = asyncio.create_task(real.stage.run())
    try:
        async with open_server(server):
            yield scene
        await cast.aclose()
        assert real.performers == []
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking


@dataclass
class Guest:
    """A client on the binary lane, and the streams it has."""

    client: Client
    streams: dict[int, IdolStreamOpened]
    events: list[Event] = field(default_factory=list)

    async def converse(self, text: str) -> None:
        self.events += await self.client.ask(text)

    async def watch(self) -> None:
        """Until the answer that is being given, or the next one, has ended."""
        self.events += await self.client.until("response.done")

    async def see(self, count: int, *, from_us: int = 0) -> None:
        """Until at least so many faces have come that are shown from a media time on."""
        faces = {each.stream_id for each in self.streams.values() if each.kind == "face"}
        async with asyncio.timeout(20):
            while count > 0:
                message = await self.client.socket.recv()
                if isinstance(message, bytes):
                    self.client.media.append(message)
                    header, _ = decode_header(message)
                    count -= header.stream_id in faces and header.pts_us >= from_us

    @property
    def media(self) -> Media:
        return media_of(self.client, self.streams)

    @property
    def sound_us(self) -> tuple[int, int]:
        """Where on the media clock the sound begins and ends."""
        audio = self.media.audio
        last = audio[-1]
        return audio[0].pts_us, last.pts_us + len(last.samples) * 1_000_000 // AUDIO_RATE_HZ

    def named(self, kind: str) -> list[Event]:
        return [each for each in self.events if each["type"] == kind]

    @property
    def transcript(self) -> str:
        return " ".join(each["text"] for each in self.named("idol.utterance.started"))

    @property
    def ids(self) -> set[str]:
        """Of the answers and items that it was shown."""
        return {
            each[key] for each in self.events for key in ("response_id", "item_id") if key in each
        }


async def meet(stack: AsyncExitStack, scene: Live, name: str) -> Guest:
    client = await stack.enter_async_context(scene.client("idol.v1", query=f"?model={name}"))
    return Guest(client, await streams_of(client))


def index(frame: FaceFrame | PoseFrame) -> int:
    return round(frame.pts_us * 30 / 1_000_000)


def missing(frames: Sequence[FaceFrame | PoseFrame], first: int, last: int) -> int:
    """How many of the frames from `first` to `last` are not there; they must be in order."""
    indices = [index(each) for each in frames]
    assert all(before < after for before, after in itertools.pairwise(indices))
    return len(set(range(first, last + 1)) - set(indices))


def apart(frames: Sequence[FaceFrame]) -> NDArray[np.float32]:
    """How far the lips are from each other: what the jaw opens less what the lips take up."""
    weights = np.array([each.weights for each in frames])
    gap: NDArray[np.float32] = np.maximum(weights[:, JAW] - weights[:, CLOSE], 0)
    return gap


async def test_every_frame_of_a_spoken_answer_arrives_and_the_lips_move_only_with_it() -> None:
    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(live(Echo()))
        guest = await meet(stack, scene, "hoshi")
        await guest.see(SETTLED_FRAMES)
        await guest.converse("I have seen all the stars and the moon, have you?")
        await guest.see(2 * SETTLED_FRAMES, from_us=guest.sound_us[1])
        lost = scene.frames_lost
    media, (start_us, end_us) = guest.media, guest.sound_us
    assert len(media.samples) == 11 * SAMPLES_PER_WORD
    first, last = start_us * 30 // 1_000_000, end_us * 30 // 1_000_000
    assert missing(media.face, first, last) <= lost
    assert missing(media.pose, first, last) <= lost
    lips = apart(media.face)
    pts_us = np.array([each.pts_us for each in media.face])
    assert lips[(pts_us >= start_us) & (pts_us < end_us)].max() > 0.08
    assert lips[pts_us < start_us - 100_000].max() < 0.04
    assert lips[pts_us >= end_us][SETTLED_FRAMES:].max() < 0.04
    assert np.ptp([each.rotations for each in media.pose], axis=0).max() > 0.01


async def test_many_sessions_each_have_their_own_and_viewers_of_one_see_the_same() -> None:
    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(live(Echo(), shared=True))
        alone = [await meet(stack, scene, "hoshi") for _ in range(16)]
        together = [await meet(stack, scene, "ren") for _ in range(8)]
        said = [f"Number {number} of sixteen is asking you." for number in range(16)]
        await asyncio.gather(
            *(guest.converse(text) for guest, text in zip(alone, said, strict=True)),
            together[0].converse("All eight of us see you."),
            *(guest.watch() for guest in together[1:]),
        )
        await asyncio.gather(
            *(guest.see(1, from_us=guest.sound_us[1]) for guest in [*alone, *together])
        )
        lost = scene.frames_lost
        assert scene.count("idol_turns_total", status="completed") == 17

    for guest, text in zip(alone, said, strict=True):
        assert guest.transcript == text
        assert len(guest.media.samples) == 7 * SAMPLES_PER_WORD
        # Its clock began with the session.
        for frames in (guest.media.face, guest.media.pose):
            assert missing(frames, 0, index(frames[-1])) <= lost
    for guest, other in itertools.combinations([*alone, together[0]], 2):
        assert not guest.ids & other.ids

    for guest in together:
        assert guest.transcript == "All eight of us see you."
        assert guest.ids == together[0].ids
        np.testing.assert_array_equal(guest.media.samples, together[0].media.samples)
        first, last = (pts_us * 30 // 1_000_000 for pts_us in guest.sound_us)
        assert missing(guest.media.face, first, last) <= lost
    faces = [
        {each.pts_us: each.weights.tobytes() + each.head_eyes_deg.tobytes() for each in seen}
        for seen in (guest.media.face for guest in together)
    ]
    poses = [
        {each.pts_us: each.rotations.tobytes() + each.hips_m.tobytes() for each in seen}
        for seen in (guest.media.pose for guest in together)
    ]
    for seen in (faces, poses):
        for mine, theirs in itertools.pairwise(seen):
            common = mine.keys() & theirs.keys()
            assert common
            assert all(mine[pts_us] == theirs[pts_us] for pts_us in common)


@dataclass
class Faulty:
    """An output that takes one chunk of sound and breaks at the next."""

    num_chunks: int = 0
    is_closed: bool = False

    async def open(self, card: Card) -> None:
        pass

    def on_frame(self, frame: Frame) -> None:
        if isinstance(frame, AudioChunk):
            self.num_chunks += 1
            if self.num_chunks == 2:
                raise OSError("the rig is gone")

    async def aclose(self) -> None:
        self.is_closed = True


async def test_an_output_that_breaks_in_a_turn_is_evicted_and_nobody_else_notices() -> None:
    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(live(ScriptedDialogue(), shared=True))
        faulty = Faulty()
        await scene.cast.send_to(faulty, "ren")
        asking, watching = [await meet(stack, scene, "ren") for _ in range(2)]
        await asyncio.gather(asking.converse("Who are you?"), watching.watch())
        assert faulty.num_chunks == 2
        assert faulty.is_closed
        assert scene.count("idol_outputs_evicted_total", kind="Faulty") == 1
        for guest in (asking, watching):
            assert guest.named("response.done")[0]["response"]["status"] == "completed"
            assert len(guest.media.samples) == 5 * SAMPLES_PER_WORD
        # The stage and the conversation go on.
        await asyncio.gather(asking.converse("And now?"), watching.watch())
        assert len(watching.media.samples) == 2 * 5 * SAMPLES_PER_WORD
        assert scene.count("idol_turns_total", status="completed") == 2


@dataclass
class Visitor:
    """A client of the random crowd; reads all that comes."""

    client: Client
    leaving: AsyncExitStack
    reading: asyncio.Task[None]
    seen: list[Event]

    async def go(self, *, breaks: bool) -> str | None:
        """Closes the connection or breaks it; the token by which a broken one may come back."""
        if breaks:
            self.client.socket.transport.abort()
        await self.leaving.aclose()
        await asyncio.wait([self.reading])
        tokens = [each["token"] for each in self.seen if each["type"] == "idol.resume.token"]
        return tokens[-1] if breaks and tokens else None


class Crowd:
    """Clients that come, go, speak, interrupt and break off as the dice fall."""

    def __init__(self, scene: Live, seed: int) -> None:
        self.scene = scene
        self.dice = random.Random(seed)
        self.here: list[Visitor] = []
        self.tokens: list[str] = []
        self.seen: list[Event] = []

    def named(self, kind: str) -> list[Event]:
        return [each for each in self.seen if each["type"] == kind]

    async def act(self) -> None:
        acts = [self.come, self.speak, self.speak, self.interrupt, self.fidget, self.part]
        if len(self.here) in (0, 8):
            acts = [self.part if self.here else self.come]
        await self.dice.choice(acts)()
        if self.dice.random() < 0.5:
            await self.scene.until(lambda: True)

    async def come(self) -> None:
        leaving = AsyncExitStack()
        lane, name = self.dice.choice(["idol.v1", "realtime"]), self.dice.choice(["hoshi", "ren"])
        client = await leaving.enter_async_context(self.scene.client(lane, query=f"?model={name}"))
        if self.tokens and self.dice.random() < 0.5:
            token = self.tokens.pop(self.dice.randrange(len(self.tokens)))
            await client.send({"type": "idol.resume", "token": token})
        seen: list[Event] = []

        async def read() -> None:
            with suppress(Exception):  # it ends with the connection
                while True:
                    seen.append(await client.next())

        self.here.append(Visitor(client, leaving, asyncio.create_task(read()), seen))

    async def speak(self) -> None:
        content = [{"type": "input_text", "text": "Tell me about the stars, will you?"}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send({"type": "conversation.item.create", "item": item})
        modality = self.dice.choice(["audio", "audio", "text"])
        await self.send({"type": "response.create", "response": {"output_modalities": [modality]}})

    async def interrupt(self) -> None:
        for _ in range(self.dice.randint(1, 2)):
            await self.send({"type": "response.cancel"})

    async def fidget(self) -> None:
        events: list[Event] = [
            {"type": "idol.streams.configure", "face": {"fps": 15}, "pose": None},
            {"type": "idol.streams.configure", "audio": None, "face": {}},
            {"type": "idol.gesture.create", "gesture": "wave"},
            {"type": "idol.activity.set", "activity": "dance"},
            {"type": "idol.activity.set", "activity": "idle"},
            {"type": "idol.playback.progress", "pts_us": 500_000},
        ]
        await self.send(self.dice.choice(events))

    async def part(self) -> None:
        visitor = self.here.pop(self.dice.randrange(len(self.here)))
        if token := await visitor.go(breaks=self.dice.random() < 0.5):
            self.tokens.append(token)
        self.seen += visitor.seen

    async def send(self, event: Event) -> None:
        await self.dice.choice(self.here).client.send(event)


async def test_a_crowd_that_comes_and_goes_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    before = asyncio.all_tasks()
    dialogue = ScriptedDialogue()
    async with live(dialogue, shared=True, limits=Limits(max_waiting_sessions=3)) as scene:
        crowd = Crowd(scene, seed=11)
        alone = asyncio.all_tasks()
        for _ in range(200):
            await crowd.act()
        while crowd.here:
            await crowd.part()
        await scene.until(lambda: scene.count("idol_ws_connections") == 0)
        # The shared one, and those who may yet come back.
        await scene.until(lambda: len(scene.stage.performers) <= 1 + 3)
        await scene.server.shutdown()
        await scene.until(lambda: len(scene.stage.performers) == 1)
        await scene.until(lambda: not asyncio.all_tasks() - alone)
        gc.collect()
        # By type: asking some lazy object of a library for its class makes it warn.
        assert not [each for each in gc.get_objects() if type(each) is Session]
        ended = {each["response"]["status"] for each in crowd.named("response.done")}
        assert ended == {"completed", "cancelled"}
        errors = {each["error"]["type"] for each in crowd.named("error")}
        assert errors <= {"invalid_request_error"}
        assert crowd.named("idol.resumed")
        assert dialogue.closed == len(dialogue.requests) > 10
    assert not asyncio.all_tasks() - before
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []
