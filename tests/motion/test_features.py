import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import idol_runtime
from idol_protocol.audio import LOG_MEL
from idol_protocol.noise import HoldGroup, NoiseLaw
from idol_runtime.errors import InputError
from idol_runtime.inference.bundle import open_bundle
from idol_runtime.motion.features import LogMel
from idol_runtime.motion.noise import Noise
from training import features as reference
from training.face.upper import NOISE as face_noise
from training.noise import draw_noise
from training.pose.drivers import NOISE as pose_noise


def voice(samples: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    time_s = np.arange(samples) / 24_000
    tone = 0.2 * np.sin(2 * np.pi * 180 * time_s) * (np.sin(2 * np.pi * 3 * time_s) > 0)
    return (tone + 0.01 * rng.standard_normal(samples)).astype(np.float32)


def test_runtime_features_equal_those_of_training() -> None:
    samples = voice(24_000 + 123)
    expected = reference.log_mel(torch.from_numpy(samples)).numpy()
    found = LogMel().clip(samples)
    assert found.shape == expected.shape == (31, 160)
    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize(("kind", "law"), [("face", face_noise), ("pose", pose_noise)])
def test_the_shipped_bundles_say_what_training_would_write(kind: str, law: NoiseLaw) -> None:
    said = open_bundle(Path(idol_runtime.__file__).parent / "bundles" / kind, kind).manifest.config
    assert json.dumps(said["audio"]) == json.dumps(msgspec.to_builtins(LOG_MEL))
    assert json.dumps(said["noise"]) == json.dumps(msgspec.to_builtins(law))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=6))
def test_streaming_in_any_pieces_equals_the_whole_clip(pieces: list[int]) -> None:
    mel = LogMel()
    samples = voice(800 * sum(pieces))
    state, found, start = mel.initial_state(1), [], 0
    for frames in pieces:
        end = start + 800 * frames
        features, state = mel.step(samples[None, start:end], state)
        found.append(features[0])
        start = end
    np.testing.assert_allclose(np.concatenate(found), mel.clip(samples), atol=1e-5)


def test_pcm16_and_float_samples_give_the_same_features() -> None:
    pcm = (voice(8000) * 32767).astype(np.int16)
    np.testing.assert_array_equal(LogMel().clip(pcm), LogMel().clip(pcm.astype(np.float32) / 32768))


def test_a_tone_is_loudest_in_the_band_around_its_pitch() -> None:
    time_s = np.arange(24_000) / 24_000
    hops = LogMel().clip(0.3 * np.sin(2 * np.pi * 1000 * time_s))[10].reshape(4, 40)
    low, high = 2595 * np.log10(1 + 80 / 700), 2595 * np.log10(1 + 7600 / 700)
    mel = 2595 * np.log10(1 + 1000 / 700)
    assert abs(int(hops[0].argmax()) - ((mel - low) / (high - low) * 41 - 1)) <= 0.5


def test_a_part_of_a_frame_is_refused_with_the_shape_that_came() -> None:
    with pytest.raises(InputError, match=r"\(1, 799\)"):
        LogMel().step(np.zeros((1, 799), np.float32), LogMel().initial_state(1))


LAW = NoiseLaw((0.2, 3.0), (HoldGroup(2, 0.8),))


def stream(seeds: list[int], frames: int) -> NDArray[np.float32]:
    noise = Noise(LAW, 30)
    state, rows = noise.initial_state(np.array(seeds)), []
    for _ in range(frames):
        values, state = noise.step(state)
        rows.append(values)
    return np.stack(rows)


def test_a_rows_noise_depends_on_its_seed_alone() -> None:
    np.testing.assert_array_equal(stream([7], 50)[:, 0], stream([1, 7, 2**40], 50)[:, 1])
    assert not np.allclose(stream([7], 50), stream([8], 50))


def test_noise_is_standard_normal_at_every_instant() -> None:
    values = stream(list(range(4000)), 20)
    for frame in (0, 19):
        np.testing.assert_allclose(values[frame].mean(axis=0), 0, atol=0.06)
        np.testing.assert_allclose(values[frame].std(axis=0), 1, atol=0.06)


def test_runtime_noise_follows_the_law_it_was_trained_with() -> None:
    taught = draw_noise(LAW, 60_000, 30, np.random.default_rng(0))
    drawn = np.concatenate(np.moveaxis(stream(list(range(40)), 1500), 1, 0))
    for lag in (3, 15):
        for channel in range(4):
            found = np.corrcoef(drawn[:-lag, channel], drawn[lag:, channel])[0, 1]
            expected = np.corrcoef(taught[:-lag, channel], taught[lag:, channel])[0, 1]
            assert found == pytest.approx(expected, abs=0.06)


def test_channels_of_a_held_group_change_together_and_stay_between() -> None:
    values = stream([3], 300)[:, 0, 2:]
    changed = np.diff(values, axis=0) != 0
    np.testing.assert_array_equal(changed[:, 0], changed[:, 1])
    assert 3 <= changed[:, 0].sum() <= 30  # ten seconds of holds with median 0.8 s
