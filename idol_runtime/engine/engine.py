"""Everything that runs: the worker processes, the motion generators and the stage."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from idol_runtime.character import Character
from idol_runtime.conversation.hooks import MakeHooks
from idol_runtime.conversation.items import ItemLimits
from idol_runtime.conversation.models import ModelFolders, ModelWorkers, start_models
from idol_runtime.conversation.prompt import build_prompt
from idol_runtime.conversation.turn_handle import Ended
from idol_runtime.dialogue.config import MIB, DecoderRoom
from idol_runtime.dialogue.messages import ChatMessage, DialogueRequest, GenerationDone
from idol_runtime.engine.cast import LiveCast
from idol_runtime.engine.live_character import Member
from idol_runtime.engine.model_files import BUNDLES
from idol_runtime.errors import IdolError
from idol_runtime.inference.process import Room
from idol_runtime.inference.session import Provider
from idol_runtime.inference.vitals import Patience
from idol_runtime.inference.worker import WorkerEvent
from idol_runtime.mind.mind import make_mind
from idol_runtime.music.metronome import own_beat
from idol_runtime.speech.types import SpeechRequest
from idol_runtime.stage.generators import GeneratorBundles
from idol_runtime.stage.stage import Stage
from idol_runtime.timeline import Clock, Output, SystemClock

"""The face and pose generators ship with the package."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    provider: Provider = "auto"
    threads: int = max(1, os.cpu_count() or 1)
    """For each of the dialogue and speech models; the generators use one."""
    replies: int = 16
    """Written at once by the dialogue model; each takes memory of its worker."""
    context_tokens: int = 2048
    """That the dialogue model reads and writes of a conversation at most."""
    kept_mb: int = 512
    """What the dialogue model may keep of conversations for their next turns."""
    waiting_replies: int = 64
    """That may wait for their place; one more fails with `server_overloaded`."""
    step_s: float = Patience().step_s
    """How long a model may be at one step before its worker is taken for hung."""
    lead_ms: int = 300
    """How long before its playing time sound is delivered at most."""
    items: ItemLimits | None = None
    """What each conversation holds."""


@dataclass(frozen=True, slots=True)
class CastEntry:
    """A character that is to live here."""

    name: str
    """The name of its folder."""
    character: Character
    folders: ModelFolders
    is_shared: bool = False
    """One for all sessions; otherwise each session has the character to itself."""
    outputs: tuple[Output, ...] = ()
    """Where the timeline of a shared one also goes; not yet open."""


@dataclass(frozen=True, slots=True)
class SceneEntry:
    """Shared characters who are together in one scene."""

    names: tuple[str, ...]
    """Of their folders, in the order in which they take turns."""
    turns: int = 3
    """Answers that they give unasked after a user has spoken, at most."""


class Engine:
    """Live models, the stage and the cast on it; made by `open_engine`."""

    def __init__(
        self,
        entries: Sequence[CastEntry],
        models: Mapping[ModelFolders, ModelWorkers],
        stage: Stage,
        config: EngineConfig,
        make_hooks: MakeHooks,
    ) -> None:
        self.stage = stage
        self.models = models
        """The workers, by the bundles they hold; characters of the same bundles share them."""
        self._entries = entries
        members = [
            Member(entry.name, entry.character, self.models[entry.folders], entry.is_shared)
            for entry in entries
        ]
        self.cast = LiveCast(stage, members, make_hooks, items=config.items)
        self._reading: set[asyncio.Task[None]] = set()
        self.ticking = asyncio.create_task(stage.run())
        """Ends only when the engine is closed, or with the error that stopped the stage."""

    def watch_ticks(self, on_tick: Callable[[float], None]) -> None:
        """Calls `on_tick` with how long each tick took, in seconds."""
        self.stage.on_tick = on_tick

    def watch_skips(self, on_skip: Callable[[int], None]) -> None:
        """Calls `on_skip` with how many frames were too late to be made, whenever some were."""
        self.stage.on_skip = on_skip

    def watch_evictions(self, on_eviction: Callable[[str], None]) -> None:
        """Reports the kind of each output that failed and was evicted, those until now included."""
        for kind in self.stage.evicted.elements():
            on_eviction(kind)
        self.stage.on_eviction = on_eviction

    def watch_turns(self, on_turn_ended: Callable[[Ended], None]) -> None:
        """Calls `on_turn_ended` with every answer that ended, once."""
        self.cast.on_turn_ended = on_turn_ended

    def watch_workers(self, on_event: Callable[[str, WorkerEvent], None]) -> None:
        """Calls `on_event` with the name of each worker that hung or was started again."""
        for models in self.models.values():
            models.watch(on_event)

    def watch_replies(self, on_done: Callable[[int, GenerationDone], None]) -> None:
        """Calls `on_done` for each reply a dialogue model ended, with the model's number."""
        for number, models in enumerate(self.models.values()):
            models.watch_replies(partial(on_done, number))

    @property
    def problem(self) -> str | None:
        """Why no turn can be served now, as a sentence, or None when one can."""
        problems = (models.problem for models in self.models.values())
        return next((each for each in problems if each is not None), None)

    def drain(self) -> None:
        """The server is being stopped: nobody waits any longer for a worker that is hung."""
        for models in self.models.values():
            models.drain()

    async def warm_up(self) -> None:
        """Starts the workers and makes each model run once.

        What is left of a persona is read on afterwards: a turn that comes meanwhile waits for that
        as it would read it itself.

        Raises:
            ConfigError: a character asks for a style tag that the face does not know, or speaks a
                language that one of its models does not.
            IdolError: a model could not be opened.
        """
        await asyncio.gather(*(self._warm_up(entry) for entry in self._entries))

    async def _warm_up(self, entry: CastEntry) -> None:
        character, models = entry.character, self.models[entry.folders]
        self.stage.check(character)
        messages = build_prompt(character, [ChatMessage("user", "Hello.")]).messages()
        prompt = DialogueRequest(messages, character.sampling, max_tokens=1)
        voice = character.voice
        speech = SpeechRequest("Hello.", voice.name, character.language, voice.speed)

        async def speak() -> None:
            await models.check(character)
            async with aclosing(models.speech.stream(speech)) as chunks:
                await anext(chunks, None)  # the rest is more of the same

        # The persona is read while the voice is opened.
        await asyncio.gather(self._begin_reading(models.dialogue.stream(prompt)), speak())

    async def _begin_reading(self, items: AsyncGenerator[object, None]) -> None:
        """Returns when the model has accepted the prompt and read the first part of it."""
        await anext(items, None)
        reading = asyncio.create_task(_read_on(items))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)

    async def aclose(self) -> None:
        self.ticking.cancel()
        for reading in self._reading:
            reading.cancel()
        await asyncio.wait([self.ticking, *self._reading])
        await self.cast.aclose()
        self.stage.close()


