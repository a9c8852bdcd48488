import asyncio
from dataclasses import fields
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.channels import (
    ACTIVITIES,
    FACE_ACTIVITIES,
    FACE_CHANNELS,
    GESTURES,
    POSE_BONES,
)
from idol_protocol.frames import AudioChunk, FaceFrame, PoseFrame
from idol_runtime.character import Character
from idol_runtime.motion.gestures import GestureTimes
from idol_runtime.music.metronome import Metronome
from idol_runtime.outputs.recorder import Recorder
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.stage.conditions import Conditioning, Conditions, SpeechWindow
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import (
    FRAME_SAMPLES,
    ActivityCue,
    Cue,
    Frame,
    Gesture,
    GestureCue,
    Phoneme,
    Phonemes,
    PlacedCue,
    PlaybackCut,
    UtteranceEnded,
    UtteranceStarted,
    pts_of,
)

CHARACTER = Character(name="Ren", persona="You are Ren.")
TIMES = GestureTimes(dict.fromkeys(GESTURES, 1.0), dict.fromkeys(GESTURES, 0.5), fps=30)
CONDITIONING = Conditioning(TIMES, face=SpeechWindow(2), pose=SpeechWindow(2))
SECONDS = Metronome(bpm=60, first_beat_s=1, intensity=0.7)
"""Music of a beat a second."""
REST = np.tile(np.array([0, 0, 0, 1], np.float32), (len(POSE_BONES), 1))


def performer(lead_us: int = 300_000, buffer_s: float = 10.0) -> tuple[Performer, Recorder]:
    made = Performer(CHARACTER, conditioning=CONDITIONING, lead_us=lead_us, buffer_s=buffer_s)
    recorder = Recorder()
    made.attach(recorder)
    return made, recorder


def tick(one: Performer, count: int = 1) -> None:
    for _ in range(count):
        one.show(np.zeros(len(FACE_CHANNELS), np.float32), REST, np.zeros(3, np.float32))


def chunk(
    seconds: float, *, phonemes: tuple[Phoneme, ...] = (), is_last: bool = True, value: int = 1000
) -> SpeechChunk:
    return SpeechChunk(np.full(round(seconds * 24_000), value, np.int16), phonemes, is_last)


def say(text: str = "Hi.", name: str = "u1") -> Utterance:
    return Utterance(name, "t1", text)


async def test_speech_begins_where_the_generators_can_still_see_their_look_ahead() -> None:
    one, recorder = performer()
    tick(one, 10)
    await one.speak(say(), chunk(0.5))
    assert recorder.audio[0].pts_us == pts_of((10 + 3) * FRAME_SAMPLES)


async def test_clauses_follow_each_other_without_a_gap() -> None:
    one, recorder = performer()
    await one.speak(say("One,"), chunk(0.25))
    await one.speak(say("two.", "u2"), chunk(0.25))
    tick(one, 30)
    ends = [each.pts_us + pts_of(len(each.samples)) for each in recorder.audio]
    starts = [each.pts_us for each in recorder.audio]
    assert np.abs(np.array(starts[1:]) - np.array(ends[:-1])).max() <= 1


async def test_a_voice_that_comes_too_late_starts_again_in_the_future() -> None:
    one, recorder = performer()
    await one.speak(say(), chunk(0.1, is_last=False))
    tick(one, 20)
    await one.speak(say(), chunk(0.1))
    tick(one, 20)
    late = [each for each in recorder.audio if each.pts_us >= pts_of(20 * FRAME_SAMPLES)]
    assert late[0].pts_us == pts_of((20 + 3) * FRAME_SAMPLES)


@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=6))
def test_every_sample_is_delivered_once_in_chunks_of_at_most_40_ms(lengths: list[int]) -> None:
    async def run() -> Recorder:
        one, recorder = performer()
        for index, length in enumerate(lengths):
            sound = np.arange(length).astype(np.int16)
            last = index == len(lengths) - 1
            await one.speak(say(), SpeechChunk(sound, (), last))
        tick(one, 300)
        return recorder

    recorder = asyncio.run(run())
    sound = np.concatenate([each.samples for each in recorder.audio])
    expected = np.concatenate([np.arange(length).astype(np.int16) for length in lengths])
    np.testing.assert_array_equal(sound, expected)
    assert max(len(each.samples) for each in recorder.audio) <= 960


