"""Reading recordings: any format that libsndfile knows, of any rate and channel count.

What recorders leave behind when they lose power, programs when they write into a pipe, and
transfers when they break off is read as far as it goes: see `container`.
"""

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ
from idol_runtime.audio.container import ShownFile
from idol_runtime.errors import InputError

MAX_CHANNELS = 64
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 1_000_000
BLOCK_FRAMES = 1 << 16

Samples = NDArray[np.float64]


def read_recording(
    path: Path, tell: Callable[[str], object] = lambda note: None
) -> NDArray[np.int16]:
    """A recording as mono PCM16 at `AUDIO_RATE_HZ`, shape (n,).

    WAV and its family, FLAC, OGG (Vorbis and Opus), MP3, AIFF, CAF and more are read, block by
    block: only the result is held in memory, 2.9 MB a minute. Channels are averaged; where that
    would cancel them (one is the other upside down), the loudest is taken. What is cut off or
    damaged is read as far as it goes. An MP3 of varying bit rate must say how long it is (by a Xing
    or Info frame, as all encoders of today write): libsndfile guesses otherwise and may stop early.

    Args:
        path: The file; its name does not matter.
        tell: Is given a sentence when a part of the sound is missing.

    Raises:
        InputError: no such file, one that cannot be read, or one without samples.
    """
    with _opened(path) as (sound, _):
        mix = _channel_weights(sound)
    with _opened(path) as (sound, shown):
        mono = (block @ mix for block in _blocks(sound))
        pieces = [to_pcm16(piece) for piece in _resampled(mono, sound.samplerate)]
        cut = sound.damage or shown.cut
        if sound.format == "MP3" and sound.frames - sound.heard > sound.samplerate / 10:
            cut = "the end of the file is missing"
    count = sum(map(len, pieces))
    if not count:
        raise InputError(
            f"{path}: expected some sound, found a file without samples, or cut off before "
            "them; record it again."
        )
    if cut:
        tell(f"{path}: is cut off or damaged ({cut}); {count / AUDIO_RATE_HZ:.1f} s were read.")
    return np.concatenate(pieces)


def to_pcm16(samples: Samples) -> NDArray[np.int16]:
    """Samples in [-1, 1], clipped, as PCM16."""
    return (np.clip(samples, -1.0, 1.0) * 32767.0).round().astype(np.int16)


class _Forward(soundfile.SoundFile):
    """Read from its beginning to its end: seeking between blocks, which `read` does where it can,
    makes an MP3 click and loses what is there of a file that is cut off.
    """

    damage = ""
    """What libsndfile said where it could not go on."""
    heard = 0
    """Samples that were read so far."""

    def seekable(self) -> bool:
        return False

    def next_block(self, most: int) -> Samples:
        """Up to `most` samples as [n, channels]; what was decoded before damage is among them."""
        block: Samples = np.full((0 if self.damage else most, self.channels), np.nan)
        try:
            block = self.read(out=block)
        except soundfile.LibsndfileError as error:
            self.damage = _said(error)
            decoded = np.flatnonzero(~np.isnan(block).all(axis=1))
            block = block[: decoded[-1] + 1 if len(decoded) else 0]
        self.heard += len(block)
        return block


@contextmanager
def _opened(path: Path) -> Iterator[tuple[_Forward, ShownFile]]:
    found = ""
    try:
        with path.open("rb") as file:
            shown = ShownFile(file)
            found = shown.found
            if found:
                raise _unknown(path, found)
            with _Forward(shown) as sound:
                rate_hz, channels = sound.samplerate, sound.channels
                if channels > MAX_CHANNELS or not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
                    raise _unknown(path, f"{channels} channels at {rate_hz} Hz")
                yield sound, shown
            if shown.error:
                raise shown.error
    except FileNotFoundError:
        raise InputError(f"{path}: expected a recording, found no such file.") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected a recording, found a folder; name one file.") from None
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise InputError(
            f"{path}: expected a recording that can be read, but {reason}; check its rights, or "
            "copy it to this machine."
        ) from None
    except soundfile.LibsndfileError as error:
        raise _unknown(path, f"a file that libsndfile cannot read ({_said(error)})") from None


def _blocks(sound: _Forward) -> Iterator[Samples]:
    """The samples as [n, channels] in [-1, 1]; what is louder is clipped, NaN is silence."""
    # What follows the sound of a FLAC would be an error; others end by themselves.
    left = sound.frames if sound.format == "FLAC" else sys.maxsize
    while len(block := sound.next_block(min(left, BLOCK_FRAMES))):
        left -= len(block)
        yield np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)


def _resampled(blocks: Iterable[Samples], rate_hz: int) -> Iterator[Samples]:
    if rate_hz == AUDIO_RATE_HZ:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate_hz, AUDIO_RATE_HZ, 1, dtype="float64")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0), last=True)


def _channel_weights(sound: _Forward) -> Samples:
    """[channels]: each the same, or the loudest alone where their mean would cancel them."""
    weights: Samples = np.full(sound.channels, 1 / sound.channels)
    if sound.channels == 1:
        return weights
    each, mixed = np.zeros(sound.channels), 0.0
    for block in _blocks(sound):
        each += (block**2).sum(axis=0)
        mixed += float(((block @ weights) ** 2).sum())
    # One channel alone leaves 1 / channels^2 of its power in the mean; less has been cancelled.
    if mixed < 0.5 * each.max() / sound.channels**2:
        weights = np.eye(sound.channels)[int(each.argmax())]
    return weights


def _said(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).removeprefix("Error : ").rstrip(".")


def _unknown(path: Path, found: str) -> InputError:
    there, here = shlex.quote(path.name), shlex.quote(f"{path.stem}-pcm.wav")
    return InputError(
        f"{path}: expected a recording (WAV, FLAC, OGG, MP3, ...), found {found}; "
        f"convert it, for example with `ffmpeg -i {there} -c:a pcm_s16le {here}`."
    )
