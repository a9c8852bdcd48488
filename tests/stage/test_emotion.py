"""What a character feels, on its media clock."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.channels import EMOTIONS, FACE_CHANNELS, GESTURES, LOWEST_EMOTIONS, POSE_BONES
from idol_runtime.character import DEFAULT_CHARACTER, Character, load_character
from idol_runtime.engine.engine import open_stage
from idol_runtime.motion.gestures import GestureTimes
from idol_runtime.outputs.recorder import Recorder
from idol_runtime.stage.conditions import Conditioning, SpeechWindow
from idol_runtime.stage.emotion import EmotionCurve
from idol_runtime.stage.performer import Performer
from idol_runtime.timeline import EmotionCue, EmotionLevel, VirtualClock

TIMES = GestureTimes(dict.fromkeys(GESTURES, 1.0), dict.fromkeys(GESTURES, 0.5), fps=30)
LOWEST = np.array([LOWEST_EMOTIONS[name] for name in EMOTIONS], np.float32)
HAPPY = EMOTIONS.index("happy")

levels = st.fixed_dictionaries(
    {}, optional={name: st.floats(LOWEST_EMOTIONS[name], 1, width=32) for name in EMOTIONS}
)
durations_s = st.floats(0.1, 30)
turns = st.lists(
    st.tuples(st.integers(0, 20_000_000), levels, durations_s, durations_s), min_size=1, max_size=4
)
Turns = list[tuple[int, dict[str, float], float, float]]


def curve_of(baseline: dict[str, float], each_turn: Turns) -> tuple[EmotionCurve, int]:
    """A curve that is turned again and again, and the media time at which it has ended."""
    curve = EmotionCurve(np.array([baseline.get(name, 0.0) for name in EMOTIONS], np.float32))
    now_us = end_us = 0
    for wait_us, target, rise_s, fall_s in each_turn:
        now_us += wait_us
        curve = curve.turned(now_us, target, rise_s=rise_s, fall_s=fall_s)
        end_us = now_us + round((rise_s + fall_s) * 1e6) + 1
    return curve, end_us


@given(levels, turns, st.lists(st.integers(0, 200_000_000), max_size=20))
def test_it_stays_within_the_ranges_and_ends_at_the_baseline(
    baseline: dict[str, float], each_turn: Turns, times_us: list[int]
) -> None:
    curve, end_us = curve_of(baseline, each_turn)
    for pts_us in times_us:
        value = curve.at(pts_us)
        assert value.dtype == np.float32
        assert (value >= LOWEST).all()
        assert (value <= 1).all()
    for pts_us in (end_us, end_us + 1, end_us + 10**12):
        np.testing.assert_array_equal(curve.at(pts_us), curve.baseline)


@given(levels, turns, st.lists(st.integers(0, 200_000_000), min_size=1, max_size=20))
def test_it_is_continuous(
    baseline: dict[str, float], each_turn: Turns, times_us: list[int]
) -> None:
    """No more in a millisecond than the steepest move that is asked for goes in it."""
    curve, _ = curve_of(baseline, each_turn)
    shortest_us = 1e6 * min(min(rise_s, fall_s) for _, _, rise_s, fall_s in each_turn)
    most = 1.875 * 2 * 1000 / shortest_us + 1e-6  # the middle of a minimum-jerk move, over 2
    last_us = sum(wait_us for wait_us, _, _, _ in each_turn)
    _, _, rise_s, _ = each_turn[-1]
    for pts_us in (*times_us, last_us - 500, last_us, last_us + round(rise_s * 1e6) - 500):
        step = np.abs(curve.at(max(0, pts_us) + 1000) - curve.at(max(0, pts_us)))
        assert step.max() <= most


@given(levels, turns, st.integers(0, 20_000_000), levels)
def test_a_new_turn_starts_from_the_present_value(
    baseline: dict[str, float], each_turn: Turns, at_us: int, target: dict[str, float]
) -> None:
    curve, _ = curve_of(baseline, each_turn)
    turned = curve.turned(at_us, target, rise_s=1, fall_s=1)
    np.testing.assert_array_equal(turned.at(at_us), curve.at(at_us))
    reached = turned.at(at_us + 1_000_000)
    for index, name in enumerate(EMOTIONS):
        assert reached[index] == np.float32(target.get(name, curve.baseline[index]))


@given(levels, turns, st.lists(st.integers(0, 60_000_000), max_size=10), st.randoms())
def test_the_order_in_which_frames_are_asked_for_changes_nothing(
    baseline: dict[str, float], each_turn: Turns, times_us: list[int], random: Random
) -> None:
    curve, _ = curve_of(baseline, each_turn)
    first = {pts_us: curve.at(pts_us).tobytes() for pts_us in times_us}
    random.shuffle(times_us)
    assert {pts_us: curve.at(pts_us).tobytes() for pts_us in times_us} == first


def test_without_a_turn_it_is_the_baseline_itself() -> None:
    baseline = np.linspace(0, 1, len(EMOTIONS), dtype=np.float32)
    assert EmotionCurve(baseline).at(5) is baseline


def test_a_performer_tells_its_generators_and_announces_it() -> None:
    ren = Character(name="Ren", persona="You are Ren.", emotion={"relaxed": 0.4})
    conditioning = Conditioning(TIMES, face=SpeechWindow(2), pose=SpeechWindow(2))
    one, recorder = Performer(ren, conditioning=conditioning, lead_us=0, buffer_s=1), Recorder()
    one.attach(recorder)
    felt = []
    for frame in range(120):
        if frame == 15:
            one.feel({"happy": 1.0}, rise_s=1, fall_s=2)
        felt.append(one.conditions().emotion)
        rotations = np.tile(np.array([0, 0, 0, 1], np.float32), (len(POSE_BONES), 1))
        one.show(np.zeros(len(FACE_CHANNELS), np.float32), rotations, np.zeros(3, np.float32))
    happy = np.array(felt)[:, HAPPY]
    assert not happy[:16].any()
    assert happy[45] == 1
    assert (np.diff(happy[16:45]) > 0).all()
    assert (np.diff(happy[46:104]) < 0).all()
    assert not happy[105:].any()
    [cue] = [each for each in recorder.cues if isinstance(each, EmotionCue)]
    assert cue == EmotionCue(500_000, (EmotionLevel("happy", 1.0),), 1, 2)


def test_a_face_shows_what_is_felt_and_then_is_what_it_was_without_it() -> None:
    stage = open_stage("cpu", VirtualClock())
    hoshi = load_character(DEFAULT_CHARACTER)
    (glad, glad_made), (calm, calm_made) = ((stage.join(hoshi, 3), Recorder()) for _ in range(2))
    glad.attach(glad_made)
    calm.attach(calm_made)
    for _ in range(30):
        stage.tick()
    glad.feel({"happy": 1.0, "valence": 1.0, "arousal": 1.0}, rise_s=0.5, fall_s=2)
    for _ in range(300):
        stage.tick()
    apart = np.array(
        [
            np.abs(one.weights - other.weights).max()
            for one, other in zip(glad_made.face, calm_made.face, strict=True)
        ]
    )
    assert apart[:30].max() < 1e-3
    assert apart[40:70].max() > 0.05
    assert apart[-30:].max() < apart[40:70].max() / 5
