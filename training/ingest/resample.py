"""Curves and sound to other rates, without aliasing and without leaving their range."""

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import convolve1d
from scipy.signal import firwin


def curves_at(
    times_s: NDArray[np.float64], curves: NDArray[np.float32], at_s: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Curves [T, C], taken at increasing times [T], at other times [N]; ends are held.

    Monotone cubic (Fritsch and Carlson 1980): no overshoot, so weights stay in [0, 1].
    """
    if len(times_s) == 1:
        return np.repeat(curves, len(at_s), axis=0)
    inside = at_s.clip(times_s[0], times_s[-1])
    found = PchipInterpolator(times_s, curves.astype(np.float64), axis=0)(inside)
    return np.clip(found, curves.min(axis=0), curves.max(axis=0)).astype(np.float32)


def resample_curves(
    curves: NDArray[np.float32], from_fps: float, to_fps: float
) -> NDArray[np.float32]:
    """Curves [T, C] at one constant rate to another; frame i stays at i / fps seconds."""
    if to_fps < from_fps:
        curves = _low_passed(curves, to_fps / from_fps)
    frames = max(1, int(len(curves) * to_fps / from_fps + 1e-6))
    return curves_at(np.arange(len(curves)) / from_fps, curves, np.arange(frames) / to_fps)


def _low_passed(curves: NDArray[np.float32], ratio: float) -> NDArray[np.float32]:
    """Zero-phase windowed sinc at 0.9 of the new Nyquist frequency; ends are mirrored."""
    half = int(np.ceil(8 / ratio))
    kernel = firwin(2 * half + 1, min(0.9 * ratio, 0.999))
    smooth = convolve1d(curves.astype(np.float64), kernel, axis=0, mode="reflect")
    return np.clip(smooth, curves.min(axis=0), curves.max(axis=0)).astype(np.float32)


def resample_sound(samples: NDArray[np.float64], from_hz: int, to_hz: int) -> NDArray[np.int16]:
    """Mono sound [n] in [-1, 1] to 16-bit at another rate."""
    if from_hz != to_hz:  # at equal rates it would round to 32-bit floats
        samples = soxr.resample(samples, from_hz, to_hz)
    return np.round(samples.clip(-1, 1) * 32767).astype(np.int16)