async def test_sound_is_delivered_at_most_the_lead_before_its_time() -> None:
    one, recorder = performer(lead_us=200_000)
    await one.speak(say(), chunk(3))
    for frame in range(60):
        present = pts_of(frame * FRAME_SAMPLES)
        assert all(each.pts_us <= present + 200_000 for each in recorder.audio)
        tick(one)


async def test_an_utterance_is_announced_before_its_sound_and_closed_after_it() -> None:
    one, recorder = performer()
    order: list[str] = []
    one.attach(Order(order))
    await one.speak(say(), chunk(0.1, phonemes=(Phoneme("h", 0.0, 0.1),)))
    tick(one, 10)
    spoken = [each for each in order if each not in ("face", "pose", "activity")]
    assert spoken == [
        "utterance.started",
        "phonemes",
        "audio",
        "audio",
        "audio",
        "utterance.ended",
    ]
    [started], [ended] = cues(recorder, UtteranceStarted), cues(recorder, UtteranceEnded)
    assert ended.pts_us - started.pts_us == 100_000
    assert started.text == "Hi."


class Order:
    def __init__(self, names: list[str]) -> None:
        self.names = names

    def on_frame(self, frame: Frame) -> None:
        match frame:
            case AudioChunk():
                self.names.append("audio")
            case FaceFrame():
                self.names.append("face")
            case PoseFrame():
                self.names.append("pose")
            case _:
                self.names.append(frame.name)


C = TypeVar("C", bound=Cue)


def cues(recorder: Recorder, kind: type[C]) -> list[C]:
    return [cue for cue in recorder.cues if isinstance(cue, kind)]


async def test_the_activity_is_to_speak_exactly_while_there_is_sound_and_a_short_hangover() -> None:
    one, recorder = performer()
    one.activity = "listen"
    await one.speak(say(), chunk(0.5))
    tick(one, 60)
    shown = [(each.activity, each.pts_us) for each in cues(recorder, ActivityCue)]
    assert [name for name, _ in shown] == ["listen", "speak", "listen"]
    sound_from = recorder.audio[0].pts_us
    assert shown[1][1] == sound_from
    assert 500_000 < shown[2][1] - sound_from <= 750_000


async def test_a_cut_silences_what_is_not_yet_due_and_says_from_when() -> None:
    one, recorder = performer()
    await one.speak(say(), chunk(5))
    tick(one, 30)
    heard = len(recorder.audio)
    cut_us = one.cut()
    tick(one, 120)
    assert cut_us == pts_of(30 * FRAME_SAMPLES)
    assert len(recorder.audio) == heard
    assert [cue.pts_us for cue in cues(recorder, PlaybackCut)] == [cut_us]
    assert not one.conditions().face_sound.any()


async def test_after_a_cut_the_next_words_come_at_once() -> None:
    one, recorder = performer()
    await one.speak(say(), chunk(5))
    tick(one, 30)
    one.cut()
    await one.speak(say("Yes?", "u2"), chunk(0.2))
    assert recorder.audio[-1].pts_us <= pts_of((30 + 3) * FRAME_SAMPLES) + 300_000
    assert isinstance(recorder.cues[-1], UtteranceStarted | Phonemes | UtteranceEnded)


async def test_a_voice_far_ahead_waits_for_the_clock() -> None:
    one, _ = performer(buffer_s=1.0)
    await one.speak(say(), chunk(1.2, is_last=False))
    waiting = asyncio.create_task(one.speak(say(), chunk(0.5)))
    await asyncio.sleep(0)
    assert not waiting.done()
    for _ in range(20):
        tick(one)
        await asyncio.sleep(0)
    assert waiting.done()
    await waiting


async def test_delivered_returns_only_when_the_last_sound_is_out() -> None:
    one, recorder = performer()
    await one.speak(say(), chunk(1.0))
    waiting = asyncio.create_task(one.delivered())
    for _ in range(40):
        await asyncio.sleep(0)
        if waiting.done():
            break
        tick(one)
    await waiting
    assert sum(len(each.samples) for each in recorder.audio) == 24_000


