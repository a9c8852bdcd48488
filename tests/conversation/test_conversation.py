"""Turns through real worker processes with models small enough to reason about."""

import asyncio
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import pytest
from msgspec.structs import replace

from idol_protocol.channels import FACE_CHANNELS, GESTURES, POSE_BONES
from idol_protocol.frames import AudioChunk, FaceFrame, PoseFrame
from idol_runtime.character import Character
from idol_runtime.conversation.conversation import MAX_TEXT_CHARS, Conversation, ReplyOptions
from idol_runtime.conversation.models import ModelWorkers
from idol_runtime.dialogue.messages import (
    ChatMessage,
    DialogueRequest,
    Generated,
    GenerationDone,
    PrefillProgress,
    TextDelta,
)
from idol_runtime.errors import InputError, WorkerError
from idol_runtime.inference.worker import Worker
from idol_runtime.motion.gestures import GestureTimes
from idol_runtime.speech.types import SpeechChunk, SpeechRequest
from idol_runtime.stage.performer import Performer
from idol_runtime.timeline import (
    ActivityCue,
    Cue,
    Frame,
    GestureCue,
    Phoneme,
    PlaybackCut,
    UtteranceStarted,
)

CHARACTER = Character(name="Ren", persona="You are Ren.", greeting="Welcome, traveller.")
TIMES = GestureTimes(dict.fromkeys(GESTURES, 1.0), dict.fromkeys(GESTURES, 0.5), fps=30)
REST = np.tile(np.array([0, 0, 0, 1], np.float32), (len(POSE_BONES), 1))


class Parrot:
    """Says the last message back word by word; some words make trouble."""

    def serve(self, request: DialogueRequest) -> Iterator[Generated]:
        yield PrefillProgress(1, 1)
        words = request.messages[-1].content.split(" ")
        if words[0] == "forever":
            words = [*words[1:], *["again,"] * 100_000]
        if words[0] == "emoji":
            words = ["😀", "🎉"]
        for word in words:
            if word == "crash":
                raise KeyError("crash")
            yield TextDelta(word + " ")
        yield GenerationDone("stop", len(request.messages), 0, len(words), 0.01, 100.0)


class Beeper:
    """A tenth of a second of sound for every word; nothing for text without letters."""

    def serve(self, request: SpeechRequest) -> Iterator[SpeechChunk]:
        count = sum(any(each.isalpha() for each in word) for word in request.text.split())
        if count:
            sound = np.full(2400 * count, 1000, np.int16)
            yield SpeechChunk(sound, (Phoneme("a", 0.0, 0.1 * count),), True)


C = TypeVar("C", bound=Cue)


class Listener:
    def __init__(self) -> None:
        self.sound = 0
        self.cues: list[Cue] = []

    def on_frame(self, frame: Frame) -> None:
        match frame:
            case AudioChunk():
                self.sound += len(frame.samples)
            case FaceFrame() | PoseFrame():
                pass
            case _:
                self.cues.append(frame)

    def of(self, kind: type[C]) -> list[C]:
        return [cue for cue in self.cues if isinstance(cue, kind)]


@pytest.fixture
async def models():
    made = ModelWorkers(Worker("parrot", Parrot), Worker("beeper", Beeper, window=4))
    yield made
    await made.aclose()


@pytest.fixture
def talk(models):
    performer = Performer(
        CHARACTER, lookahead_frames=2, lead_us=300_000, buffer_s=3600, gestures=TIMES
    )
    listener = Listener()
    performer.attach(listener)
    return Conversation(CHARACTER, performer, models), performer, listener


def tick(performer):
    performer.show(np.zeros(len(FACE_CHANNELS), np.float32), REST, np.zeros(3, np.float32))


async def finish(reply, performer):
    """Moves the media clock until the reply is given."""
    task = asyncio.ensure_future(reply)
    while not task.done():
        await step(performer, task)
    return await task


async def step(performer, task):
    """One frame, then a moment for the worker processes, or less if the reply ends."""
    tick(performer)
    await asyncio.wait([task], timeout=0.001)


