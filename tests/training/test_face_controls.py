"""The ways to move a mouth that a score is read beside, and errors on a head."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.channels import ARKIT_BLENDSHAPES
from training.evaluation.measures import correlation
from training.face.data import sound_of
from training.face.evaluation import controls
from training.face.evaluation.measures import blinks
from training.face.evaluation.realism import UpperFaceReference
from training.face.evaluation.sets import load_captures
from training.face.evaluation.vertices import lip_vertex_error_mm, upper_dynamics_gap_mm
from training.face.evaluation.voices import SHUT, opening
from training.face.model import MADE
from training.face.mouth import SHAPES
from training.face.phonemes import CLASSES, INPUT_COLUMNS
from training.ingest.__main__ import main as ingest

JAW = MADE.index("jawOpen")
DATA = Path(__file__).parents[3] / "shared" / "data" / "face"


def test_the_level_of_a_steady_tone_is_its_rms_in_every_frame() -> None:
    tone = np.sin(2 * np.pi * 300 * np.arange(24_000) / 24_000)
    assert controls.level(tone, 24_000, 30, 30) == pytest.approx(np.sqrt(0.5), rel=0.02)


def test_the_level_rises_in_the_frame_where_the_sound_begins() -> None:
    sound = np.zeros(24_000)
    sound[12_000:] = 1
    level = controls.level(sound, 24_000, 30, 30)
    assert level[:14].max() == 0
    assert level[16:].min() == 1


def test_loudness_is_quiet_in_silence_and_about_one_at_loud_vowels() -> None:
    curves = controls.loudness_curves(np.array([0.0] * 50 + [0.1] * 50))
    for curve in curves.values():
        assert curve[:50].max() == pytest.approx(0, abs=0.01)
    assert curves[controls.LOG_LOUDNESS][60] == pytest.approx(1)
    assert curves[controls.LOUDNESS][60] == pytest.approx(np.sqrt(0.1))


@given(st.floats(0.1, 3), st.floats(-0.2, 0.2))
def test_a_follower_learns_its_line_on_other_clips(gain: float, level: float) -> None:
    rng = np.random.default_rng(0)
    other, here = rng.random(50), rng.random(40)
    known = np.array([1.0, 0.0])
    moved = np.stack([gain * other + level, other], axis=1)
    found = controls.follow(here, [(other, moved)], known)
    np.testing.assert_allclose(found[:, 0], gain * here + level, atol=1e-5)
    assert not found[:, 1].any()


def test_a_follower_without_other_clips_is_the_curve_itself() -> None:
    curve = np.linspace(0, 1, 9)
    np.testing.assert_allclose(controls.follow(curve, [], np.ones(3))[:, 2], curve, atol=1e-6)


def test_the_mean_curve_is_over_the_length_that_all_clips_have() -> None:
    mean = controls.mean_motion([np.full((5, 2), 1.0), np.full((8, 2), 3.0)])
    assert mean.shape == (5, 2)
    assert (mean == 2).all()


def spoken(*names: str) -> np.ndarray:
    told = np.zeros((len(names), len(INPUT_COLUMNS)), np.float32)
    told[np.arange(len(names)), [CLASSES.index(name) for name in names]] = 0.8
    told[:, -1] = 1
    return told


def test_the_table_has_the_shape_of_each_phoneme_and_no_way_between() -> None:
    motion = controls.table_motion(spoken("aa", "aa", "pbm", "ee"))
    assert motion[:2, JAW] == pytest.approx(SHAPES["aa"]["jawOpen"])
    assert motion[3, JAW] == pytest.approx(SHAPES["ee"]["jawOpen"])
    assert motion[3, MADE.index("mouthStretchRight")] == pytest.approx(0.34)
    apart = opening(motion)
    assert apart[2] < SHUT < apart[0]


def test_the_table_holds_a_shape_over_a_gap_and_rests_in_a_pause() -> None:
    motion = controls.table_motion(spoken("aa", "sil", "sil", "ee", "sil", "sil", "sil", "aa"))
    assert (motion[1:3] == motion[0]).all()
    assert not motion[4:7].any()


def test_the_table_rests_where_phonemes_are_not_known() -> None:
    told = spoken("aa", "aa")
    told[:, -1] = 0
    assert not controls.table_motion(told).any()


class Rod:
    """A head with one vertex a weight, which moves it 10 mm; the jaw's is a lip, a brow's upper."""

    lips = np.array([ARKIT_BLENDSHAPES.index("jawOpen"), ARKIT_BLENDSHAPES.index("mouthFunnel")])
    upper = np.array([ARKIT_BLENDSHAPES.index("browInnerUp")])

    def vertices(self, weights: np.ndarray) -> np.ndarray:
        posed: np.ndarray = np.asarray(weights)[..., None] * np.array([0.01, 0, 0])
        return posed


def motion(**curves: float | np.ndarray) -> np.ndarray:
    made = np.zeros((200, len(MADE)), np.float32)
    for name, curve in curves.items():
        made[:, MADE.index(name)] = curve
    return made


def test_lip_error_is_that_of_the_worst_lip_vertex_of_each_frame() -> None:
    everything = np.ones(len(MADE))
    made, real = motion(jawOpen=0.5, mouthFunnel=0.1), motion(jawOpen=0.2)
    assert lip_vertex_error_mm(Rod(), made, real, everything) == pytest.approx(3.0, rel=1e-4)
    halves = np.repeat([0.0, 0.4], 100)
    assert lip_vertex_error_mm(Rod(), motion(jawOpen=halves), motion(), everything) == (
        pytest.approx(2.0, rel=1e-4)
    )


def test_channels_that_were_not_captured_cause_no_error() -> None:
    known = np.ones(len(MADE))
    known[MADE.index("mouthFunnel")] = 0
    assert lip_vertex_error_mm(Rod(), motion(mouthFunnel=0.9), motion(), known) == 0


def test_an_upper_face_that_is_too_still_has_a_positive_gap() -> None:
    swing = np.tile([0.2, 0.6], 100)
    everything = np.ones(len(MADE))
    still, real = motion(browInnerUp=0.3), motion(browInnerUp=swing)
    assert upper_dynamics_gap_mm(Rod(), still, real, everything) == pytest.approx(2.0, rel=1e-4)
    assert upper_dynamics_gap_mm(Rod(), real, still, everything) == pytest.approx(-2.0, rel=1e-4)


def test_opening_is_jaw_less_lips_pressed_plus_lips_drawn_apart() -> None:
    made = motion(jawOpen=0.5, mouthClose=0.2, mouthUpperUpLeft=0.4)
    assert opening(made) == pytest.approx(0.3 + 0.175 * 0.4)
    assert correlation(opening(motion(jawOpen=np.arange(200.0))), np.arange(200.0)) == (
        pytest.approx(1)
    )


@pytest.mark.data
@pytest.mark.skipif(not DATA.exists(), reason="the real captures are not at hand")
def test_real_captures_give_the_known_floor_of_loudness_and_the_known_blinks(
    tmp_path: Path,
) -> None:
    rights = ["--licence", "MIT", "--may-ship", "--speaker", "somebody"]
    for kind, name in (("pairs", "facegood"), ("livelink", "livelink")):
        ingest([kind, str(DATA / name), "--out", str(tmp_path / name), "--name", name, *rights])
    captures = load_captures(tmp_path)
    for clip in captures.clips:
        heard = controls.level(sound_of(clip.recording), 24_000, len(clip.real), 30)
        curve = controls.loudness_curves(heard)[controls.LOG_LOUDNESS]
        long = clip.recording.seconds > 100
        low, high = (0.68, 0.80) if long else (0.55, 0.70)
        assert low < correlation(curve, clip.real[:, JAW]) < high, clip.name
    lids = [take.motion[:, MADE.index("eyeBlinkLeft")] for take in captures.takes]
    assert 7 < blinks(lids, 30).per_minute < 21
    reference = UpperFaceReference.of(captures)
    assert reference is not None
    report = reference.report({})
    floor = report["floor_real_to_real"]["to_all"]
    assert floor < 0.3 < min(control["to_all"] for control in report["controls"].values())
