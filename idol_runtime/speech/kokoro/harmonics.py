"""The generator's excitation: harmonics of the pitch, as short spectra.

The neural source-filter model (Wang et al. 2019) with Kokoro's weights: nine sines at multiples
of the pitch, mixed to one signal, then a 20-point STFT every 5 samples. The phase is summed over
the whole clause once, so any window of it continues its neighbours.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from idol_runtime.speech.kokoro.statistics import Floats

if TYPE_CHECKING:  # only a conversion has one, and onnx with it
    from idol_runtime.speech.kokoro.quantised import QuantisedModel

SAMPLE_RATE_HZ = 24_000
FRAME_SAMPLES = 300
"""Samples per pitch value (80 Hz)."""
HOP = 5
_WINDOW = 20
_BINS = _WINDOW // 2 + 1
_HARMONICS = 9
_AMPLITUDE = 0.1
_VOICED_ABOVE_HZ = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class HarmonicMix:
    """How the sines are mixed: learned, constant."""

    weights: Floats
    """(9,)"""
    bias: float

    @classmethod
    def read(cls, source: "QuantisedModel") -> "HarmonicMix":
        weights = source.tensor("onnx::MatMul_6993").ravel()
        return cls(weights, float(source.generator("m_source.l_linear.bias")[0]))


class HarmonicSource:
    """The excitation of one clause."""

    def __init__(self, pitch_hz: Floats, mix: HarmonicMix) -> None:
        self._mix = mix
        self._voiced = pitch_hz > _VOICED_ABOVE_HZ
        turns = np.outer(pitch_hz.astype(np.float64) / SAMPLE_RATE_HZ, np.arange(1, _HARMONICS + 1))
        self._phase = np.cumsum(turns % 1, axis=0) * FRAME_SAMPLES
        """Turns at the middle of each frame, (frames, 9)."""

    def signal(self, start: int, stop: int) -> Floats:
        """Samples [start, stop) of the excitation."""
        frames = len(self._voiced)
        samples = np.arange(start, stop)
        position = np.clip((samples + 0.5) / FRAME_SAMPLES - 0.5, 0, frames - 1)
        before = np.minimum(position.astype(np.int64), max(frames - 2, 0))
        share = (position - before)[:, None]
        after = np.minimum(before + 1, frames - 1)
        turns = self._phase[before] * (1 - share) + self._phase[after] * share
        sines = np.sin((2 * np.pi * (turns % 1)).astype(np.float32))
        voiced = self._voiced[samples // FRAME_SAMPLES]
        mixed = _AMPLITUDE * voiced * (sines @ self._mix.weights) + self._mix.bias
        return np.asarray(np.tanh(mixed), np.float32)

    def spectra(self, start: int, stop: int) -> Floats:
        """Magnitudes and phases around samples `HOP * k` for k in [start, stop], both included.

        Returns:
            (1, 22, 1, stop - start + 1). The signal is mirrored at the clause's ends.
        """
        end = len(self._voiced) * FRAME_SAMPLES
        first, last = start * HOP - _WINDOW // 2, stop * HOP + _WINDOW // 2
        signal = self.signal(max(first, 0), min(last, end))
        signal = np.pad(signal, (max(-first, 0), max(last - end, 0)), mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(signal, _WINDOW)[::HOP]
        bins = frames @ _fourier()
        real, imaginary = bins[:, :_BINS], bins[:, _BINS:]
        spectra = np.concatenate([np.hypot(real, imaginary), np.arctan2(imaginary, real)], axis=1)
        return np.ascontiguousarray(spectra.T, np.float32)[None, :, None, :]


def _fourier() -> NDArray[np.float32]:
    """(20, 22): a Hann-windowed DFT, real parts then imaginary ones."""
    time = np.arange(_WINDOW)[:, None]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * time / _WINDOW)
    angle = 2 * np.pi * time * np.arange(_BINS) / _WINDOW
    imaginary = -np.sin(angle)
    imaginary[:, [0, -1]] = 0  # sin(pi k) is not quite 0, and its sign would decide the phase
    return np.concatenate([window * np.cos(angle), window * imaginary], axis=1).astype(np.float32)
