"""Log-mel features of whole recordings, in torch: what `idol_protocol.audio` defines."""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from idol_protocol.audio import FFT_SIZE, LOG_MEL


def log_mel(samples: Tensor) -> Tensor:
    """Features [frames, 160] of a recording [n] in [-1, 1]; the last frame is zero-padded."""
    tail = -samples.shape[-1] % LOG_MEL.frame_samples
    padded = F.pad(samples.float(), (LOG_MEL.window_samples - LOG_MEL.hop_samples, tail))
    windows = padded.unfold(-1, LOG_MEL.window_samples, LOG_MEL.hop_samples)
    spectrum = torch.fft.rfft(windows * _window(), n=FFT_SIZE)
    bands = spectrum.abs().square() @ _mel_bands()
    return ((torch.log(bands + LOG_MEL.floor) + LOG_MEL.offset) / LOG_MEL.scale).reshape(
        -1, LOG_MEL.size
    )


@functools.cache
def _window() -> Tensor:
    window = torch.hann_window(LOG_MEL.window_samples, periodic=True)
    return window / window.sum()


@functools.cache
def _mel_bands() -> Tensor:
    def to_mel(hz: float) -> float:
        return 2595 * math.log10(1 + hz / 700)

    mels = torch.linspace(
        to_mel(LOG_MEL.low_hz), to_mel(LOG_MEL.high_hz), LOG_MEL.bands + 2, dtype=torch.float64
    )
    corners = 700 * (10 ** (mels / 2595) - 1)
    bins = (
        torch.arange(FFT_SIZE // 2 + 1, dtype=torch.float64)[:, None] * LOG_MEL.rate_hz / FFT_SIZE
    )
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    triangles = torch.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    return triangles.clamp_min(0).float()
