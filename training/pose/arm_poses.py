"""Arm poses of gestures and dance: where the hand is to be, and the angles that put it there.

The angles are what `training.pose.solve_arms` finds for the reaches; the right arm takes the same
numbers mirrored. Metres of a standing character: the chest is at 1.1, the shoulder at 1.25, the
crown of the head at 1.6.
"""

from typing import Final

from training.pose.solve_arms import Reach

REACHES: Final[dict[str, Reach]] = {
    "low": Reach((0.24, 0.88, 0.06), palm=(-1, 0, 0.2), fingers=(0.1, -1, 0.2)),
    "back": Reach((0.27, 0.95, -0.14), palm=(-0.4, 0, -1), fingers=(0.3, -1, -0.3)),
    "out": Reach((0.44, 1.02, 0.10), palm=(0, -1, 0.3), fingers=(1, -0.2, 0.2)),
    "side": Reach((0.49, 1.24, 0.08), palm=(0, -1, 0.1), fingers=(1, 0.1, 0.1)),
    "front": Reach((0.14, 1.20, 0.35), palm=(-0.3, -1, 0), fingers=(0, 0.1, 1)),
    "chest": Reach((0.09, 1.12, 0.22), palm=(0, -0.2, -1), fingers=(-1, 0.3, 0)),
    "guard": Reach((0.20, 1.20, 0.22), palm=(-1, 0, 0.1), fingers=(0, 1, 0.3)),
    "flex": Reach(
        (0.34, 1.40, 0.08), palm=(-0.3, 0, 1), fingers=(0, 1, 0), elbow=(0.32, 1.21, 0.0)
    ),
    "cheek": Reach((0.13, 1.30, 0.15), palm=(-1, 0, -0.3), fingers=(-0.1, 1, -0.2)),
    "vee": Reach((0.31, 1.58, 0.10), palm=(-0.2, 0, 1), fingers=(0.5, 1, 0.1)),
    "high": Reach((0.15, 1.63, 0.10), palm=(-1, 0, 0.3), fingers=(-0.1, 1, 0)),
    "crown": Reach((0.10, 1.57, 0.10), palm=(-0.2, -1, 0), fingers=(-1, 0.2, 0)),
    "punch": Reach((0.20, 1.52, 0.26), palm=(-1, 0, 0), fingers=(0, 1, 0.3)),
    "clap": Reach((0.035, 1.14, 0.30), palm=(-1, 0, 0), fingers=(-0.05, 0.7, 1)),
    "across": Reach((-0.06, 1.08, 0.24), palm=(-0.2, -0.3, -1), fingers=(-1, 0.1, 0.1)),
    "hip": Reach(
        (0.20, 0.96, 0.06), palm=(-1, -0.2, 0), fingers=(-0.6, -0.6, 0.5), elbow=(0.36, 1.07, -0.06)
    ),
    "wave": Reach(
        (0.34, 1.50, 0.16), palm=(-0.1, 0, 1), fingers=(0.15, 1, 0.1), elbow=(0.33, 1.24, 0.10)
    ),
    "point": Reach((0.36, 1.28, 0.30), palm=(-0.2, -1, 0), fingers=(0.75, 0.08, 0.66)),
    "shrug": Reach(
        (0.36, 1.00, 0.17), palm=(0.1, 1, 0.2), fingers=(0.8, 0.1, 0.6), elbow=(0.21, 1.03, -0.02)
    ),
    "heart": Reach(
        (0.15, 1.70, 0.08), palm=(-0.2, -1, 0), fingers=(-1, 0, 0.05), elbow=(0.34, 1.54, 0.03)
    ),
    "chin": Reach((0.06, 1.26, 0.19), palm=(0, 0.4, -1), fingers=(-0.5, 0.8, -0.1)),
    "support": Reach((-0.10, 1.00, 0.20), palm=(0, 0.3, -1), fingers=(-1, 0.05, 0.1)),
    "thigh": Reach((0.17, 0.82, 0.17), palm=(-0.3, 0, -1), fingers=(-0.2, -1, 0.1)),
}
ARMS: Final[dict[str, tuple[float, ...]]] = {
    "low": (-5, -9, 63, -1, 12, 36, -23, 9, -20),
    "back": (8, -8, 46, -35, 48, 55, 13, 5, -16),
    "out": (-8, 2, 26, 15, 10, 14, -4, -28, -7),
    "side": (19, -6, 25, 14, 13, 28, 0, -9, -20),
    "front": (16, 18, 52, 45, 22, 66, 16, -2, -20),
    "chest": (2, 11, 54, 17, 29, 104, -34, 44, 15),
    "guard": (-8, 3, 68, 30, -17, 106, -15, 11, 15),
    "flex": (5, -10, 24, 50, -17, 88, -9, -19, 14),
    "cheek": (-8, 0, 68, 52, 7, 129, -28, -6, 13),
    "vee": (28, 10, -4, 47, -20, 50, -21, -19, -13),
    "high": (28, -11, 57, 119, 1, 54, -22, -6, -2),
    "crown": (28, -14, 56, 106, 13, 82, -47, 43, 2),
    "punch": (28, 12, 44, 87, -11, 59, -36, -1, 6),
    "clap": (-8, 15, 73, 33, 14, 81, -6, -20, 9),
    "across": (-8, 18, 75, 27, 41, 79, -9, 28, 6),
    "hip": (-8, -3, 28, -11, 49, 87, -50, -9, 7),
    "wave": (14, 18, 6, 58, -26, 62, 11, -13, 6),
    "point": (28, 17, 31, 30, 13, 37, -2, 0, -20),
    "shrug": (-8, -8, 57, 26, -29, 41, -75, 11, 11),
    "heart": (28, 14, -34, 9, -62, 40, -72, 55, 15),
    "chin": (-7, 9, 82, 39, 12, 123, -75, 8, -20),
    "support": (-8, 18, 82, 24, 55, 60, -33, 28, 9),
    "thigh": (-8, 18, 68, 16, 36, 5, 17, 8, 14),
}
"""In `posture.ARM` order, degrees."""
