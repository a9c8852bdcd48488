"""Arm poses of the dance: where the hand is to be, and the angles that put it there.

    python -m training.pose.dance_arms

prints the angles that `training.pose.solve_arms` finds for the reaches. They are written for the
left arm in metres of a standing character (chest at 1.1, shoulder at 1.25, crown of the head at
1.6); the right arm takes the same numbers mirrored.
"""

from typing import Final

from training.pose.solve_arms import Reach, print_table

REACHES: Final[dict[str, Reach]] = {
    "low": Reach((0.24, 0.88, 0.06), palm=(-1, 0, 0.2), fingers=(0.1, -1, 0.2)),
    "back": Reach((0.27, 0.95, -0.15), palm=(-0.4, 0, -1), fingers=(0.3, -1, -0.3)),
    "fore": Reach((0.17, 1.00, 0.27), palm=(-1, 0, 0), fingers=(-0.2, 0.2, 1)),
    "low out": Reach((0.42, 0.98, 0.08), palm=(0, -1, 0.3), fingers=(1, -0.2, 0.2)),
    "side": Reach((0.50, 1.24, 0.06), palm=(0, -1, 0.1), fingers=(1, 0.15, 0.1)),
    "vee": Reach((0.36, 1.56, 0.08), palm=(-0.3, 0, 1), fingers=(0.6, 1, 0.1)),
    "up": Reach(
        (0.12, 1.62, 0.17), palm=(-0.6, 0, 1), fingers=(0, 1, 0.1), elbow=(0.17, 1.43, 0.14)
    ),
    "over": Reach(
        (0.00, 1.60, 0.20), palm=(-0.3, 0, 1), fingers=(-0.5, 1, 0.1), elbow=(0.10, 1.42, 0.17)
    ),
    "front": Reach((0.12, 1.22, 0.38), palm=(-0.3, -1, 0), fingers=(0, 0.15, 1)),
    "chest": Reach((0.15, 1.12, 0.21), palm=(0, -0.2, -1), fingers=(-1, 0.35, 0.1)),
    "guard": Reach((0.19, 1.20, 0.22), palm=(-1, 0, 0.1), fingers=(-0.1, 1, 0.3)),
    "flex": Reach(
        (0.34, 1.42, 0.06), palm=(-0.3, 0, 1), fingers=(0.05, 1, 0), elbow=(0.32, 1.22, 0.0)
    ),
    "shoulder": Reach(
        (0.17, 1.25, 0.16),
        palm=(-0.2, -0.5, -1),
        fingers=(-0.6, 0.7, -0.3),
        elbow=(0.33, 1.17, 0.06),
    ),
    "clap": Reach((0.038, 1.15, 0.29), palm=(-1, 0, 0), fingers=(-0.05, 0.8, 1)),
    "high clap": Reach((0.038, 1.58, 0.22), palm=(-1, 0, 0), fingers=(-0.05, 1, 0.2)),
    "across": Reach((-0.03, 1.08, 0.26), palm=(-0.2, -0.3, -1), fingers=(-1, 0.1, 0.3)),
    "hip": Reach(
        (0.20, 0.96, 0.05), palm=(-1, -0.2, 0), fingers=(-0.6, -0.6, 0.5), elbow=(0.36, 1.07, -0.06)
    ),
    "head": Reach(
        (0.16, 1.46, 0.0), palm=(-1, -0.2, 0.0), fingers=(-0.5, 0.6, -0.5), elbow=(0.33, 1.36, 0.0)
    ),
    "cheek": Reach((0.13, 1.29, 0.16), palm=(-1, 0, -0.3), fingers=(-0.1, 1, -0.2)),
    "love": Reach((0.13, 1.14, 0.25), palm=(-0.2, -0.4, -1), fingers=(-0.85, 0.55, 0.2)),
    "heart": Reach(
        (0.15, 1.67, 0.08), palm=(-0.2, -1, 0), fingers=(-1, 0, 0.05), elbow=(0.33, 1.50, 0.03)
    ),
}
"""An elbow is given where two ways lead to the same hand: arms that go overhead in front of the
body keep it in front, so that the way from pose to pose does too."""
ARMS: Final[dict[str, tuple[float, ...]]] = {
    "low": (-5, -9, 63, -1, 12, 36, -23, 9, -20),
    "back": (7, -9, 46, -36, 48, 54, 14, 4, -14),
    "fore": (-8, 9, 65, 18, -1, 58, -15, 9, 15),
    "low out": (-8, 1, 32, 12, 9, 11, -7, -33, -2),
    "side": (15, -6, 20, 15, 13, 25, -0, -9, -17),
    "vee": (28, 5, 2, 51, -19, 42, -26, -13, -5),
    "up": (28, 0, 53, 121, 15, 48, 17, -13, -8),
    "over": (28, 10, 64, 129, 25, 48, 46, -11, -1),
    "front": (19, 18, 58, 57, 26, 53, 16, -3, -17),
    "chest": (-2, 3, 46, 15, 23, 104, -40, 55, 15),
    "guard": (-8, 4, 68, 29, -15, 107, -14, 10, 15),
    "flex": (7, -11, 24, 53, -20, 87, -9, -14, 9),
    "shoulder": (-3, 4, 24, 26, 9, 128, -75, 41, 15),
    "clap": (-8, 14, 73, 33, 15, 86, -5, -20, 9),
    "high clap": (28, 10, 66, 117, 4, 54, -16, -16, -2),
    "across": (-7, 18, 70, 28, 37, 79, -12, 29, 5),
    "hip": (-8, -4, 27, -12, 51, 87, -51, -10, 9),
    "head": (20, -2, 12, 64, -26, 124, -66, -27, 15),
    "cheek": (-8, 3, 68, 48, 3, 128, -27, -2, 15),
    "love": (-8, 6, 54, 24, 16, 97, -34, 52, 15),
    "heart": (28, 16, -29, 15, -57, 51, -71, 55, 15),
}
"""In `posture.ARM` order, degrees."""
TOUCHING: Final = frozenset({"clap", "high clap", "hip", "cheek", "love", "heart", "head"})
"""Poses in which a hand touches the other one or the body."""


if __name__ == "__main__":
    print_table(REACHES)
