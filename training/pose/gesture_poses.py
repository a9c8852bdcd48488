"""Arm poses of the gestures: where hands and elbows are to be, and the angles that put them there.

The angles are what `python -m training.pose.solve_poses` prints for the reaches. Reaches are
written for the left arm, in metres of a standing character (chest at 1.1, shoulder at 1.25, chin
at 1.36, crown of the head at 1.6); the right arm takes the same numbers mirrored.
"""

from typing import Final

from training.pose.solve_arms import Reach

REACHES: Final[dict[str, Reach]] = {
    "wave in": Reach(
        (0.23, 1.44, 0.15), palm=(-0.1, 0, 1), fingers=(-0.3, 1, 0.1), elbow=(0.29, 1.25, 0.09)
    ),
    "wave out": Reach(
        (0.38, 1.42, 0.14), palm=(-0.1, 0, 1), fingers=(0.55, 1, 0.1), elbow=(0.29, 1.25, 0.09)
    ),
    "point": Reach((0.38, 1.28, 0.29), palm=(-0.2, -1, 0), fingers=(0.75, 0.08, 0.66)),
    "shrug": Reach(
        (0.35, 1.03, 0.18), palm=(0.1, 1, 0.2), fingers=(0.8, 0.1, 0.6), elbow=(0.21, 1.03, -0.02)
    ),
    "vee": Reach((0.33, 1.59, 0.08), palm=(-0.3, 0, 1), fingers=(0.5, 1, 0.1)),
    "heart": Reach((0.155, 1.60, 0.10), fingers=(-1, -0.25, 0), elbow=(0.27, 1.425, 0.05)),
    "clap": Reach(
        (0.035, 1.16, 0.30), palm=(-1, 0, 0), fingers=(-0.02, 0.75, 1), elbow=(0.16, 1.05, 0.14)
    ),
    "clap open": Reach(
        (0.15, 1.16, 0.29), palm=(-1, 0.2, 0.1), fingers=(0.1, 0.7, 1), elbow=(0.20, 1.06, 0.10)
    ),
    "chin": Reach(
        (0.06, 1.255, 0.145), palm=(-0.2, 0.2, -1), fingers=(-0.45, 0.85, -0.05),
        elbow=(0.10, 1.07, 0.14),
    ),
    "support": Reach(
        (-0.02, 1.03, 0.17), palm=(0, 1, -0.2), fingers=(-1, 0.1, 0), elbow=(0.17, 1.05, 0.10)
    ),
    "thigh": Reach((0.17, 0.86, 0.13), palm=(-0.3, 0, -1), fingers=(-0.2, -1, 0.1)),
}  # fmt: skip
PAIRS: Final = (
    *((name, name) for name in REACHES if name not in ("chin", "support")),
    ("chin", "support"),
)
"""What the left and the right arm do together."""
ARMS: Final[dict[str, tuple[float, ...]]] = {
    "wave in": (12, 2, 31, 64, -6, 99, 26, -13, 0),
    "wave out": (9, 1, 29, 67, -22, 63, 17, -11, -1),
    "point": (15, 16, 22, 39, 15, 35, 8, 6, -17),
    "shrug": (-2, -6, 63, 21, -30, 51, -77, 3, 10),
    "vee": (27, 11, -10, 41, -25, 39, -30, -12, -4),
    "heart": (27, 17, -17, 24, -48, 75, -71, 62, 12),
    "clap": (-2, 17, 68, 35, 19, 85, -13, -28, 8),
    "clap open": (-2, 10, 61, 29, 5, 86, -30, -16, 10),
    "thigh": (-2, 14, 66, 6, 43, 24, 10, 21, 3),
    "chin": (-2, 13, 79, 33, 11, 138, -64, 1, -9),
    "support": (2, 17, 72, 15, 51, 89, -77, 19, -10),
}
"""In `posture.ARM` order, degrees."""