async def test_the_activity_conditioning_glides_and_always_sums_to_one() -> None:
    one, _ = performer()
    rows = []
    one.activity = "think"
    for _ in range(30):
        rows.append(one.conditions().activity)
        tick(one)
    table = np.array(rows)
    np.testing.assert_allclose(table.sum(axis=1), 1.0, atol=1e-5)
    assert np.abs(np.diff(table, axis=0)).max() < 0.25
    assert table[-1][2] == pytest.approx(1.0, abs=0.01)


def words(*starts_s: float, length_s: float = 0.2) -> tuple[Phoneme, ...]:
    """One word of one sound at each time."""
    spans = [Phoneme(" ", 0.0, starts_s[0])]
    for start_s in starts_s:
        spans += [
            Phoneme("a", start_s, start_s + length_s / 2),
            Phoneme(" ", start_s + length_s / 2, start_s + length_s),
        ]
    return tuple(spans)


def gestures(recorder: Recorder) -> list[tuple[str, float, float]]:
    """Name, beginning and stroke in seconds."""
    return [
        (each.gesture, each.pts_us / 1e6, (each.pts_us + each.stroke_us) / 1e6)
        for each in cues(recorder, GestureCue)
    ]


async def test_a_gesture_begins_early_enough_for_its_stroke_to_fall_on_its_word() -> None:
    one, recorder = performer()
    tick(one, 10)
    said = Utterance("u1", "t1", "One two three.", (PlacedCue(Gesture("wave"), 8),))
    await one.speak(said, chunk(3, phonemes=words(0.0, 1.0, 2.0)))
    tick(one, 100)
    [(name, start_s, stroke_s)] = gestures(recorder)
    sound_s = recorder.audio[0].pts_us / 1e6
    assert name == "wave"
    assert stroke_s == pytest.approx(sound_s + 2.0, abs=1 / 60)
    assert start_s == pytest.approx(stroke_s - 0.5, abs=1e-3)
    [cue] = cues(recorder, GestureCue)
    assert (cue.utterance_id, cue.turn_id) == ("u1", "t1")
    assert cue.duration_us == 1_000_000


async def test_a_gesture_whose_word_comes_too_soon_begins_at_once() -> None:
    one, recorder = performer()
    tick(one, 10)
    said = Utterance("u1", "t1", "Hi there.", (PlacedCue(Gesture("wave"), 0),))
    await one.speak(said, chunk(1, phonemes=words(0.1, 0.5)))
    assert gestures(recorder)[0][1] == pytest.approx(10 / 30, abs=1e-3)


async def test_a_gesture_at_the_end_of_a_clause_falls_on_its_last_word() -> None:
    one, recorder = performer()
    said = Utterance("u1", "t1", "One two three.", (PlacedCue(Gesture("bow"), 14),))
    await one.speak(said, chunk(3, phonemes=words(0.0, 1.0, 2.0)))
    tick(one, 100)
    assert gestures(recorder)[0][2] == pytest.approx(0.1 + 2.0, abs=1 / 60)


async def test_gestures_of_one_place_follow_each_other() -> None:
    one, recorder = performer()
    both = (PlacedCue(Gesture("wave"), 4), PlacedCue(Gesture("bow"), 4))
    await one.speak(Utterance("u1", "t1", "One two.", both), chunk(3, phonemes=words(0.0, 1.0)))
    tick(one, 150)
    (_, first, _), (name, second, _) = gestures(recorder)
    assert name == "bow"
    assert second == pytest.approx(first + 1.0, abs=1e-3)


async def test_a_gesture_of_a_clause_without_sound_falls_on_the_last_word_before_it() -> None:
    one, recorder = performer()
    await one.speak(say("Bye now."), chunk(3, phonemes=words(0.0, 2.0)))
    await one.speak(Utterance("u2", "t1", "🎉", (PlacedCue(Gesture("wave"), 0),)), chunk(0))
    tick(one, 100)
    assert gestures(recorder)[0][2] == pytest.approx(0.1 + 2.0, abs=1 / 60)


async def test_the_pose_generator_is_told_of_a_gesture_from_its_start() -> None:
    one, recorder = performer()
    one.gesture("clap")
    rows = []
    for _ in range(40):
        rows.append(one.conditions().gesture)
        tick(one)
    weights = np.array(rows)[:, GESTURES.index("clap")]
    np.testing.assert_array_equal(weights, [1] * 30 + [0] * 10)
    assert gestures(recorder) == [("clap", 0.0, 0.5)]


