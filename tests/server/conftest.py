"""A server on loopback with a real conversation, performer and timeline, and scripted models."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from idol_protocol.channels import GESTURES
from idol_runtime.character import Character
from idol_runtime.conversation.hooks import MakeHooks, no_hooks
from idol_runtime.conversation.models import Models
from idol_runtime.dialogue.messages import DialogueRequest, Generated, GenerationDone, TextDelta
from idol_runtime.engine.cast import LiveCast
from idol_runtime.engine.live_character import Member
from idol_runtime.motion.gestures import GestureTimes
from idol_runtime.server.config import Limits, ServerConfig
from idol_runtime.server.server import Server, open_server
from idol_runtime.speech.engine import VoiceCapabilities
from idol_runtime.speech.types import SpeechChunk, SpeechRequest
from idol_runtime.stage.conditions import Conditioning, SpeechWindow
from idol_runtime.stage.performer import Performer
from idol_runtime.timeline import FRAME_SAMPLES, Phoneme

Event: TypeAlias = dict[str, Any]
"""An event as it is on the wire."""

TIMES = GestureTimes(dict.fromkeys(GESTURES, 1.0), dict.fromkeys(GESTURES, 0.5), fps=30)
CONDITIONING = Conditioning(TIMES, face=SpeechWindow(2), pose=SpeechWindow(2))
HOSHI = Character(name="Hoshi", persona="You are Hoshi.", greeting="Hi, I'm Hoshi!", repeats=True)


@dataclass
class ScriptedDialogue:
    """Answers with the same deltas each time; keeps what it was asked."""

    deltas: list[str] = field(default_factory=lambda: ["Hello ", "there. ", "How are you?"])
    requests: list[DialogueRequest] = field(default_factory=list)
    never_ends: bool = False
    fails_with: Exception | None = None
    finish_reason: Literal["stop", "length", "context"] = "stop"
    closed: int = 0

    async def stream(self, request: DialogueRequest) -> AsyncGenerator[Generated, None]:
        self.requests.append(request)
        try:
            if self.fails_with is not None:
                raise self.fails_with
            for delta in self.deltas:
                yield TextDelta(delta)
            while self.never_ends:
                await asyncio.sleep(0)
                yield TextDelta("la ")
            yield GenerationDone(self.finish_reason, 20, 12, len(self.deltas), 0.01, 100.0)
        finally:
            self.closed += 1


@dataclass
class ScriptedSpeech:
    """A tenth of a second of sound for each word, as two chunks."""

    requests: list[SpeechRequest] = field(default_factory=list)

    async def stream(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        self.requests.append(request)
        words = len(request.text.split())
        sound = (np.sin(np.arange(2_400 * words) / 10) * 8_000).astype(np.int16)
        phonemes = (Phoneme("h", 0.0, 0.1), Phoneme("i", 0.1, words / 10))
        half = len(sound) // 2
        yield SpeechChunk(sound[:half], phonemes, False)
        yield SpeechChunk(sound[half:], (), True)


@dataclass(frozen=True)
class ScriptedModels(Models):
    """Models whose voices are known."""

    async def voice(self) -> VoiceCapabilities:
        voices = ("af_bella", "af_heart", "bf_emma", "jf_alpha", "echo")
        return VoiceCapabilities(24_000, ("en",), voices=voices, blends=True)


class SteppedStage:
    """Characters whose time moves as fast as the loop can while someone is answering."""

    def __init__(self) -> None:
        self.dialogue = ScriptedDialogue()
        self.speech = ScriptedSpeech()
        self.performers: list[Performer] = []
        self.left: list[Performer] = []

    def member(
        self, character: Character = HOSHI, name: str = "hoshi", *, is_shared: bool = False
    ) -> Member:
        models = ScriptedModels(self.dialogue, self.speech)
        return Member(name, character, models, is_shared)

    def now_us(self, performer: Performer) -> int:
        return performer.frame * 1_000_000 // 30

    def join(self, character: Character, seed: int) -> Performer:
        performer = Performer(
            character,
            conditioning=CONDITIONING,
            lead_us=300_000,
            buffer_s=20.0,
        )
        self.performers.append(performer)
        return performer

    def leave(self, performer: Performer) -> None:
        self.performers.remove(performer)
        self.left.append(performer)

    def tick(self) -> None:
        face = np.full(59, 0.25, np.float32)
        rotations = np.tile(np.array([0, 0, 0, 1], np.float32), (22, 1))
        for performer in self.performers:
            performer.show(face, rotations, np.zeros(3, np.float32))

    async def run(self) -> None:
        """Ticks while anybody thinks or has something left to say."""
        while True:
            is_busy = any(
                each.activity == "think" or each.speech_ends > each.frame * FRAME_SAMPLES
                for each in self.performers
            )
            if is_busy:
                self.tick()
            await asyncio.sleep(0 if is_busy else 0.001)


class Client:
    """A test's end of a connection: events as dictionaries, media as they came."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.media: list[bytes] = []

    async def send(self, event: Event | str | bytes) -> None:
        await self.socket.send(json.dumps(event) if isinstance(event, dict) else event)

    async def next(self) -> Event:
        async with asyncio.timeout(10):
            while isinstance(message := await self.socket.recv(), bytes):
                self.media.append(message)
        event: Event = json.loads(message)
        return event

    async def until(self, kind: str) -> list[Event]:
        """All events up to the first of this type, which is the last of them."""
        events = [await self.next()]
        while events[-1]["type"] != kind:
            events.append(await self.next())
        return events

    async def error(self) -> Event:
        error: Event = (await self.until("error"))[-1]["error"]
        return error

    async def closed(self) -> int:
        """The code with which the server closes the connection, of which nothing else comes."""
        with pytest.raises(ConnectionClosed) as closed:
            await self.next()
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code

    async def say(self, text: str) -> Event:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send({"type": "conversation.item.create", "item": item})
        said: Event = (await self.until("conversation.item.done"))[-1]["item"]
        return said

    async def ask(self, text: str, **response: Any) -> list[Event]:
        """The events of the answer to `text`."""
        await self.say(text)
        await self.send({"type": "response.create", "response": response})
        return await self.until("response.done")

    async def update(self, **session: Any) -> Event:
        """The session after a `session.update`."""
        await self.send({"type": "session.update", "event_id": "mine", "session": session})
        updated: Event = (await self.until("session.updated"))[-1]["session"]
        return updated

    async def no_error(self) -> None:
        """Fails if an error waits to be read."""
        await self.send({"type": "idol.clock.ping", "id": 1, "client_us": 1})
        events = await self.until("idol.clock.pong")
        assert [each for each in events if each["type"] == "error"] == []

    async def alive(self) -> None:
        """Fails unless the server still answers."""
        await self.send({"type": "idol.clock.ping", "id": 7, "client_us": 5})
        assert (await self.until("idol.clock.pong"))[-1]["id"] == 7


