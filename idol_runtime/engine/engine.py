"""Everything that runs: the worker processes, the motion generators and the stage."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from idol_runtime.character import Character
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.models import ModelFolders, ModelWorkers, start_models
from idol_runtime.conversation.prompt import build_prompt
from idol_runtime.dialogue.messages import ChatMessage, DialogueRequest
from idol_runtime.inference.session import Provider
from idol_runtime.motion.face import FaceModel
from idol_runtime.motion.pose import PoseModel
from idol_runtime.motion.styles import Styles
from idol_runtime.speech.types import SpeechRequest
from idol_runtime.stage.stage import Stage
from idol_runtime.timeline import Clock, SystemClock

BUNDLES = Path(__file__).parents[1] / "bundles"
"""The face and pose generators ship with the package."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    provider: Provider = "auto"
    threads: int = max(1, os.cpu_count() or 1)
    """For each of the dialogue and speech models; the generators use one."""
    lead_ms: int = 300
    """How long before its playing time sound is delivered at most."""


class Engine:
    """Live models and the stage; made by `open_engine`."""

    def __init__(self, models: ModelWorkers, stage: Stage) -> None:
        self.models = models
        self.stage = stage
        self.ticking = asyncio.create_task(stage.run())
        """Ends only when the engine is closed, or with the error that stopped the stage."""
        self._joined = 0

    def join(self, character: Character, *, seed: int | None = None) -> Conversation:
        """A new character on the stage, with a conversation of its own."""
        self._joined += 1
        performer = self.stage.join(character, self._joined if seed is None else seed)
        return Conversation(character, performer, self.models)

    async def leave(self, conversation: Conversation) -> None:
        await conversation.cancel()
        self.stage.leave(conversation.performer)

    def watch_ticks(self, on_tick: Callable[[float], None]) -> None:
        """Has how long each tick took, in seconds, told to `on_tick`."""
        self.stage.on_tick = on_tick

    def watch_evictions(self, on_eviction: Callable[[str], None]) -> None:
        """Has the kind of each output that failed and was evicted told to `on_eviction`."""
        self.stage.on_eviction = on_eviction

    async def warm_up(self, character: Character) -> None:
        """Starts the workers and makes each model run once, persona prefix included.

        Raises:
            ConfigError: the character asks for a style tag that the face does not know.
            IdolError: a model could not be opened.
        """
        self.stage.styles.code(character.motion)
        voice = character.voice
        messages = build_prompt(character, [ChatMessage("user", "Hello.")])
        prompt = DialogueRequest(messages, character.sampling, max_tokens=1)
        speech = SpeechRequest("Hello.", voice.name, character.language, voice.speed)
        await asyncio.gather(
            _drain(self.models.dialogue.stream(prompt)), _drain(self.models.speech.stream(speech))
        )

    async def aclose(self) -> None:
        self.ticking.cancel()
        await asyncio.wait([self.ticking])
        await self.models.aclose()


async def _drain(items: AsyncIterator[object]) -> None:
    async for _ in items:
        pass


def open_stage(
    provider: Provider, clock: Clock, *, lead_ms: int = 300, buffer_s: float = 20
) -> Stage:
    """The stage with the generators that ship with the package."""
    face = FaceModel.open(BUNDLES / "face", provider=provider, threads=1)
    pose = PoseModel.open(BUNDLES / "pose", provider=provider, threads=1)
    styles = Styles.open(BUNDLES / "face", face.config.style_tags)
    return Stage(face, pose, clock, styles=styles, lead_us=lead_ms * 1000, buffer_s=buffer_s)


@asynccontextmanager
async def open_engine(
    folders: ModelFolders, config: EngineConfig, *, clock: Clock | None = None
) -> AsyncIterator[Engine]:
    """A running engine: workers start with the first request, the stage ticks until the end.

    Args:
        folders: The dialogue and speech bundles.
        config: Where and how wide to run.
        clock: The stage's; the machine's own by default.
    """
    stage = open_stage(config.provider, clock or SystemClock(), lead_ms=config.lead_ms)
    models = start_models(folders, provider=config.provider, threads=config.threads)
    engine = Engine(models, stage)
    try:
        yield engine
    finally:
        await engine.aclose()
