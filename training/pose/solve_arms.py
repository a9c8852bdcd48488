"""Finds the angles of an arm that put its hand where a pose wants it.

`python -m training.pose.dance_arms` prints its table
by it, for when the skeleton changes. Poses are written as where the left wrist is, where
the fingers point and the palm faces; the nine angles follow by least squares within anatomical
ranges, pulled a little towards a relaxed arm, so that they do not depend on luck.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import least_squares

from idol_protocol.channels import POSE_BONES
from training.humanoid.skeleton import forward_kinematics
from training.pose.posture import ARM, LEFT_ARM, SIZE, posture_rotations

Point = tuple[float, float, float]

RANGES_DEG: Final = {
    "lift": (-8, 28), "forward": (-14, 18), "down": (-75, 82), "swing": (-60, 150),
    "twist": (-80, 80), "bend": (3, 140), "turn": (-75, 75), "wrist": (-45, 55),
    "tilt": (-20, 15),
}  # fmt: skip
"""Well inside what `training.pose.limits` allows."""
_RELAXED: Final = np.array([0, 2, 40, 20, 10, 45, -10, 5, 0], float)
_PULL: Final = 0.002
_ELBOW, _WRIST = POSE_BONES.index("leftLowerArm"), POSE_BONES.index("leftHand")


@dataclass(frozen=True, slots=True)
class Reach:
    """What the left arm is to do, in metres and directions of the standing character."""

    wrist: Point
    palm: Point | None = None
    """Where the palm faces."""
    fingers: Point | None = None
    elbow: Point | None = None


def solve(reach: Reach, starts: int = 4, seed: int = 0) -> NDArray[np.float64]:
    """Nine angles in degrees, in `posture.ARM` order: the best of several starts."""
    low, high = np.array([RANGES_DEG[name] for name in ARM], float).T
    rng = np.random.default_rng(seed)
    begin = [np.clip(_RELAXED, low, high), *rng.uniform(low, high, (starts - 1, len(ARM)))]
    with torch.no_grad():
        found = [
            least_squares(
                lambda x: _off(x, reach), x0, bounds=(low, high), max_nfev=30, diff_step=1e-4
            )
            for x0 in begin
        ]
    best = min(found, key=lambda each: float(each.cost))
    angles: NDArray[np.float64] = best.x
    return angles


def place(angles: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Joints [22, 3] and world rotations [22, 3, 3] of a standing body with this left arm."""
    pose = torch.zeros(SIZE, dtype=torch.float64)
    pose[LEFT_ARM] = torch.from_numpy(angles)
    upper = posture_rotations(pose)
    local = torch.cat([upper, torch.eye(3, dtype=torch.float64).expand(8, 3, 3)])
    joints, world = forward_kinematics(local, torch.zeros(3, dtype=torch.float64))
    return joints.numpy(), world.numpy()


def _off(angles: NDArray[np.float64], reach: Reach) -> NDArray[np.float64]:
    joints, world = place(angles)
    off = [10 * (joints[_WRIST] - reach.wrist), _PULL * (angles - _RELAXED)]
    if reach.elbow is not None:
        off.append(4 * (joints[_ELBOW] - reach.elbow))
    for wanted, rest in ((reach.palm, (0, -1, 0)), (reach.fingers, (1, 0, 0))):
        if wanted is not None:
            direction = np.array(wanted) / np.linalg.norm(wanted)
            off.append(0.5 * (world[_WRIST] @ np.array(rest, float) - direction))
    return np.concatenate(off)


def print_table(reaches: Mapping[str, Reach]) -> None:
    """Prints a line of the table of angles for each reach, and how far the hand is from it."""
    for name, reach in reaches.items():
        angles = solve(reach)
        joints, _ = place(angles)
        miss_cm = 100 * np.linalg.norm(joints[_WRIST] - reach.wrist)
        numbers = ", ".join(f"{angle:.0f}" for angle in angles)
        print(f'    "{name}": ({numbers}),  # {miss_cm:.1f} cm off')