async def _read_on(items: AsyncGenerator[object, None]) -> None:
    async with aclosing(items):
        with suppress(IdolError):  # the next turn will tell
            async for _ in items:
                pass


def open_stage(
    provider: Provider, clock: Clock, *, lead_ms: int = 300, buffer_s: float = 20
) -> Stage:
    """The stage, with all that can move a character."""
    generators = open_generators(provider)
    return Stage(generators.of, clock, lead_us=lead_ms * 1000, buffer_s=buffer_s, own_beat=own_beat)


def open_generators(provider: Provider) -> GeneratorBundles:
    """Faces and bodies: those that ship with the package, and those that characters bring.

    Raises:
        BundleError: what ships with the package is damaged.
        ProviderError: CUDA was asked for and cannot be used.
    """
    return GeneratorBundles(BUNDLES / "face", BUNDLES / "pose", provider=provider)


@asynccontextmanager
async def open_engine(
    entries: Sequence[CastEntry],
    config: EngineConfig,
    *,
    clock: Clock | None = None,
    make_hooks: MakeHooks | None = None,
    scenes: Sequence[SceneEntry] = (),
    at_once: bool = False,
) -> AsyncIterator[Engine]:
    """A running engine: the stage ticks until the end.

    Args:
        entries: Who lives here, at least one.
        config: Where and how wide to run.
        clock: The stage's; the machine's own by default.
        make_hooks: Makes the hooks of each conversation; those of the mind by default.
        scenes: Which shared characters hear and answer each other.
        at_once: Start the workers before anything else; otherwise with the first request.

    Raises:
        ConfigError: two characters of one name, or a style tag that a face does not know.
        BundleError: a bundle names an engine that nothing installed brings.
    """
    models = _models(entries, config)
    try:
        if at_once:  # they load while this process does
            for each in models.values():
                each.begin()
        stage = open_stage(config.provider, clock or SystemClock(), lead_ms=config.lead_ms)
        engine = Engine(entries, models, stage, config, make_hooks or make_mind())
        try:
            for scene in scenes:
                engine.cast.bring_together(scene.names, scene.turns)
            for entry in entries:
                for output in entry.outputs:
                    await engine.cast.send_to(output, entry.name)
            yield engine
        finally:
            await engine.aclose()
    finally:
        await asyncio.gather(*(each.aclose() for each in models.values()))


def _models(entries: Sequence[CastEntry], config: EngineConfig) -> dict[ModelFolders, ModelWorkers]:
    """The workers, by the bundles they hold."""
    return {
        folders: start_models(
            folders,
            provider=config.provider,
            threads=config.threads,
            room=Room(streams=config.replies, waiting=config.waiting_replies),
            decoder=DecoderRoom(config.context_tokens, kept_bytes=config.kept_mb * MIB),
            patience=Patience(step_s=config.step_s),
        )
        for folders in dict.fromkeys(entry.folders for entry in entries)
    }
