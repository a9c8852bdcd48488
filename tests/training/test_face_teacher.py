import numpy as np

from idol_protocol.channels import FACE_ACTIVITIES
from training.face.data import taught_stream
from training.face.model import LIPS, MADE, STYLE_SIZE
from training.face.mouth import MouthStyle, closures, mouth_curves, opening
from training.face.phonemes import CLASSES, INPUT_COLUMNS, activations, segments
from training.face.sentences import sentences
from training.face.speech import hummed_utterances
from training.face.upper import NOISE, Situation, upper_curves
from training.noise import draw_noise

MAMA = [("pbm", 0.5, 0.6), ("aa", 0.6, 0.8), ("pbm", 0.8, 0.87), ("aa", 0.87, 1.1)]


def test_lips_touch_at_every_p_b_m_and_open_between() -> None:
    loud = np.zeros(60)
    loud[14:34] = 1
    apart = opening(mouth_curves(MAMA, loud, 60, 30, MouthStyle()))
    shut = closures(MAMA, 60, 30) > 0
    assert shut.sum() >= 3
    assert apart[shut].max() < 0.05
    assert apart[20:23].min() > 0.3
    assert apart[:10].max() < 0.02
    assert apart[45:].max() < 0.02


def test_a_larger_jaw_style_opens_further() -> None:
    loud = np.ones(60)
    small = mouth_curves(MAMA, loud, 60, 30, MouthStyle(jaw=0.8))["jawOpen"]
    large = mouth_curves(MAMA, loud, 60, 30, MouthStyle(jaw=1.2))["jawOpen"]
    assert large.max() > small.max() + 0.1


def test_a_diphthong_moves_through_two_shapes_and_stress_marks_have_none() -> None:
    assert segments(["ˈ", "A"], [0.0, 0.1], [0.1, 0.3]) == [("ae", 0.1, 0.2), ("ee", 0.2, 0.3)]


def test_activations_are_shares_of_a_frame_that_sum_to_one() -> None:
    shares = activations(MAMA, 45, 30)
    np.testing.assert_allclose(shares[:, : len(CLASSES)].sum(axis=1), 1, atol=1e-5)
    assert shares[16, INPUT_COLUMNS.index("pbm")] == 1


def situation(name: str, frames: int) -> Situation:
    activity = np.zeros((frames, 4))
    activity[:, FACE_ACTIVITIES.index(name)] = 1
    return Situation(activity, np.zeros((frames, 8)), np.zeros(STYLE_SIZE), np.zeros(frames))


def test_blinks_come_at_a_human_rate_and_less_often_in_thought() -> None:
    noise = draw_noise(NOISE, 18_000, 30, np.random.default_rng(0))
    rates = {}
    for name in FACE_ACTIVITIES:
        shut = upper_curves(noise, situation(name, 18_000))["eyeBlinkLeft"] > 0.5
        rates[name] = np.count_nonzero(np.diff(shut.astype(int)) == 1) / 10
    assert 8 <= rates["idle"] <= 26
    assert rates["think"] < rates["idle"]


def test_a_listener_looks_at_the_user_and_a_thinker_up_and_away() -> None:
    noise = draw_noise(NOISE, 9000, 30, np.random.default_rng(1))
    gaze = {}
    for name in ("listen", "think", "idle"):
        curves = upper_curves(noise, situation(name, 9000))
        gaze[name] = np.stack([curves["leftEyeYaw"] + curves["headYaw"], curves["leftEyePitch"]])
    assert np.abs(gaze["listen"][0]).mean() < 4 < np.abs(gaze["think"][0]).mean()
    assert gaze["think"][1].mean() < -4  # negative pitch looks up


def test_a_stream_is_a_function_of_its_seed() -> None:
    def make(seed: int) -> np.ndarray:
        return taught_stream(hummed_utterances(2, 0), np.random.default_rng(seed)).target

    np.testing.assert_array_equal(make(3), make(3))
    assert make(3).shape[1] == len(MADE)
    assert len(make(3)) != len(make(4)) or not np.allclose(make(3), make(4))


def test_no_noise_reaches_the_lips_of_the_teacher_outside_the_script() -> None:
    assert not set(LIPS) & set(
        upper_curves(draw_noise(NOISE, 30, 30, np.random.default_rng(0)), situation("idle", 30))
    )


def test_sentences_do_not_repeat() -> None:
    texts = sentences("en", 300, seed=0)
    assert len(set(texts)) == 300