async def test_a_reply_is_written_spoken_and_remembered(talk):
    conversation, performer, listener = talk
    conversation.hear("The moon is bright tonight.")
    written = []
    metrics = await finish(conversation.reply(written.append), performer)
    assert "".join(written) == "The moon is bright tonight. "
    assert listener.sound == 5 * 2400
    assert [message.content for message in conversation.history] == [
        "The moon is bright tonight.",
        "The moon is bright tonight.",
    ]
    assert conversation.history[1].role == "assistant"
    assert metrics.speech_s == pytest.approx(0.5)
    assert metrics.ttft_ms <= metrics.first_clause_ms <= metrics.first_audio_ms
    assert metrics.first_audio_ms <= metrics.first_face_ms <= metrics.total_ms
    assert metrics.finish_reason == "stop"


async def test_the_persona_and_the_history_reach_the_dialogue_model(talk):
    conversation, performer, _ = talk
    conversation.history.append(ChatMessage("user", "earlier"))
    conversation.hear("now")
    metrics = await finish(conversation.reply(lambda text: None), performer)
    assert metrics.prompt_tokens == 3  # the persona, what was said before, and now


async def test_without_anything_heard_the_greeting_is_spoken(talk):
    conversation, performer, listener = talk
    written = []
    await finish(conversation.reply(written.append), performer)
    assert "".join(written) == "Welcome, traveller."
    assert listener.sound == 2 * 2400


async def test_text_only_replies_leave_the_voice_silent(talk):
    conversation, performer, listener = talk
    conversation.hear("Whisper it.")
    written = []
    metrics = await finish(
        conversation.reply(written.append, ReplyOptions(spoken=False)), performer
    )
    assert "".join(written).strip() == "Whisper it."
    assert listener.sound == 0
    assert metrics.first_audio_ms is None
    assert conversation.history[-1].content == "Whisper it."


async def test_a_cancelled_reply_stops_and_only_what_was_heard_is_remembered(talk):
    conversation, performer, listener = talk
    conversation.hear("forever")
    task = asyncio.create_task(conversation.reply(lambda text: None))
    while listener.sound < 24_000:
        await step(performer, task)
    await conversation.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    heard = listener.sound
    for _ in range(30):
        tick(performer)
    assert listener.sound == heard
    assert len(listener.of(PlaybackCut)) == 1
    started = [cue.text for cue in listener.of(UtteranceStarted)]
    assert conversation.history[-1] == ChatMessage("assistant", " ".join(started))
    assert not conversation.is_replying


async def test_after_a_cancel_the_next_turn_works(talk):
    conversation, performer, listener = talk
    conversation.hear("forever")
    task = asyncio.create_task(conversation.reply(lambda text: None))
    while not listener.sound:
        await step(performer, task)
    await conversation.cancel()
    await asyncio.wait([task])
    conversation.hear("Still there?")
    written = []
    await finish(conversation.reply(written.append), performer)
    assert "".join(written).strip() == "Still there?"


async def test_a_failing_model_is_one_sentence_and_the_conversation_lives(talk):
    conversation, performer, _ = talk
    conversation.hear("crash")
    with pytest.raises(WorkerError, match="KeyError"):
        await finish(conversation.reply(lambda text: None), performer)
    conversation.hear("Again.")
    await finish(conversation.reply(lambda text: None), performer)
    assert conversation.history[-1].content == "Again."


async def test_a_second_reply_at_the_same_time_is_refused(talk):
    conversation, performer, listener = talk
    conversation.hear("forever")
    task = asyncio.create_task(conversation.reply(lambda text: None))
    while not listener.sound:
        await step(performer, task)
    with pytest.raises(InputError, match="one reply at a time"):
        await conversation.reply(lambda text: None)
    await conversation.cancel()
    await asyncio.wait([task])


