"""How long gestures take and when they mean something; the pose bundle repeats it."""

from typing import Final

GESTURE_SECONDS: Final[dict[str, float]] = {
    "wave": 2.3,
    "bow": 2.6,
    "point": 1.9,
    "shrug": 1.5,
    "cheer": 2.3,
    "heart": 2.6,
    "clap": 2.3,
    "think": 2.9,
    "nod": 1.2,
    "shake": 1.4,
}
"""From rest to rest."""
STROKE_PHASE: Final[dict[str, float]] = {
    "wave": 0.36,
    "bow": 0.42,
    "point": 0.36,
    "shrug": 0.40,
    "cheer": 0.36,
    "heart": 0.38,
    "clap": 0.34,
    "think": 0.38,
    "nod": 0.30,
    "shake": 0.30,
}
"""The share of that time at which a gesture is at its most telling: a word is to fall there."""
