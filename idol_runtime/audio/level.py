"""The level of speech in a recording, and the one that the motion generators learnt."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ

SPEECH_LEVEL_DBFS = -23.0
"""The active speech level around which the motion generators were trained."""
FLOOR_LIMIT_DBFS = -55.0
"""A recording is not raised so far that its own noise floor would come above this, the loudest
room noise that the generators were trained in."""
MAX_RAISE_DB = 25.0
MIN_CONTRAST_DB = 8.0
"""Speech stands out of what is between its syllables by far more; less than this is not raised."""
STEADY_CONTRAST_DB = 3.0
STEADY_S = 3.0
"""A sound that keeps its level to within the contrast above for this long is no voice."""
SILENT_DBFS = -65.0
"""Where the generators keep the mouth shut."""

_FRAME = AUDIO_RATE_HZ // 30
_MARGIN_DB = 15.9
_RUMBLE_HZ = 60.0


def at_speech_level(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """A recording as the motion generators take it: speech at the level they learnt.

    Recordings differ by 30 dB, and a generator that is given a whisper where somebody spoke aloud
    barely moves its mouth. Offline the whole recording is known, so one gain brings the level
    of its speech to `SPEECH_LEVEL_DBFS`. Silence and noise stay what they are: the gain is
    limited, nothing is raised whose level hardly varies, and what does not vary at all, such as
    a fan or a test tone, is lowered to silence. Offset and rumble below the voice go.

    Args:
        samples: Shape (n,), mono at `AUDIO_RATE_HZ`.

    Returns:
        Shape (n,). For the generators alone: listeners get the recording itself.
    """
    levels = np.concatenate([_frame_powers(block) for block in _without_rumble(samples)])
    gain = np.float32(10 ** (speech_gain_db(levels) / 20))
    levelled = np.empty_like(samples)
    at = 0
    for block in _without_rumble(samples):
        levelled[at : at + len(block)] = (block * gain).clip(-32768, 32767).round()
        at += len(block)
    return levelled


def speech_gain_db(powers: NDArray[np.floating]) -> float:
    """What brings speech to the level that the generators know, within the limits above.

    Args:
        powers: [frames], mean square of each 1/30 s, full scale 1.
    """
    level, floor = active_level_db(powers), _decibel(np.quantile(powers, 0.1))
    if len(powers) >= 30 * STEADY_S and level - floor < STEADY_CONTRAST_DB:
        return min(0.0, SILENT_DBFS - level)
    gain = SPEECH_LEVEL_DBFS - level
    if gain <= 0:
        return gain
    if level < SILENT_DBFS or level - floor < MIN_CONTRAST_DB:
        return 0.0
    return max(0.0, min(gain, MAX_RAISE_DB, FLOOR_LIMIT_DBFS - floor))


def active_level_db(powers: NDArray[np.floating]) -> float:
    """The level of speech without its pauses in dB of full scale, after ITU-T P.56.

    A frame is active when it is at most 15.9 dB below the mean of the active frames.
    """
    level, before = float(np.mean(powers)), -1.0
    while level != before:  # rises with every round, and there are finitely many frames
        before = level
        level = float(np.mean(powers[powers >= level * 10 ** (-_MARGIN_DB / 10)]))
    return _decibel(level)


def _decibel(power: float | np.floating) -> float:
    return float(10 * np.log10(power + 1e-12))


def _without_rumble(samples: NDArray[np.int16]) -> Iterator[NDArray[np.float32]]:
    """Blocks of whole frames, the last one maybe shorter, on the 16-bit scale."""
    from scipy.signal import butter, sosfilt, sosfilt_zi

    sections = butter(2, _RUMBLE_HZ, "highpass", fs=AUDIO_RATE_HZ, output="sos")
    state = sosfilt_zi(sections) * float(samples[0])  # an offset was there before it began
    for start in range(0, len(samples), 600 * _FRAME):
        block = samples[start : start + 600 * _FRAME].astype(np.float64)
        passed, state = sosfilt(sections, block, zi=state)
        yield passed.astype(np.float32)


def _frame_powers(block: NDArray[np.float32]) -> NDArray[np.float64]:
    whole = max(1, len(block) // _FRAME) * _FRAME
    frames = np.pad(block[:whole], (0, max(0, whole - len(block)))).reshape(-1, _FRAME) / 32768.0
    powers: NDArray[np.float64] = (frames.astype(np.float64) ** 2).mean(axis=1)
    return powers
