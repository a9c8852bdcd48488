"""What a reply's cues do to a character, when its words are spoken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.channels import EMOTIONS, FACE_CHANNELS, FEELINGS, GAZES, GESTURES, POSE_BONES
from idol_runtime.character import Character
from idol_runtime.motion.gestures import GestureTimes
from idol_runtime.music.metronome import own_beat
from idol_runtime.outputs.recorder import Recorder
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.stage.conditions import Conditioning, SpeechWindow
from idol_runtime.stage.gaze import GLANCE_US, MOST_HEAD_DEG, Glance
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import (
    ActionCue,
    ActivityCue,
    Call,
    Doing,
    Emote,
    EmotionCue,
    Gaze,
    GazeCue,
    Gesture,
    Phoneme,
    PlacedCue,
    ReplyCue,
    frame_pts,
)

REN = Character(name="Ren", persona="You are Ren.", emotion={"happy": 0.4, "valence": 0.5})
TIMES = GestureTimes(dict.fromkeys(GESTURES, 1.0), dict.fromkeys(GESTURES, 0.5), fps=30)
CONDITIONING = Conditioning(TIMES, face=SpeechWindow(2), pose=SpeechWindow(2))
REST = np.tile(np.array([0, 0, 0, 1], np.float32), (len(POSE_BONES), 1))
SECOND_WORD_S = 1.1
"""Sound begins with the third frame, its second word a second later."""


def performer() -> tuple[Performer, Recorder]:
    made = Performer(
        REN, conditioning=CONDITIONING, lead_us=300_000, buffer_s=10, own_beat=own_beat
    )
    recorder = Recorder()
    made.attach(recorder)
    return made, recorder


def tick(one: Performer, count: int = 1) -> None:
    for _ in range(count):
        one.show(np.zeros(len(FACE_CHANNELS), np.float32), REST, np.zeros(3, np.float32))


def felt(one: Performer) -> dict[str, float]:
    return dict(zip(EMOTIONS, one.conditions().emotion.tolist(), strict=True))


async def speak(one: Performer, *cues: ReplyCue, turn: str = "t") -> None:
    """Two words of a second each, with the cues on the second."""
    placed = tuple(PlacedCue(cue, 4) for cue in cues)
    symbols = [Phoneme("a", 0.0, 0.9), Phoneme(" ", 0.9, 1.0), Phoneme("a", 1.0, 2.0)]
    sound = SpeechChunk(np.zeros(48_000, np.int16), tuple(symbols), is_last=True)
    await one.speak(Utterance("u", turn, "One two.", placed), sound)


async def test_a_feeling_turns_the_character_with_its_word_and_wears_off() -> None:
    one, recorder = performer()
    await speak(one, Emote("sad", 1.0))
    tick(one, 33)
    assert felt(one)["sad"] == 0
    assert felt(one)["happy"] == pytest.approx(0.4)
    [cue] = [each for each in recorder.cues if isinstance(each, EmotionCue)]
    assert cue.pts_us == pytest.approx(SECOND_WORD_S * 1e6, abs=1)
    tick(one, 15)
    at_last = felt(one)
    assert at_last["sad"] == pytest.approx(1, abs=0.01)
    assert at_last["happy"] == pytest.approx(0, abs=0.01)
    assert at_last["valence"] == pytest.approx(-0.7, abs=0.02)
    assert at_last["arousal"] == pytest.approx(-0.5, abs=0.02)
    tick(one, 300)
    assert felt(one) == pytest.approx(
        {**dict.fromkeys(EMOTIONS, 0.0), "happy": 0.4, "valence": 0.5}
    )


@pytest.mark.parametrize("name", FEELINGS)
async def test_strength_is_how_far_it_goes(name: str) -> None:
    levels = []
    for strength in (0.35, 0.65, 1.0):
        one, _ = performer()
        await speak(one, Emote(name, strength))
        tick(one, 47)
        levels.append(felt(one)[name])
    assert levels == sorted(levels)
    assert levels[0] > (0.4 if name == "happy" else 0.3)
    assert levels[2] == pytest.approx(1, abs=0.01)


async def test_a_glance_begins_with_its_word_and_ends() -> None:
    one, recorder = performer()
    await speak(one, Gaze("left"))
    tick(one, 33)
    assert one.glance() is None
    [cue] = [each for each in recorder.cues if isinstance(each, GazeCue)]
    assert cue.towards == "left"
    assert cue.pts_us == pytest.approx(SECOND_WORD_S * 1e6, abs=1)
    tick(one, 12)
    glance = one.glance()
    assert glance is not None
    face = glance.on(np.zeros(len(FACE_CHANNELS), np.float32))
    names = dict(zip(FACE_CHANNELS, face.tolist(), strict=True))
    assert names["headYaw"] > 5
    assert names["leftEyeYaw"] > 10
    assert names["eyeLookOutLeft"] > 0.3
    assert names["eyeLookInRight"] > 0.3
    assert names["eyeLookInLeft"] == names["eyeLookOutRight"] == 0
    tick(one, GLANCE_US * 30 // 1_000_000)
    assert one.glance() is None


@given(
    st.lists(st.tuples(st.sampled_from(GAZES), st.floats(0.01, 1)), min_size=1, max_size=3),
    st.lists(st.floats(-60, 60, width=32), min_size=7, max_size=7),
)
def test_no_glance_turns_a_head_or_an_eye_too_far(
    shares: list[tuple[str, float]], angles: list[float]
) -> None:
    face = np.zeros(len(FACE_CHANNELS), np.float32)
    face[-7:] = angles
    looking = Glance(tuple(shares)).on(face)
    most = np.maximum(MOST_HEAD_DEG, np.abs(face[-7:-4]))
    assert (np.abs(looking[-7:-4]) <= most + 1e-3).all()
    assert (np.abs(looking[-4:]) <= np.maximum(np.abs(face[-4:]), 18) + 1e-3).all()
    assert ((looking[:52] >= 0) & (looking[:52] <= 1)).all()


async def test_a_dance_lasts_until_some_seconds_after_the_answer_and_has_a_beat() -> None:
    one, recorder = performer()
    await speak(one, Doing("dance"))
    tick(one, 32)
    assert one.conditions().beat.tolist() == [0, 0]
    tick(one, 18)
    assert one.conditions().beat[1] > 0
    await speak(one)
    tick(one, 400)
    doing = [
        (each.activity, each.pts_us / 1e6)
        for each in recorder.cues
        if isinstance(each, ActivityCue)
    ]
    assert [name for name, _ in doing] == ["speak", "dance", "idle"]
    assert doing[1][1] == pytest.approx(SECOND_WORD_S, abs=0.04)
    assert doing[2][1] == pytest.approx(0.1 + 4 + 5, abs=0.1)


async def test_an_action_is_told_on_its_word() -> None:
    one, recorder = performer()
    await speak(one, Call("open_shop", "{}", "call_1"), turn="t7")
    tick(one, 60)
    [cue] = [each for each in recorder.cues if isinstance(each, ActionCue)]
    assert cue.pts_us == pytest.approx(SECOND_WORD_S * 1e6, abs=1)
    assert (cue.action, cue.arguments, cue.call_id, cue.turn_id) == (
        *("open_shop", "{}", "call_1", "t7"),
    )


async def test_what_is_cut_does_not_happen() -> None:
    one, recorder = performer()
    await speak(one, Emote("sad"), Gaze("up"), Doing("dance"), Call("a", "{}", "c"))
    tick(one, 5)
    one.cut()
    tick(one, 100)
    kinds = EmotionCue | GazeCue | ActionCue
    assert not [each for each in recorder.cues if isinstance(each, kinds)]
    assert felt(one)["sad"] == 0
    assert "dance" not in [each.activity for each in recorder.cues if isinstance(each, ActivityCue)]


def test_cues_without_speech_happen_at_once() -> None:
    one, recorder = performer()
    tick(one, 10)
    cues = (Gesture("nod"), Emote("angry"), Call("open_shop", "{}", "c"))
    one.perform(Utterance("u", "t", "", tuple(PlacedCue(each, 0) for each in cues)))
    tick(one)
    assert {each.name: each.pts_us for each in recorder.cues} == dict.fromkeys(
        ("gesture", "emotion", "action"), frame_pts(10)
    )
    tick(one, 15)
    assert felt(one)["angry"] > 0.5
