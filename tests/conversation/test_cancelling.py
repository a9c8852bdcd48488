"""A turn that is cancelled at any moment, once or twice, ends whole and leaves nothing running."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import numpy as np
import pytest

from idol_protocol.channels import FACE_CHANNELS, GESTURES, POSE_BONES
from idol_runtime.character import Character
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.hooks import Hooks, MakeHooks, Occasion, no_hooks
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.turn_handle import Ended
from idol_runtime.dialogue.messages import DialogueRequest, Generated, GenerationDone, TextDelta
from idol_runtime.errors import WorkerError
from idol_runtime.motion.gestures import GestureTimes
from idol_runtime.speech.types import SpeechChunk, SpeechRequest
from idol_runtime.stage.conditions import Conditioning, SpeechWindow
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.utterance import Line

pytestmark = pytest.mark.slow

CHARACTER = Character(name="Ren", persona="You are Ren.", repeats=True)
TIMES = GestureTimes(dict.fromkeys(GESTURES, 1.0), dict.fromkeys(GESTURES, 0.5), fps=30)
CONDITIONING = Conditioning(TIMES, face=SpeechWindow(2), pose=SpeechWindow(2))
REST = np.tile(np.array([0, 0, 0, 1], np.float32), (len(POSE_BONES), 1))
SENTENCE = "The moon is very bright tonight. "


@dataclass
class Streams:
    """How many streams of a model were begun, and how they were closed."""

    begun: int = 0
    closed: int = 0
    torn: int = 0
    """Of those that were closed, how many were cancelled while they were closing."""

    async def close(self) -> None:
        """As a model does that has to say so to another process: in more than one step."""
        try:
            for _ in range(5):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.torn += 1
            raise
        finally:
            self.closed += 1


class Dialogue(Streams):
    """Says the same sentence over and over."""

    sentences = 1

    async def stream(self, request: DialogueRequest) -> AsyncGenerator[Generated, None]:
        self.begun += 1
        try:
            for _ in range(self.sentences):
                yield TextDelta(SENTENCE)
                await asyncio.sleep(0)
            yield GenerationDone("stop", 1, 0, self.sentences, 0.01, 100.0)
        finally:
            await self.close()


class Voice(Streams):
    """A tenth of a second of sound for each sentence, unless it is kept waiting."""

    is_mute = False
    fails_with: Exception | None = None

    async def stream(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        self.begun += 1
        try:
            while self.is_mute:
                await asyncio.sleep(0)
            if self.fails_with is not None:
                raise self.fails_with
            yield SpeechChunk(np.full(2_400, 1_000, np.int16), (), True)
        finally:
            await self.close()


class Scene:
    """A conversation on a clock that moves with the loop."""

    def __init__(self, make_hooks: MakeHooks = no_hooks) -> None:
        self.dialogue = Dialogue()
        self.voice = Voice()
        self.performer = Performer(
            CHARACTER, conditioning=CONDITIONING, lead_us=300_000, buffer_s=3600
        )
        self.conversation = Conversation(
            CHARACTER, self.performer, Models(self.dialogue, self.voice), make_hooks
        )
        self.conversation.hear("Hello.")

    async def step(self) -> None:
        self.performer.show(np.zeros(len(FACE_CHANNELS), np.float32), REST, np.zeros(3, np.float32))
        await asyncio.sleep(0)

    async def cancel_after(self, steps: int, *gaps: int) -> Ended:
        """Cancels an answer after so many steps, and again after each gap."""
        before = asyncio.all_tasks()
        turn = self.conversation.reply()
        for _ in range(steps):
            await self.step()
        turn.cancel()
        for gap in gaps:
            for _ in range(gap):
                await asyncio.sleep(0)
            turn.cancel()
        ended = await turn
        for each in (self.dialogue, self.voice):
            assert each.begun == each.closed
        assert asyncio.all_tasks() == before
        assert self.conversation.turn is None
        assert await turn is ended
        return ended


@pytest.mark.parametrize("steps", range(30))
async def test_a_turn_can_be_cancelled_at_any_step(steps: int) -> None:
    scene = Scene()
    ended = await scene.cancel_after(steps)
    assert ended.status in ("completed", "cancelled")
    assert ended.item.text in (SENTENCE.strip(), "")
    if ended.status == "completed":
        assert ended.item.text == SENTENCE.strip()
    assert (await scene.cancel_after(0)).status == "cancelled"


@pytest.mark.parametrize("gap", range(5))
@pytest.mark.parametrize("steps", range(30))
async def test_cancelling_twice_does_no_more_than_once(steps: int, gap: int) -> None:
    once, twice = Scene(), Scene()
    first, second = await once.cancel_after(steps), await twice.cancel_after(steps, gap)
    assert (first.status, first.item.text) == (second.status, second.item.text)
    assert (once.dialogue, once.voice) == (twice.dialogue, twice.voice)


async def test_a_turn_whose_steps_all_run_completes() -> None:
    """So that the steps above are those of a whole turn."""
    assert (await Scene().cancel_after(10)).status == "cancelled"
    assert (await Scene().cancel_after(30)).status == "completed"


async def test_a_dialogue_far_ahead_of_the_voice_is_closed_when_the_turn_has_ended() -> None:
    scene = Scene()
    scene.dialogue.sentences, scene.voice.is_mute = 1_000, True
    # By then it waits for the voice with all that it may be ahead.
    assert (await scene.cancel_after(100)).status == "cancelled"


async def test_a_dialogue_is_closed_when_the_voice_fails() -> None:
    scene = Scene()
    scene.dialogue.sentences, scene.voice.fails_with = 1_000, WorkerError("It is gone; ask again.")
    turn = scene.conversation.reply()
    while scene.conversation.turn is not None:
        await scene.step()
    assert (await turn).error is scene.voice.fails_with
    assert scene.dialogue.begun == scene.dialogue.closed == 1


async def test_a_dialogue_is_closed_when_a_hook_fails() -> None:
    async def fail(occasion: Occasion, line: Line) -> Line | None:
        raise KeyError(line.text)

    scene = Scene(lambda meeting: Hooks(text_out=(fail,)))
    scene.dialogue.sentences = 1_000
    turn = scene.conversation.reply()
    while scene.conversation.turn is not None:
        await scene.step()
    assert (await turn).status == "failed"
    assert scene.dialogue.begun == scene.dialogue.closed == 1