@dataclass
class Served:
    """A server with the cast behind it, and its clients."""

    server: Server
    cast: LiveCast

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}/v1/realtime"

    @asynccontextmanager
    async def client(
        self, *subprotocols: str, query: str = "", **options: Any
    ) -> AsyncIterator[Client]:
        offered = [Subprotocol(each) for each in subprotocols] or None
        # Reading on, it finds the server's answer to its close behind any number of frames.
        options = {"max_queue": None} | options
        async with connect(self.address + query, subprotocols=offered, **options) as socket:
            yield Client(socket)


@dataclass
class Scene(Served):
    """Characters whose time moves as fast as it can."""

    stage: SteppedStage


class OpenScene(Protocol):
    """Opens a server with what a test wants; it closes with the test."""

    async def __call__(
        self,
        *,
        limits: dict[str, Any] | None = None,
        character: Character = HOSHI,
        members: Sequence[Member] = (),
        make_hooks: MakeHooks = no_hooks,
        settle_s: float = 0.0,
        **options: Any,
    ) -> Scene: ...


@pytest.fixture
async def stage() -> AsyncIterator[SteppedStage]:
    stage = SteppedStage()
    running = asyncio.create_task(stage.run())
    yield stage
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.fixture
async def open_scene(stage: SteppedStage) -> AsyncIterator[OpenScene]:
    async with AsyncExitStack() as stack:

        async def start(
            *,
            limits: dict[str, Any] | None = None,
            character: Character = HOSHI,
            members: Sequence[Member] = (),
            make_hooks: MakeHooks = no_hooks,
            settle_s: float = 0.0,
            **options: Any,
        ) -> Scene:
            config: dict[str, Any] = {"port": 0, "limits": Limits(**(limits or {}))} | {
                key: options.pop(key)
                for key in ("host", "port", "token", "host_token", "allowed_origins")
                if key in options
            }
            settings = ServerConfig(**config)
            cast = LiveCast(
                stage,
                members or [stage.member(character)],
                make_hooks,
                items=settings.limits.items,
                settle_s=settle_s,
            )
            server = Server(settings, cast, **options)
            cast.on_turn_ended = server.metrics.turn
            await stack.enter_async_context(open_server(server))
            stack.push_async_callback(cast.aclose)
            return Scene(server, cast, stage)

        yield start


@pytest.fixture
async def scene(open_scene: OpenScene) -> Scene:
    return await open_scene()
