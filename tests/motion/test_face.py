"""The shipped face."""

from pathlib import Path

import numpy as np
import pytest

import idol_runtime
from idol_protocol.channels import FACE_ACTIVITIES, FACE_CHANNELS
from idol_protocol.frames import FaceFrame
from idol_runtime.errors import BundleError, InputError
from idol_runtime.motion.face import FaceInputs, FaceModel
from idol_runtime.outputs.face_csv import HEADER, read_face_csv, write_face_csv
from idol_runtime.timeline import Phoneme

BUNDLE = Path(idol_runtime.__file__).parent / "bundles" / "face"
COLUMN = {name: index for index, name in enumerate(FACE_CHANNELS)}
MAMA = (
    Phoneme("m", 0.2, 0.3),
    Phoneme("ɑ", 0.3, 0.5),
    Phoneme("m", 0.5, 0.6),
    Phoneme("ɑ", 0.6, 0.85),
)


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.open(BUNDLE)


def perform(
    model: FaceModel,
    samples: np.ndarray,
    *,
    seeds: tuple[int, ...] = (1,),
    phonemes: tuple[Phoneme, ...] = (),
    activity: str = "speak",
) -> np.ndarray:
    """Faces [frames, B, 59] for one sound."""
    audio = model.features.clip(samples)
    frames, rows = len(audio), len(seeds)
    activations = model.phoneme_activations(phonemes, (np.arange(frames) + 0.5) / model.config.fps)
    doing = np.zeros((rows, 4), np.float32)
    doing[:, FACE_ACTIVITIES.index(activity)] = 1
    state, noise_state = model.initial_state(rows), model.noise.initial_state(np.array(seeds))
    faces = []
    for frame in range(frames):
        ahead = min(frame + model.config.lookahead_frames, frames - 1)
        noise, noise_state = model.noise.step(noise_state)
        inputs = FaceInputs(
            np.tile(audio[ahead], (rows, 1)),
            np.tile(activations[ahead], (rows, 1)),
            doing,
            np.zeros((rows, 8), np.float32),
            np.zeros((rows, 16), np.float32),
            noise,
        )
        face, state = model.step(inputs, state)
        faces.append(face)
    return np.stack(faces)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(24_000 * seconds), np.float32)


def mama() -> np.ndarray:
    time_s = np.arange(24_000 * 6 // 5) / 24_000
    voiced = np.sum([np.sin(2 * np.pi * 140 * k * time_s) / k for k in range(1, 25)], axis=0)
    level = np.where((time_s > 0.2) & (time_s < 0.85), 0.02, 0.0)
    for start, end in ((0.3, 0.5), (0.6, 0.85)):
        level[(time_s > start) & (time_s < end)] = 0.15
    said: np.ndarray = (level * voiced).astype(np.float32)
    return said


def apart(faces: np.ndarray) -> np.ndarray:
    gap: np.ndarray = faces[..., COLUMN["jawOpen"]] - faces[..., COLUMN["mouthClose"]]
    return gap.clip(0)


def test_lips_close_on_m_and_open_on_the_vowel(model: FaceModel) -> None:
    opening = apart(perform(model, mama(), phonemes=MAMA))[:, 0]
    assert opening[15:18].min() < 0.05
    assert opening[10:14].max() > 0.2
    assert opening[20:25].max() > 0.2


@pytest.mark.parametrize("activity", FACE_ACTIVITIES)
def test_the_mouth_is_shut_in_silence_whatever_the_character_does(
    model: FaceModel, activity: str
) -> None:
    faces = perform(model, silence(20), activity=activity, seeds=(1, 2, 3))
    assert apart(faces).max() < 0.03


@pytest.mark.parametrize("activity", FACE_ACTIVITIES)
def test_the_upper_face_lives_and_two_seeds_differ(model: FaceModel, activity: str) -> None:
    faces = perform(model, silence(30), activity=activity, seeds=(1, 2))
    for row in (0, 1):
        assert faces[:, row, COLUMN["headYaw"]].std() > 0.5
        assert faces[:, row, COLUMN["leftEyeYaw"]].std() > 0.5
        assert faces[:, row, COLUMN["eyeBlinkLeft"]].max() > 0.8
    assert np.abs(faces[:, 0] - faces[:, 1])[:, COLUMN["headYaw"]].mean() > 0.5


def test_lips_do_not_depend_on_the_seed(model: FaceModel) -> None:
    faces = perform(model, mama(), phonemes=MAMA, seeds=(1, 2))
    lips = [COLUMN[name] for name in ("jawOpen", "mouthClose", "mouthPucker", "mouthPressLeft")]
    np.testing.assert_array_equal(faces[:, 0, lips], faces[:, 1, lips])


def test_a_row_is_the_same_alone_and_in_company(model: FaceModel) -> None:
    alone = perform(model, mama(), seeds=(5,), phonemes=MAMA)[:, 0]
    among = perform(model, mama(), seeds=(*range(20, 27), 5, *range(40, 48)), phonemes=MAMA)[:, 7]
    np.testing.assert_allclose(alone[:, :52], among[:, :52], atol=1e-5)
    np.testing.assert_allclose(alone[:, 52:], among[:, 52:], atol=1e-4)  # degrees


def test_the_same_seed_and_sound_give_the_same_frames_bit_for_bit(model: FaceModel) -> None:
    np.testing.assert_array_equal(perform(model, mama()), perform(model, mama()))


@pytest.mark.slow
def test_ten_minutes_of_silence_do_not_drift(model: FaceModel) -> None:
    faces = perform(model, silence(600), activity="idle")
    assert np.isfinite(faces).all()
    assert apart(faces[-300:]).max() < 0.03
    assert faces[..., :52].min() >= 0
    assert faces[..., :52].max() <= 1


def test_phoneme_activations_share_a_frame_and_say_where_phonemes_are_known(
    model: FaceModel,
) -> None:
    times = (np.arange(30) + 0.5) / 30
    activations = model.phoneme_activations(MAMA, times)
    np.testing.assert_allclose(activations[6:25, :-1].sum(axis=1), 1, atol=1e-5)
    assert activations[7, model.config.phoneme_inputs.index("pbm")] == pytest.approx(1, abs=1e-5)
    assert activations[7, -1] == 1
    assert not activations[28].any()
    assert not model.phoneme_activations((), times).any()


def test_a_bundle_for_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="expected a bundle"):
        FaceModel.open(tmp_path)


def test_face_csv_reads_back_what_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [
        FaceFrame(0, rng.random(52).astype(np.float32), rng.normal(0, 9, 7).astype(np.float32))
        for _ in range(5)
    ]
    path = tmp_path / "face.csv"
    write_face_csv(path, frames, fps=30)
    assert path.read_text().splitlines()[0] == ",".join(HEADER)
    found = read_face_csv(path)
    assert [frame.pts_us for frame in found] == [0, 33300, 66700, 100000, 133300]
    for frame, expected in zip(found, frames, strict=True):
        np.testing.assert_allclose(frame.weights, expected.weights, atol=1e-5)
        np.testing.assert_allclose(frame.head_eyes_deg, expected.head_eyes_deg, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header"),
        ("time_s,jawOpen\n0,1\n", "header"),
        (",".join(HEADER) + "\n0,1\n", "line 2.*60"),
        (",".join(HEADER) + "\n" + ",".join(["x"] * 60) + "\n", "line 2.*numbers"),
    ],
)
def test_a_broken_face_csv_is_named_by_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "face.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_face_csv(path)
