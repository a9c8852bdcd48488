"""How long gestures take and when they mean something; the pose bundle repeats it."""

from typing import Final

GESTURE_SECONDS: Final[dict[str, float]] = {
    "wave": 2.6,
    "bow": 2.8,
    "point": 2.2,
    "shrug": 1.8,
    "cheer": 2.6,
    "heart": 3.0,
    "clap": 2.6,
    "think": 3.4,
    "nod": 1.4,
    "shake": 1.6,
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
