"""Reading recordings of any rate and channel count."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ
from idol_runtime.audio.resample import Samples, resample_blocks
from idol_runtime.audio.wav_file import WavFile, open_wav


def read_wav(path: Path) -> NDArray[np.int16]:
    """A WAV file as mono PCM16 at `AUDIO_RATE_HZ`, shape (n,).

    PCM of 8 to 64 bits, float, A-law and mu-law of any rate are read, block by block: only the
    result is held in memory, 2.9 MB a minute. Channels are averaged; where that would cancel
    them (one is the other upside down), the loudest is taken. A file that is cut off is read as
    far as it goes.

    Raises:
        InputError: no such file, not a WAV file, or one without samples.
    """
    wav = open_wav(path)
    mix = _channel_weights(wav)
    mono = (block @ mix for block in wav.blocks())
    pieces = resample_blocks(mono, wav.rate_hz, AUDIO_RATE_HZ)
    return np.concatenate([to_pcm16(piece) for piece in pieces])


def to_pcm16(samples: Samples) -> NDArray[np.int16]:
    """Samples in [-1, 1], clipped, as PCM16."""
    return (np.clip(samples, -1.0, 1.0) * 32767.0).round().astype(np.int16)


def _channel_weights(wav: WavFile) -> Samples:
    """[channels]: each the same, or the loudest alone where their mean would cancel them."""
    weights: Samples = np.full(wav.channels, 1 / wav.channels)
    if wav.channels == 1:
        return weights
    each, mixed = np.zeros(wav.channels), 0.0
    for block in wav.blocks():
        each += (block**2).sum(axis=0)
        mixed += float(((block @ weights) ** 2).sum())
    # One channel alone leaves 1 / channels^2 of its power in the mean; less has been cancelled.
    if mixed < 0.5 * each.max() / wav.channels**2:
        weights = np.eye(wav.channels)[int(each.argmax())]
    return weights
