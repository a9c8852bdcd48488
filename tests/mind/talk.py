"""A conversation with all hooks of the mind, in this process: what model and voice are asked is
kept, and the model says what it is told to.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import numpy as np

from idol_protocol.channels import FACE_CHANNELS, GESTURES, POSE_BONES
from idol_runtime.character import Character
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.hooks import MakeHooks
from idol_runtime.conversation.items import ItemLimits, Speaker
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.reply_options import AS_THE_CHARACTER, ReplyOptions
from idol_runtime.conversation.turn_handle import Ended
from idol_runtime.dialogue.messages import DialogueRequest, Generated, GenerationDone, TextDelta
from idol_runtime.motion.gestures import GestureTimes
from idol_runtime.speech.engine import VoiceCapabilities
from idol_runtime.speech.types import SpeechChunk, SpeechRequest
from idol_runtime.stage.conditions import Conditioning, SpeechWindow
from idol_runtime.stage.performer import Performer

TIMES = GestureTimes(dict.fromkeys(GESTURES, 1.0), dict.fromkeys(GESTURES, 0.5), fps=30)
CONDITIONING = Conditioning(TIMES, face=SpeechWindow(2), pose=SpeechWindow(2))
REST = np.tile(np.array([0, 0, 0, 1], np.float32), (len(POSE_BONES), 1))
TEXT_ONLY = ReplyOptions(spoken=False)


@dataclass
class Writer:
    """A dialogue model that says the same to everything."""

    says: str = "I see."
    sums_up: str = ""
    """What it says to who is in no hurry; nothing for a summary that never ends."""
    asked: list[DialogueRequest] = field(default_factory=list)
    unhurried: list[DialogueRequest] = field(default_factory=list)
    """What was asked with a priority below 0."""
    given_up: int = 0
    """How many of those nobody waited for to the end."""

    async def stream(self, request: DialogueRequest) -> AsyncGenerator[Generated, None]:
        if request.priority < 0:
            self.unhurried.append(request)
            try:
                while not self.sums_up:
                    await asyncio.sleep(0)
                yield TextDelta(self.sums_up)
            except (GeneratorExit, asyncio.CancelledError):
                self.given_up += 1
                raise
            return
        self.asked.append(request)
        yield TextDelta(self.says)
        yield GenerationDone("stop")


@dataclass
class Speaking:
    """A voice with a tenth of a second of sound for every clause."""

    languages: tuple[str, ...] = ("en-us", "ja")
    asked: list[SpeechRequest] = field(default_factory=list)

    async def stream(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        self.asked.append(request)
        yield SpeechChunk(np.full(2400, 1000, np.int16), (), True)


@dataclass(frozen=True)
class KnownModels(Models):
    dialogue: Writer
    speech: Speaking
    tokens: int | None = None

    async def context(self) -> int | None:
        return self.tokens

    async def voice(self) -> VoiceCapabilities:
        return VoiceCapabilities(24_000, self.speech.languages)


@dataclass
class MindTalk:
    conversation: Conversation
    performer: Performer
    writer: Writer
    speaking: Speaking

    async def say(
        self, text: str, options: ReplyOptions = AS_THE_CHARACTER, speaker: Speaker | None = None
    ) -> str:
        """What is answered, when all of it was said."""
        self.conversation.hear(text, speaker or Speaker())
        return await self._reply(options)

    async def greet(self, speaker: Speaker) -> str:
        """What is said to somebody who has said nothing yet."""
        return await self._reply(ReplyOptions(spoken=False, asked_by=speaker))

    async def _reply(self, options: ReplyOptions) -> str:
        turn = self.conversation.reply(options)
        while self.conversation.turn is turn:
            self.tick()
            await asyncio.sleep(0)
        ended: Ended = await turn
        return ended.item.text

    async def pause(self) -> None:
        """Nobody says anything until all that goes on by itself has ended."""
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0)

    def tick(self, frames: int = 1) -> None:
        weights = np.zeros(len(FACE_CHANNELS), np.float32)
        for _ in range(frames):
            self.performer.show(weights, REST, np.zeros(3, np.float32))

    @property
    def notes(self) -> Sequence[str]:
        """What the model was told for its last answer, a line each."""
        _, *others = self.writer.asked[-1].messages
        return [
            line for each in others if each.role == "system" for line in each.content.split("\n")
        ]


def open_mind_talk(
    character: Character,
    make_hooks: MakeHooks,
    *,
    languages: tuple[str, ...] = ("en-us", "ja"),
    context: int | None = None,
    limits: ItemLimits | None = None,
    writer: Writer | None = None,
) -> MindTalk:
    performer = Performer(character, conditioning=CONDITIONING, lead_us=300_000, buffer_s=3600)
    writer, speaking = writer or Writer(), Speaking(languages)
    models = KnownModels(writer, speaking, context)
    conversation = Conversation(
        character, performer, models, make_hooks, limits, character_id="ren"
    )
    return MindTalk(conversation, performer, writer, speaking)