async def test_a_cut_ends_gestures_and_what_was_to_come_is_never_announced() -> None:
    one, recorder = performer()
    said = Utterance("u1", "t1", "One two.", (PlacedCue(Gesture("wave"), 4),))
    await one.speak(said, chunk(3, phonemes=words(0.0, 2.5)))
    tick(one, 10)
    one.cut()
    tick(one, 100)
    assert not gestures(recorder)
    assert not one.conditions().gesture.any()


async def test_one_who_dances_goes_on_dancing_while_speaking() -> None:
    one, recorder = performer()
    one.resting = "dance"
    one.activity = "think"
    await one.speak(say(), chunk(0.5))
    tick(one, 60)
    shown = [each.activity for each in cues(recorder, ActivityCue)]
    assert shown == ["dance"]
    assert one.conditions().activity[ACTIVITIES.index("dance")] > 0.99


async def test_after_speaking_one_does_again_what_was_asked_for() -> None:
    one, recorder = performer()
    one.resting = "listen"
    await one.speak(say(), chunk(0.2))
    tick(one, 40)
    shown = [each.activity for each in cues(recorder, ActivityCue)]
    assert shown == ["listen", "speak", "listen"]


def test_the_beat_is_read_at_the_time_of_the_frame_and_silent_without_music() -> None:
    one, _ = performer()
    assert not one.conditions().beat.any()
    one.beats = SECONDS
    tick(one, 45)
    np.testing.assert_allclose(one.conditions().beat, [1 / 16, 0.7])


def test_a_beat_that_is_taken_away_is_counted_on_until_the_dance_is_at_rest() -> None:
    one, _ = performer()
    one.beats = SECONDS
    tick(one)
    one.beats = None
    tick(one, 14)
    np.testing.assert_allclose(one.conditions().beat, [15 / 16, 0.7])
    tick(one, 60)
    assert not one.conditions().beat.any()


async def test_the_face_of_one_who_dances_sings_while_there_is_a_voice() -> None:
    one, _ = performer()
    one.resting = "dance"
    for _ in range(40):
        rest = one.conditions().face_activity
        tick(one)
    assert rest[FACE_ACTIVITIES.index("idle")] > 0.99
    await one.speak(say(), chunk(2.0))
    for _ in range(40):
        singing = one.conditions().face_activity
        tick(one)
    assert singing[FACE_ACTIVITIES.index("speak")] > 0.99
    assert singing.sum() == pytest.approx(1, abs=1e-4)


async def test_asking_for_the_conditions_changes_nothing() -> None:
    one, _ = performer()
    one.activity, one.beats = "think", SECONDS
    said = Utterance("u1", "t1", "One two.", (PlacedCue(Gesture("wave"), 4),))
    await one.speak(said, chunk(1, phonemes=words(0.0, 0.5)))
    one.gesture("nod")
    for _ in range(40):
        assert_same(one.conditions(), one.conditions())
        tick(one)


async def test_one_who_was_asked_often_does_what_one_who_was_asked_once_does() -> None:
    often, once = performer()[0], performer()[0]
    for one in (often, once):
        one.activity = "think"
        one.gesture("wave")
        await one.speak(say(), chunk(0.5))
    for frame in range(60):
        if frame == 20:
            often.gesture("clap")
            once.gesture("clap")
        for _ in range(3):
            told = often.conditions()
        assert_same(told, once.conditions())
        tick(often)
        tick(once)


def assert_same(one: Conditions, other: Conditions) -> None:
    for each in fields(Conditions):
        np.testing.assert_array_equal(getattr(one, each.name), getattr(other, each.name))


async def test_face_and_body_hear_what_is_as_far_ahead_as_each_looks() -> None:
    conditioning = Conditioning(
        TIMES, face=SpeechWindow(2, context_samples=5), pose=SpeechWindow(4)
    )
    one = Performer(CHARACTER, conditioning=conditioning, lead_us=300_000, buffer_s=10)
    await one.speak(say(), chunk(1))
    assert one.track.pieces[0].start == 5 * FRAME_SAMPLES
    tick(one)
    told = one.conditions()
    assert (len(told.face_sound), len(told.pose_sound)) == (FRAME_SAMPLES + 5, FRAME_SAMPLES)
    assert told.pose_sound.all()
    assert not told.face_sound.any()