async def test_a_reply_of_emoji_alone_is_shown_and_not_spoken(talk):
    conversation, performer, listener = talk
    conversation.hear("emoji please")
    written = []
    await finish(conversation.reply(written.append), performer)
    assert "".join(written).split() == ["😀", "🎉"]
    assert listener.sound == 0


async def test_the_body_thinks_then_speaks_then_rests(talk):
    conversation, performer, listener = talk
    conversation.hear("One two three.")
    await finish(conversation.reply(lambda text: None), performer)
    for _ in range(40):
        tick(performer)
    shown = [cue.activity for cue in listener.of(ActivityCue)]
    # Where the clock outruns the models, she thinks again between speaking and the end.
    assert shown[0] in ("listen", "think")
    assert "speak" in shown[1:-1]
    assert shown[-1] == "idle"


@pytest.mark.parametrize("text", ["", "   \n"])
def test_empty_text_is_refused(talk, text):
    with pytest.raises(InputError, match="Expected some text"):
        talk[0].hear(text)


def test_a_text_that_is_too_long_is_refused_with_both_lengths(talk):
    with pytest.raises(InputError, match=f"at most {MAX_TEXT_CHARS} characters, found 1048576"):
        talk[0].hear("a" * 2**20)


async def test_gesture_tags_are_neither_shown_nor_spoken_and_the_model_keeps_them(talk):
    conversation, performer, listener = talk
    conversation.hear("Hello [wave] my friend. *bows*")
    written = []
    await finish(conversation.reply(written.append), performer)
    for _ in range(60):
        tick(performer)
    assert "".join(written).strip() == "Hello my friend."
    assert listener.sound == 3 * 2400
    assert [cue.text for cue in listener.of(UtteranceStarted)] == ["Hello my friend."]
    assert [cue.gesture for cue in listener.of(GestureCue)] == ["wave", "bow"]
    assert conversation.history[-1].content == "Hello [wave] my friend. *bows*"


async def test_a_text_only_reply_gestures_too(talk):
    conversation, performer, listener = talk
    conversation.hear("Hello [wave] my friend.")
    await finish(conversation.reply(lambda text: None, ReplyOptions(spoken=False)), performer)
    tick(performer)
    assert [cue.gesture for cue in listener.of(GestureCue)] == ["wave"]


async def test_a_reply_of_a_gesture_alone_is_made_in_silence(talk):
    conversation, performer, listener = talk
    conversation.hear("[nod]")
    written = []
    await finish(conversation.reply(written.append), performer)
    assert "".join(written).strip() == ""
    assert listener.sound == 0
    assert [cue.gesture for cue in listener.of(GestureCue)] == ["nod"]
    assert conversation.history[-1].content == "[nod]"


async def test_gestures_the_character_may_not_make_are_left_out(talk):
    conversation, performer, listener = talk
    conversation.character = replace(CHARACTER, gestures=("nod",))
    conversation.hear("Hello [wave] my [nod] friend.")
    written = []
    await finish(conversation.reply(written.append), performer)
    assert "".join(written).strip() == "Hello my friend."
    assert [cue.gesture for cue in listener.of(GestureCue)] == ["nod"]


async def test_what_was_heard_of_a_cancelled_reply_is_remembered_with_its_tags(talk):
    conversation, performer, listener = talk
    conversation.hear("forever [wave]")
    task = asyncio.create_task(conversation.reply(lambda text: None))
    while listener.sound < 24_000:
        await step(performer, task)
    await conversation.cancel()
    await asyncio.wait([task])
    assert conversation.history[-1].content.startswith("[wave] again,")


class Faulty:
    """An output that cannot take sound."""

    def on_frame(self, frame: Frame) -> None:
        if isinstance(frame, AudioChunk):
            raise OSError("no room")


async def test_an_output_that_raises_in_the_middle_of_a_turn_does_not_end_the_turn(talk) -> None:
    conversation, performer, listener = talk
    performer.attach(Faulty())
    conversation.hear("One two three.")
    await finish(conversation.reply(lambda text: None), performer)
    assert listener.sound == 3 * 2400
    assert conversation.history[-1].content == "One two three."
