"""Reading recordings of any rate and channel count."""

import struct
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ
from idol_runtime.errors import InputError


def read_wav(path: Path) -> NDArray[np.int16]:
    """A WAV file as mono PCM16 at `AUDIO_RATE_HZ`, shape (n,).

    Channels are averaged. Integer and float formats of any rate are read.

    Raises:
        InputError: no such file, not a WAV file, or one without samples.
    """
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            # Chunks that are not sound (tags, cue points) are common and of no interest here.
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            rate_hz, samples = wavfile.read(path)
    except FileNotFoundError:
        raise InputError(f"{path}: expected a WAV file, found no such file.") from None
    except (OSError, ValueError, EOFError, struct.error) as error:
        raise InputError(
            f"{path}: expected a WAV file with PCM or float samples, but {error}; "
            "convert it, for example with ffmpeg."
        ) from None
    if samples.size == 0:
        raise InputError(f"{path}: expected some sound, found a file without samples.")
    mono = _to_float(samples)
    if mono.ndim == 2:
        mono = mono.mean(axis=1)
    return to_pcm16(resample(np.nan_to_num(mono), rate_hz, AUDIO_RATE_HZ))


def resample(samples: NDArray[np.float64], rate_hz: int, target_hz: int) -> NDArray[np.float64]:
    """Band-limited conversion between sample rates; shape (n,) to about n * target / rate."""
    if rate_hz == target_hz:
        return samples
    from scipy.signal import resample_poly

    ratio = Fraction(target_hz, rate_hz)
    converted: NDArray[np.float64] = resample_poly(samples, ratio.numerator, ratio.denominator)
    return converted


def to_pcm16(samples: NDArray[np.float64]) -> NDArray[np.int16]:
    """Samples in [-1, 1], clipped, as PCM16."""
    return (np.clip(samples, -1.0, 1.0) * 32767.0).round().astype(np.int16)


def _to_float(samples: NDArray[np.generic]) -> NDArray[np.float64]:
    if samples.dtype == np.uint8:  # 8-bit WAV is unsigned
        return (samples.astype(np.float64) - 128.0) / 128.0
    floats: NDArray[np.float64] = samples.astype(np.float64)
    if samples.dtype.kind == "i":
        floats /= 2.0 ** (8 * samples.dtype.itemsize - 1)
    return floats
