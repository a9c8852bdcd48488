"""Log-mel features of the voice, streamed: what `idol_protocol.audio` defines, in numpy.

A frame needs its own samples and the 400 before them: the state.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from idol_protocol.audio import FFT_SIZE, LOG_MEL, AudioFeatures
from idol_runtime.errors import InputError

Samples = NDArray[np.float32]


def mel_bands(config: AudioFeatures) -> NDArray[np.float32]:
    """Weights [FFT_SIZE // 2 + 1, bands] of triangles that are evenly spaced in mel."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (config.low_hz, config.high_hz))
    corners = 700 * (10 ** (np.linspace(low, high, config.bands + 2) / 2595) - 1)
    bins = np.arange(FFT_SIZE // 2 + 1) * config.rate_hz / FFT_SIZE
    rise = (bins[:, None] - corners[:-2]) / (corners[1:-1] - corners[:-2])
    fall = (corners[2:] - bins[:, None]) / (corners[2:] - corners[1:-1])
    return np.maximum(0, np.minimum(rise, fall)).astype(np.float32)


class LogMel:
    """Features of whole frames, streamed; rows are independent and the state is explicit."""

    def __init__(self, config: AudioFeatures = LOG_MEL) -> None:
        self.config = config
        size = self.config.window_samples
        window = np.hanning(size + 1)[:-1]
        self._window = (window / window.sum()).astype(np.float32)
        self._bands = mel_bands(self.config)

    def initial_state(self, batch: int) -> Samples:
        """[B, 400] zeros: silence before the first sample."""
        kept = self.config.window_samples - self.config.hop_samples
        return np.zeros((batch, kept), np.float32)

    def step(self, samples: NDArray[Any], state: Samples) -> tuple[NDArray[np.float32], Samples]:
        """Features of n frames.

        Args:
            samples: [B, n * 800] with n >= 0, int16 or float in [-1, 1].
            state: [B, 400], from `initial_state` or the call before.

        Returns:
            Features [B, n, 160] and the next state.

        Raises:
            InputError: the samples are not whole frames.
        """
        config = self.config
        if samples.ndim != 2 or samples.shape[1] % config.frame_samples:
            raise InputError(
                f"Expected samples of shape [B, n * {config.frame_samples}], found "
                f"{samples.shape}; pad the last frame with zeros."
            )
        if not samples.shape[1]:
            return np.zeros((len(samples), 0, config.size), np.float32), state
        signal = np.concatenate([state, _as_float(samples)], axis=1)
        windows = np.lib.stride_tricks.sliding_window_view(signal, config.window_samples, axis=1)
        spectrum = np.fft.rfft(windows[:, :: config.hop_samples] * self._window, FFT_SIZE)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        features = (np.log(power @ self._bands + config.floor) + config.offset) / config.scale
        frames = features.astype(np.float32).reshape(len(samples), -1, config.size)
        return frames, signal[:, signal.shape[1] - state.shape[1] :].copy()

    def clip(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        """Features [frames, 160] of a whole recording [n]; the last frame is padded with zeros."""
        frame = self.config.frame_samples
        padded = np.pad(_as_float(samples), (0, -len(samples) % frame))
        frames, _ = self.step(padded[None], self.initial_state(1))
        whole: NDArray[np.float32] = frames[0]
        return whole


def _as_float(samples: NDArray[Any]) -> Samples:
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / np.float32(32768)
    return samples.astype(np.float32, copy=False)
