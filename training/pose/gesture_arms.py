"""Arm poses of the gestures: where the hand is to be, and the angles that put it there.

    python -m training.pose.gesture_arms

prints the angles that `training.pose.solve_arms` finds for the reaches; the right arm takes the
same numbers mirrored. Metres of a standing character: the chest is at 1.1, the shoulder at 1.25,
the crown of the head at 1.6.
"""

from typing import Final

from training.pose.solve_arms import Reach, print_table

REACHES: Final[dict[str, Reach]] = {
    "guard": Reach((0.20, 1.20, 0.22), palm=(-1, 0, 0.1), fingers=(0, 1, 0.3)),
    "vee": Reach((0.31, 1.58, 0.10), palm=(-0.2, 0, 1), fingers=(0.5, 1, 0.1)),
    "clap": Reach((0.035, 1.14, 0.30), palm=(-1, 0, 0), fingers=(-0.05, 0.7, 1)),
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
    "guard": (-8, 3, 68, 30, -17, 106, -15, 11, 15),
    "vee": (28, 10, -4, 47, -20, 50, -21, -19, -13),
    "clap": (-8, 15, 73, 33, 14, 81, -6, -20, 9),
    "wave": (14, 18, 6, 58, -26, 62, 11, -13, 6),
    "point": (28, 17, 31, 30, 13, 37, -2, 0, -20),
    "shrug": (-8, -8, 57, 26, -29, 41, -75, 11, 11),
    "heart": (28, 14, -34, 9, -62, 40, -72, 55, 15),
    "chin": (-7, 9, 82, 39, 12, 123, -75, 8, -20),
    "support": (-8, 18, 82, 24, 55, 60, -33, 28, 9),
    "thigh": (-8, 18, 68, 16, 36, 5, 17, 8, 14),
}
"""In `posture.ARM` order, degrees."""


if __name__ == "__main__":
    print_table(REACHES)
