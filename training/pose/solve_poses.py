"""Finds the angles of both arms at once, for gestures in which they must not pass through anything.

    python -m training.pose.solve_poses

prints the table of `training.pose.gesture_poses`; run it again when the skeleton changes. Where
`training.pose.solve_arms` looks at one arm alone, this keeps hands out of the head, the trunk and
each other, moves collar bones no more than it needs, and stays 8 degrees inside human ranges.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import least_squares

from idol_protocol.channels import POSE_BONES
from training.humanoid.skeleton import forward_kinematics
from training.pose.capsules import depth_m
from training.pose.posture import ARM, LEFT_ARM, RIGHT_ARM, SIZE, posture_rotations
from training.pose.solve_arms import Point, Reach

RANGES_DEG: Final = {
    "lift": (-2, 27), "forward": (-12, 17), "down": (-75, 82), "swing": (-60, 150),
    "twist": (-80, 80), "bend": (8, 140), "turn": (-77, 77), "wrist": (-52, 62),
    "tilt": (-22, 12),
}  # fmt: skip
"""8 degrees inside what an adult reaches."""
_RELAXED: Final = np.array([0, 2, 40, 20, 10, 45, -10, 5, 0], float)
_PULL: Final = np.array([4, 4, 2, 2, 2, 2, 2, 3, 4], float) * 1e-3
_STARTS: Final = 4
Array = NDArray[np.float64]


def solve_pair(left: Reach, right: Reach | None = None, seed: int = 0) -> tuple[Array, Array]:
    """Nine angles in degrees of each arm, in `posture.ARM` order: the best of several starts.

    Args:
        left: what the left arm is to do.
        right: what the right arm is to do, written in the mirror as if it were a left arm; without
            it both arms do the same and the two answers are equal.
        seed: of the starts.
    """
    low, high = np.tile(np.array([RANGES_DEG[name] for name in ARM], float).T, 2 if right else 1)
    relaxed = np.tile(_RELAXED, 2 if right else 1)
    rng = np.random.default_rng(seed)
    begin = [np.clip(relaxed, low, high), *rng.uniform(low, high, (_STARTS - 1, len(low)))]
    with torch.no_grad():
        found = [
            least_squares(
                lambda x: _off(x, left, right), x0, bounds=(low, high), max_nfev=40, diff_step=1e-4
            )
            for x0 in begin
        ]
    best = min(found, key=lambda each: float(each.cost))
    return best.x[:9], best.x[-9:]


def place_pair(left: Array, right: Array) -> tuple[Array, Array, Array]:
    """Joints [22, 3], world rotations [22, 3, 3] and overlaps of a standing body, in metres."""
    pose = torch.zeros(SIZE, dtype=torch.float64)
    pose[LEFT_ARM], pose[RIGHT_ARM] = torch.from_numpy(left), torch.from_numpy(right)
    local = torch.cat([posture_rotations(pose), torch.eye(3, dtype=torch.float64).expand(8, 3, 3)])
    joints, world = forward_kinematics(local, torch.zeros(3, dtype=torch.float64))
    return joints.numpy(), world.numpy(), depth_m(joints, world).numpy()


def _off(angles: Array, left: Reach, right: Reach | None) -> Array:
    joints, world, depth = place_pair(angles[:9], angles[-9:])
    off = [20 * depth, np.resize(_PULL, len(angles)) * (angles - np.resize(_RELAXED, len(angles)))]
    off += _missed("left", left, 1.0, joints, world)
    if right is not None:
        off += _missed("right", right, -1.0, joints, world)
    return np.concatenate(off)


def _missed(side: str, reach: Reach, sign: float, joints: Array, world: Array) -> list[Array]:
    """How far an arm is from its reach, weighted."""

    def mirrored(point: Point) -> Array:
        return np.array(point) * (sign, 1.0, 1.0)

    wrist = POSE_BONES.index(f"{side}Hand")
    off = [10 * (joints[wrist] - mirrored(reach.wrist))]
    if reach.elbow is not None:
        off.append(4 * (joints[POSE_BONES.index(f"{side}LowerArm")] - mirrored(reach.elbow)))
    for wanted, rest in ((reach.palm, (0.0, -1.0, 0.0)), (reach.fingers, (sign, 0.0, 0.0))):
        if wanted is not None:
            direction = mirrored(wanted) / np.linalg.norm(wanted)
            off.append(0.5 * (world[wrist] @ np.array(rest) - direction))
    return off


def main() -> None:
    from training.pose.gesture_poses import PAIRS, REACHES

    for left, right in PAIRS:
        alike = left == right
        angles = solve_pair(REACHES[left], None if alike else REACHES[right])
        joints, _, depth = place_pair(*angles)
        for name, row, side, sign in zip(
            (left, right)[: 2 - alike], angles, ("left", "right"), (1, -1), strict=False
        ):
            at = joints[POSE_BONES.index(f"{side}Hand")] * (sign, 1, 1)
            miss = 100 * np.linalg.norm(at - REACHES[name].wrist)
            numbers = ", ".join(f"{angle:.0f}" for angle in row)
            print(f'    "{name}": ({numbers}),  # {miss:.1f} cm off, {100 * depth.max():.1f} deep')


if __name__ == "__main__":
    main()
