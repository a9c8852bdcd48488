"""Log-mel features for training, in torch: what `idol_runtime.motion.features` streams in numpy.

The two are written apart because the runtime never imports training; a test holds them equal.
24 kHz mono, window 600, hop 200, 40 bands from 80 to 7600 Hz, 4 hops a frame of 1/30 s.
"""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

RATE_HZ = 24_000
FPS = 30
FRAME_SAMPLES = RATE_HZ // FPS
WINDOW, HOP, BANDS, FFT_SIZE = 600, 200, 40, 1024
LOW_HZ, HIGH_HZ = 80.0, 7600.0
FLOOR, OFFSET, SCALE = 1e-7, 12.0, 4.0
FEATURES = BANDS * FRAME_SAMPLES // HOP


def manifest_audio() -> dict[str, float]:
    """The `audio` table of a motion bundle's manifest."""
    return {
        "rate_hz": RATE_HZ,
        "fps": FPS,
        "window_samples": WINDOW,
        "hop_samples": HOP,
        "bands": BANDS,
        "low_hz": LOW_HZ,
        "high_hz": HIGH_HZ,
        "floor": FLOOR,
        "offset": OFFSET,
        "scale": SCALE,
    }


def log_mel(samples: Tensor) -> Tensor:
    """Features [frames, 160] of a recording [n] in [-1, 1]; the last frame is zero-padded."""
    tail = -samples.shape[-1] % FRAME_SAMPLES
    padded = F.pad(samples.float(), (WINDOW - HOP, tail))
    windows = padded.unfold(-1, WINDOW, HOP)
    spectrum = torch.fft.rfft(windows * _window(), n=FFT_SIZE)
    bands = spectrum.abs().square() @ _mel_bands()
    return ((torch.log(bands + FLOOR) + OFFSET) / SCALE).reshape(-1, FEATURES)


@functools.cache
def _window() -> Tensor:
    window = torch.hann_window(WINDOW, periodic=True)
    return window / window.sum()


@functools.cache
def _mel_bands() -> Tensor:
    def to_mel(hz: float) -> float:
        return 2595 * math.log10(1 + hz / 700)

    mels = torch.linspace(to_mel(LOW_HZ), to_mel(HIGH_HZ), BANDS + 2, dtype=torch.float64)
    corners = 700 * (10 ** (mels / 2595) - 1)
    bins = torch.arange(FFT_SIZE // 2 + 1, dtype=torch.float64)[:, None] * RATE_HZ / FFT_SIZE
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    triangles = torch.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    return triangles.clamp_min(0).float()
