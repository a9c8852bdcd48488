"""Captured columns, by any tool's names, as face channels."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS, LOOK_RANGE_DEG
from training.ingest.recording import WEIGHTS, RecordingError

_TOLERANCE: Final = 0.2
"""Trackers overshoot [0, 1] a little (Live Link takes reach 1.06); more is another unit."""
_FULL_TURN_DEG: Final = 360.0
_COLUMN: Final = {name: index for index, name in enumerate(FACE_CHANNELS)}


def channel_of(name: str) -> str | None:
    """The face channel of a column, whatever the case of its first letter; None if it is none."""
    spelled = name.strip()
    spelled = spelled[:1].lower() + spelled[1:]
    return spelled if spelled in _COLUMN else None


def face_of(
    columns: Mapping[str, NDArray[np.float64]], frames: int, where: str
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Named columns [frames] to curves [frames, 59] and what is known [59].

    Eye angles follow from the eyeLook weights and the other way round. Trackers' own eye angles
    are better left away where there are weights: at rest ARKit's eyes diverge by 3.7 degrees each.

    Args:
        columns: weights in [0, 1] and degrees, by channel name.
        frames: how many.
        where: begins the sentence when something is wrong.

    Raises:
        RecordingError: no frames, or a value far out of range or not a number.
    """
    if not frames:
        raise RecordingError(f"{where}: expected frames, found none.")
    face = np.zeros((frames, len(FACE_CHANNELS)), np.float64)
    known = np.zeros(len(FACE_CHANNELS), np.bool_)
    for name, values in columns.items():
        face[:, _COLUMN[name]] = values
        known[_COLUMN[name]] = True
    if not np.isfinite(face).all():
        bad = FACE_CHANNELS[int(np.flatnonzero(~np.isfinite(face).all(axis=0))[0])]
        raise RecordingError(f"{where}: expected numbers in {bad}, found some that are not finite.")
    weights = face[:, :WEIGHTS]
    beyond = np.abs(weights - weights.clip(0, 1)).max(axis=0)
    if beyond.max() > _TOLERANCE:
        bad = ARKIT_BLENDSHAPES[int(beyond.argmax())]
        column = weights[:, int(beyond.argmax())]
        raise RecordingError(
            f"{where}: expected weights in [0, 1], found {column.min():.2f} to {column.max():.2f} "
            f"in {bad}; percentages must be divided by 100."
        )
    if np.abs(face[:, WEIGHTS:]).max() > _FULL_TURN_DEG:
        raise RecordingError(f"{where}: expected angles in degrees, found more than a full turn.")
    face[:, :WEIGHTS] = weights.clip(0, 1)
    _complete_gaze(face, known)
    return face.astype(np.float32), known


def _complete_gaze(face: NDArray[np.float64], known: NDArray[np.bool_]) -> None:
    for side, outward in (("Left", 1.0), ("Right", -1.0)):
        for axis, plus, minus, sign in (
            ("Yaw", f"eyeLookOut{side}", f"eyeLookIn{side}", outward),
            ("Pitch", f"eyeLookDown{side}", f"eyeLookUp{side}", 1.0),
        ):
            angle = _COLUMN[f"{side.lower()}Eye{axis}"]
            pair = [_COLUMN[plus], _COLUMN[minus]]
            if known[pair].all() and not known[angle]:
                turned = face[:, pair[0]] - face[:, pair[1]]
                face[:, angle] = LOOK_RANGE_DEG * sign * turned
                known[angle] = True
            elif known[angle] and not known[pair].any():
                turned = face[:, angle] * sign / LOOK_RANGE_DEG
                face[:, pair[0]], face[:, pair[1]] = turned.clip(0, 1), (-turned).clip(0, 1)
                known[pair] = True


def moving(face: NDArray[np.float32], threshold: float = 0.01) -> Sequence[str]:
    """Channels that move: standard deviation above 0.01 (weights) or 1 (degrees)."""
    spread = face.std(axis=0)
    spread[WEIGHTS:] /= 100
    return [FACE_CHANNELS[index] for index in np.flatnonzero(spread > threshold)]
