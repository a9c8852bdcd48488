"""Turns through real worker processes with models small enough to reason about."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pytest
from msgspec.structs import replace

from idol_protocol.channels import FACE_CHANNELS, GESTURES, POSE_BONES
from idol_protocol.frames import AudioChunk, FaceFrame, PoseFrame
from idol_protocol.items import MAX_TEXT_CHARS
from idol_runtime.character import Character
from idol_runtime.character.character import VoiceSettings
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.events import ConversationEvent, ReplyText, TurnEnded, TurnStarted
from idol_runtime.conversation.hooks import (
    Exchange,
    Hooks,
    MakeHooks,
    Meeting,
    Occasion,
    no_hooks,
)
from idol_runtime.conversation.items import Speaker, messages_of
from idol_runtime.conversation.models import ModelWorkers
from idol_runtime.conversation.prompt import Prompt
from idol_runtime.conversation.reply_options import AS_THE_CHARACTER, ReplyOptions
from idol_runtime.conversation.turn_handle import Ended, Turn
from idol_runtime.dialogue.engine import Dialogue, DialogueCapabilities
from idol_runtime.dialogue.messages import (
    DialogueRequest,
    Generated,
    GenerationDone,
    PrefillProgress,
    TextDelta,
)
from idol_runtime.errors import ConfigError, InputError, RequestError, WorkerError
from idol_runtime.inference.process import Room
from idol_runtime.inference.service import IteratorService
from idol_runtime.inference.worker import Worker
from idol_runtime.motion.gestures import GestureTimes
from idol_runtime.speech.engine import Voice, VoiceCapabilities
from idol_runtime.speech.types import SpeechChunk, SpeechRequest
from idol_runtime.stage.conditions import Conditioning, SpeechWindow
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.utterance import Line
from idol_runtime.timeline import (
    ActivityCue,
    Cue,
    Frame,
    GestureCue,
    Phoneme,
    PlaybackCut,
    UtteranceStarted,
)

pytestmark = pytest.mark.slow

CHARACTER = Character(
    name="Ren", persona="You are Ren.", greeting="Welcome, traveller.", repeats=True
)
TIMES = GestureTimes(dict.fromkeys(GESTURES, 1.0), dict.fromkeys(GESTURES, 0.5), fps=30)
CONDITIONING = Conditioning(TIMES, face=SpeechWindow(2), pose=SpeechWindow(2))
REST = np.tile(np.array([0, 0, 0, 1], np.float32), (len(POSE_BONES), 1))


class Parrot:
    """Says the last message back word by word, with what was noted; some words make trouble."""

    def serve(self, request: DialogueRequest) -> Iterator[Generated]:
        yield PrefillProgress(1, 1)
        words = request.messages[-1].content.split(" ")
        if request.messages[1:] and request.messages[-2].role == "system":
            words += request.messages[-2].content.removeprefix(CHARACTER.persona).split()
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


def open_parrot() -> Dialogue:
    return IteratorService(Parrot().serve, DialogueCapabilities(context_length=2048))


def open_beeper() -> Voice:
    can = VoiceCapabilities(24_000, ("en",), "ipa", voices=("low", "high"), blends=True)
    return IteratorService(Beeper().serve, can)


C = TypeVar("C", bound=Cue)


class Listener:
    def __init__(self) -> None:
        self.num_samples = 0
        self.cues: list[Cue] = []

    def on_frame(self, frame: Frame) -> None:
        match frame:
            case AudioChunk():
                self.num_samples += len(frame.samples)
            case FaceFrame() | PoseFrame():
                pass
            case _:
                self.cues.append(frame)

    def of(self, kind: type[C]) -> list[C]:
        return [cue for cue in self.cues if isinstance(cue, kind)]


@dataclass
class Talk:
    """A conversation on a clock that moves by hand."""

    conversation: Conversation
    performer: Performer
    listener: Listener

    def tick(self) -> None:
        weights = np.zeros(len(FACE_CHANNELS), np.float32)
        self.performer.show(weights, REST, np.zeros(3, np.float32))

    async def step(self) -> None:
        """One frame, then a moment for the worker processes, or less if the turn ends."""
        self.tick()
        if (turn := self.conversation.turn) is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(turn, timeout=0.001)

    async def finish(self, turn: Turn) -> Ended:
        """Moves the media clock until the answer is given."""
        while self.conversation.turn is turn:
            await self.step()
        return await turn

    async def say(self, text: str, options: ReplyOptions = AS_THE_CHARACTER) -> Ended:
        self.conversation.hear(text)
        return await self.finish(self.conversation.reply(options))

    @property
    def remembered(self) -> list[str]:
        return [message.content for message in messages_of(self.conversation.items)]

    async def sing_until(self, num_samples: int, text: str = "forever") -> Turn:
        """An answer that never ends, of which this much has been handed over."""
        self.conversation.hear(text)
        turn = self.conversation.reply()
        while self.listener.num_samples < num_samples:
            await self.step()
        return turn


@pytest.fixture
async def models() -> AsyncIterator[ModelWorkers]:
    made = ModelWorkers(
        Worker("parrot", open_parrot), Worker("beeper", open_beeper, room=Room(window=4))
    )
    yield made
    await made.aclose()


Open = Callable[..., Talk]


@pytest.fixture
def open_talk(models: ModelWorkers) -> Open:
    def start(character: Character = CHARACTER, make_hooks: MakeHooks = no_hooks) -> Talk:
        performer = Performer(
            character,
            conditioning=CONDITIONING,
            lead_us=300_000,
            buffer_s=3600,
        )
        listener = Listener()
        performer.attach(listener)
        conversation = Conversation(character, performer, models, make_hooks)
        return Talk(conversation, performer, listener)

    return start


@pytest.fixture
def talk(open_talk: Open) -> Talk:
    return open_talk()


async def test_a_reply_is_written_spoken_and_remembered(talk: Talk) -> None:
    ended = await talk.say("The moon is bright tonight.")
    metrics = ended.result()
    assert ended.item.text == "The moon is bright tonight."
    assert talk.listener.num_samples == 5 * 2400
    assert [(each.role, each.content) for each in messages_of(talk.conversation.items)] == [
        ("user", "The moon is bright tonight."),
        ("assistant", "The moon is bright tonight."),
    ]
    assert metrics.speech_s == pytest.approx(0.5)
    times = [metrics.ttft_ms, metrics.first_clause_ms, metrics.first_audio_ms]
    times += [metrics.first_face_ms, metrics.total_ms]
    known = [each for each in times if each is not None]
    assert len(known) == 5
    assert known == sorted(known)
    assert (ended.status, metrics.finish_reason) == ("completed", "stop")


async def test_the_persona_and_the_history_reach_the_dialogue_model(talk: Talk) -> None:
    talk.conversation.hear("earlier")
    ended = await talk.say("now")
    # The persona, what was said before, and now.
    assert ended.result().prompt_tokens == 3


async def test_without_anything_said_the_greeting_is_spoken(talk: Talk) -> None:
    ended = await talk.finish(talk.conversation.reply())
    assert ended.item.text == "Welcome, traveller."
    assert talk.listener.num_samples == 2 * 2400


async def test_one_of_several_greetings_is_drawn(open_talk: Open) -> None:
    several = replace(CHARACTER, alternate_greetings=["You again.", "Shut the door."])
    said = set()
    for seed in range(12):
        talk = open_talk(several)
        ended = await talk.finish(talk.conversation.reply(ReplyOptions(seed=seed, spoken=False)))
        said.add(ended.item.text)
    assert said == {"Welcome, traveller.", "You again.", "Shut the door."}


async def test_text_only_replies_leave_the_voice_silent(talk: Talk) -> None:
    ended = await talk.say("Whisper it.", ReplyOptions(spoken=False))
    assert ended.item.text == "Whisper it."
    assert talk.listener.num_samples == 0
    assert ended.result().first_audio_ms is None
    assert talk.remembered[-1] == "Whisper it."


async def test_a_cancelled_reply_stops_and_only_what_was_heard_is_remembered(talk: Talk) -> None:
    turn = await talk.sing_until(24_000)
    turn.cancel()
    ended = await turn
    assert ended.status == "cancelled"
    heard = talk.listener.num_samples
    for _ in range(30):
        talk.tick()
    assert talk.listener.num_samples == heard
    assert len(talk.listener.of(PlaybackCut)) == 1
    started = [cue.text for cue in talk.listener.of(UtteranceStarted)]
    assert [line.text for line in turn.heard] == started
    assert talk.remembered[-1] == ended.item.text == " ".join(started)
    assert talk.conversation.turn is None


async def test_what_a_listener_says_to_have_played_is_all_that_was_heard(talk: Talk) -> None:
    turn = await talk.sing_until(48_000)
    first, second, *_ = talk.listener.of(UtteranceStarted)
    turn.played_us = second.pts_us
    turn.cancel()
    assert (await turn).item.text == first.text


async def test_a_turn_can_be_cancelled_before_its_first_step(talk: Talk) -> None:
    talk.conversation.hear("Hello.")
    turn = talk.conversation.reply()
    turn.cancel()
    ended = await turn
    assert (ended.status, ended.item.text) == ("cancelled", "")
    assert talk.remembered == ["Hello."]
    assert (await talk.say("Still there?")).item.text == "Still there?"


async def test_whoever_waits_for_a_turn_may_go_and_the_turn_goes_on(talk: Talk) -> None:
    talk.conversation.hear("One two three.")
    turn = talk.conversation.reply()

    async def wait() -> Ended:
        return await turn

    waiting = asyncio.create_task(wait())
    await talk.step()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert (await talk.finish(turn)).status == "completed"


async def test_after_a_cancel_the_next_turn_works(talk: Talk) -> None:
    await talk.sing_until(1)
    await talk.conversation.cancel()
    assert (await talk.say("Still there?")).item.text == "Still there?"


async def test_a_failing_model_is_one_sentence_and_the_conversation_lives(talk: Talk) -> None:
    with pytest.raises(WorkerError, match="KeyError"):
        (await talk.say("crash")).result()
    await talk.say("Again.")
    assert talk.remembered[-1] == "Again."


async def test_a_second_reply_at_the_same_time_is_refused(talk: Talk) -> None:
    await talk.sing_until(1)
    with pytest.raises(RequestError, match="already has an active response"):
        talk.conversation.reply()
    await talk.conversation.cancel()


async def test_a_reply_of_emoji_alone_is_shown_and_not_spoken(talk: Talk) -> None:
    ended = await talk.say("emoji please")
    assert ended.item.text.split() == ["😀", "🎉"]
    assert talk.listener.num_samples == 0


async def test_the_body_thinks_then_speaks_then_rests(talk: Talk) -> None:
    await talk.say("One two three.")
    for _ in range(40):
        talk.tick()
    shown = [cue.activity for cue in talk.listener.of(ActivityCue)]
    # Where the clock outruns the models, she thinks again between speaking and the end.
    assert shown[0] in ("listen", "think")
    assert "speak" in shown[1:-1]
    assert shown[-1] == "idle"


@pytest.mark.parametrize("text", ["", "   \n"])
def test_empty_text_is_refused(talk: Talk, text: str) -> None:
    with pytest.raises(InputError, match="Expected some text"):
        talk.conversation.hear(text)


def test_a_text_that_is_too_long_is_refused_with_both_lengths(talk: Talk) -> None:
    with pytest.raises(InputError, match=f"at most {MAX_TEXT_CHARS} characters, found 1048576"):
        talk.conversation.hear("a" * 2**20)


async def test_gesture_tags_are_neither_shown_nor_spoken_and_the_model_keeps_them(
    talk: Talk,
) -> None:
    ended = await talk.say("Hello [wave] my friend. *bows*")
    for _ in range(60):
        talk.tick()
    listener = talk.listener
    assert ended.item.text == "Hello my friend."
    assert listener.num_samples == 3 * 2400
    assert [cue.text for cue in listener.of(UtteranceStarted)] == ["Hello my friend."]
    assert [cue.gesture for cue in listener.of(GestureCue)] == ["wave", "bow"]
    assert talk.remembered[-1] == "Hello [wave] my friend. [bow]"


async def test_a_text_only_reply_gestures_too(talk: Talk) -> None:
    await talk.say("Hello [wave] my friend.", ReplyOptions(spoken=False))
    talk.tick()
    assert [cue.gesture for cue in talk.listener.of(GestureCue)] == ["wave"]


async def test_a_reply_of_a_gesture_alone_is_made_in_silence(talk: Talk) -> None:
    ended = await talk.say("[nod]")
    assert ended.item.text == ""
    assert talk.listener.num_samples == 0
    assert [cue.gesture for cue in talk.listener.of(GestureCue)] == ["nod"]
    assert talk.remembered[-1] == "[nod]"


async def test_gestures_the_character_may_not_make_are_left_out(open_talk: Open) -> None:
    talk = open_talk(replace(CHARACTER, gestures=("nod",)))
    ended = await talk.say("Hello [wave] my [nod] friend.")
    assert ended.item.text == "Hello my friend."
    assert [cue.gesture for cue in talk.listener.of(GestureCue)] == ["nod"]


async def test_what_was_heard_of_a_cancelled_reply_is_remembered_with_its_tags(
    talk: Talk,
) -> None:
    await talk.sing_until(24_000, "forever [wave]")
    await talk.conversation.cancel()
    assert talk.remembered[-1].startswith("[wave] again,")


# Hooks


async def test_what_a_user_says_passes_a_hook_before_it_joins_the_conversation(
    open_talk: Open,
) -> None:
    talk = open_talk(make_hooks=lambda meeting: Hooks(text_in=(str.upper, lambda t: t + "!")))
    item = talk.conversation.hear("hello")
    assert item.text == "HELLO!"
    assert (await talk.finish(talk.conversation.reply())).item.text == "HELLO!"


async def test_a_hook_that_refuses_keeps_the_words_out(open_talk: Open) -> None:
    def refuse(text: str) -> str:
        raise RequestError("Expected kind words; say it again.", code="refused")

    talk = open_talk(make_hooks=lambda meeting: Hooks(text_in=(refuse,)))
    with pytest.raises(RequestError, match="kind words"):
        talk.conversation.hear("hello")
    assert talk.remembered == []


async def test_a_prompt_hook_may_wait_and_add_what_the_model_reads(open_talk: Open) -> None:
    store = asyncio.Event()

    async def remember(occasion: Occasion, prompt: Prompt) -> Prompt:
        await store.wait()
        assert occasion.said == "hello"
        return prompt.noted("You met Ann.")

    talk = open_talk(make_hooks=lambda meeting: Hooks(prompt=(remember,)))
    talk.conversation.hear("hello")
    turn = talk.conversation.reply()
    await talk.step()
    store.set()
    assert (await talk.finish(turn)).item.text == "hello You met Ann."
    assert talk.remembered == ["hello", "hello You met Ann."]


async def test_an_answer_of_a_hook_is_given_word_for_word(open_talk: Open) -> None:
    async def answer(occasion: Occasion) -> str | None:
        return "I am here for you." if "sad" in occasion.said else None

    async def nothing(occasion: Occasion, line: Line) -> Line | None:
        return None

    talk = open_talk(make_hooks=lambda meeting: Hooks(answer=(answer,), text_out=(nothing,)))
    assert (await talk.say("I am sad")).item.text == "I am here for you."
    assert (await talk.say("hello")).item.text == ""


async def test_hooks_are_told_what_was_said_by_whom_and_what_was_heard_of_the_answer(
    open_talk: Open,
) -> None:
    told: list[Exchange] = []

    async def keep(exchange: Exchange) -> None:
        told.append(exchange)
        raise ValueError(exchange.answered)

    talk = open_talk(make_hooks=lambda meeting: Hooks(ended=(keep,)))
    ann = Speaker("t/ann", "Ann")
    talk.conversation.hear("hello there", ann)
    await talk.finish(talk.conversation.reply())
    talk.conversation.hear("forever dear friend")
    turn = talk.conversation.reply()
    while talk.listener.num_samples < 2 * 2400 + 20 * 2400:
        await talk.step()
    turn.cancel()
    heard = (await turn).item.text
    await talk.conversation.aclose()
    assert [each.occasion.speaker for each in told] == [ann, Speaker()]
    assert [each.occasion.said for each in told] == ["hello there", "forever dear friend"]
    assert [each.content for each in told[1].occasion.history] == [
        *("hello there", "hello there", "forever dear friend"),
    ]
    assert [each.answered for each in told] == ["hello there", heard]
    assert heard.startswith("dear friend again, again,")


async def test_a_clause_that_does_not_pass_is_neither_shown_nor_spoken(open_talk: Open) -> None:
    async def without_names(occasion: Occasion, line: Line) -> Line | None:
        return None if "Ann" in line.text else line

    talk = open_talk(make_hooks=lambda meeting: Hooks(text_out=(without_names,)))
    shown: list[str] = []
    talk.conversation.subscribe(
        lambda event: shown.append(event.text) if isinstance(event, ReplyText) else None
    )
    ended = await talk.say("Hello my dear old friend. Ann lives over there now. Bye for now then.")
    assert ended.item.text == "Hello my dear old friend. Bye for now then."
    assert "Ann" not in "".join(shown)
    assert talk.listener.num_samples == 9 * 2400
    spoken = [cue.text for cue in talk.listener.of(UtteranceStarted)]
    assert spoken == ["Hello my dear old friend.", "Bye for now then."]


async def test_each_conversation_has_hooks_of_its_own(open_talk: Open) -> None:
    made: list[tuple[str, str]] = []

    def make(meeting: Meeting) -> Hooks:
        made.append((meeting.character.name, meeting.conversation_id))
        return Hooks()

    one, other = open_talk(make_hooks=make), open_talk(make_hooks=make)
    assert made == [("Ren", one.conversation.id), ("Ren", other.conversation.id)]
    assert one.conversation.id != other.conversation.id


# Who follows a conversation


async def test_an_subscriber_that_fails_is_dropped_and_the_others_go_on(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    def fail(event: ConversationEvent) -> None:
        raise ValueError("my secret name is Miso")

    talk.conversation.subscribe(fail)
    talk.conversation.subscribe(lambda event: seen.append(type(event).__name__))
    ended = await talk.say("Hello.")
    assert ended.status == "completed"
    assert list(dict.fromkeys(seen)) == ["ItemAdded", "TurnStarted", "ReplyText", "TurnEnded"]
    assert [each.message for each in caplog.records] == ["subscriber dropped"]
    assert "Miso" not in caplog.text


async def test_who_comes_in_the_middle_of_an_answer_is_told_of_it_first(talk: Talk) -> None:
    turn = await talk.sing_until(1)
    seen: list[ConversationEvent] = []
    talk.conversation.subscribe(seen.append)
    assert [(type(each), each.turn_id) for each in seen if isinstance(each, TurnStarted)] == [
        (TurnStarted, turn.id)
    ]
    await talk.conversation.cancel()
    assert isinstance(seen[-1], TurnEnded)


class Faulty:
    """An output that cannot take sound."""

    def on_frame(self, frame: Frame) -> None:
        if isinstance(frame, AudioChunk):
            raise OSError("no room")


async def test_an_output_that_raises_in_the_middle_of_a_turn_does_not_end_the_turn(
    talk: Talk,
) -> None:
    talk.performer.attach(Faulty())
    ended = await talk.say("One two three.")
    assert ended.status == "completed"
    assert talk.listener.num_samples == 3 * 2400
    assert talk.remembered[-1] == "One two three."


@pytest.mark.parametrize(
    ("voice", "words"),
    [
        ("alto", "found `alto`"),
        ("low:1e308+high:1e308", "weights from"),
        ("low:nan", "found `nan`"),
        ("low+", "found ``"),
    ],
)
async def test_a_character_is_not_woken_with_a_voice_that_is_not_there(
    models: ModelWorkers, voice: str, words: str
) -> None:
    await models.check(replace(CHARACTER, voice=VoiceSettings(name="low:2+high:1")))
    with pytest.raises(ConfigError, match=words) as refused:
        await models.check(replace(CHARACTER, voice=VoiceSettings(name=voice)))
    assert str(refused.value).endswith("Change `voice.name` in character.toml.")
