"""Bodies of our skeleton and the points that a film of them shows."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from training.humanoid.skeleton import about, forward_kinematics
from training.ingest.body_points import HEAD_POINTS, PARTS, POINTS
from training.pose.posture import CHANNELS, SIZE, posture_rotations

Array = NDArray[np.float64]
JOINT_POINTS = {
    "Shoulder": "UpperArm", "Elbow": "LowerArm", "Wrist": "Hand",
    "Hip": "UpperLeg", "Knee": "LowerLeg", "Ankle": "Foot",
}  # fmt: skip
LIMBS = [
    (f"{side}{start}", f"{side}{end}")
    for side in ("left", "right")
    for start, end in (
        ("UpperArm", "LowerArm"), ("LowerArm", "Hand"), ("UpperLeg", "LowerLeg"),
        ("LowerLeg", "Foot"),
    )
]  # fmt: skip
RANGES = {
    "down": (-20, 80), "swing": (-25, 90), "twist": (-40, 60), "bend": (25, 130),
    "turn": (-60, 60), "wrist": (-30, 30), "tilt": (-15, 15),
    "spine_lean": (-10, 30), "spine_turn": (-25, 25), "spine_side": (-12, 12),
    "hips_yaw": (-40, 40), "hips_pitch": (-5, 15), "hips_roll": (-5, 5),
    "head_yaw": (-35, 35), "head_pitch": (-20, 20), "head_roll": (-12, 12),
}  # fmt: skip
KNEE_DEG = (20.0, 90.0)
EVERYTHING = set(PARTS)


def bodies(frames: int, seed: int) -> Array:
    """Local rotations [T, 22, 3, 3] of postures that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    pose = torch.zeros(frames, SIZE, dtype=torch.float64)
    for at, channel in enumerate(CHANNELS):
        plain = channel.removeprefix("left_").removeprefix("right_")
        if plain in RANGES:
            pose[:, at] = torch.from_numpy(rng.uniform(*RANGES[plain], frames))
    local = torch.eye(3, dtype=torch.float64).repeat(frames, 22, 1, 1)
    local[:, :14] = posture_rotations(pose)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        knee, hip, out, turn, ankle = (
            torch.from_numpy(rng.uniform(low, high, frames))
            for low, high in (KNEE_DEG, (-5, 60), (-2, 20), (-10, 25), (-20, 15))
        )
        turned = about("x", -hip) @ about("z", sign * out) @ about("y", sign * turn)
        local[:, POSE_BONES.index(f"{side}UpperLeg")] = turned
        local[:, POSE_BONES.index(f"{side}LowerLeg")] = about("x", knee)
        local[:, POSE_BONES.index(f"{side}Foot")] = about("x", ankle)
    return local.numpy()


def joints_of(local: Array, hips_m: Array | None = None) -> tuple[Array, Array]:
    hips = torch.zeros(len(local), 3).double() if hips_m is None else torch.from_numpy(hips_m)
    joints, world = forward_kinematics(torch.from_numpy(local), hips)
    return joints.numpy(), world.numpy()


def points_of(local: Array) -> Array:
    """[T, 33, 3], where MediaPipe would see this body's points."""
    joints, world = joints_of(local)
    points = np.zeros((len(local), len(POINTS), 3))

    def put(name: str, bone: str, offset: tuple[float, float, float] = (0, 0, 0)) -> None:
        at = POSE_BONES.index(bone)
        points[:, POINTS.index(name)] = joints[:, at] + world[:, at] @ np.array(offset, float)

    for name, offset in HEAD_POINTS.items():
        put(name, "head", offset)
    for side, out in (("left", 1), ("right", -1)):
        for name, bone in JOINT_POINTS.items():
            put(side + name, side + bone)
        put(f"{side}Index", f"{side}Hand", (0.09 * out, 0, 0.02))
        put(f"{side}Pinky", f"{side}Hand", (0.09 * out, 0, -0.02))
        put(f"{side}Thumb", f"{side}Hand", (0.04 * out, 0, 0.03))
        put(f"{side}Heel", f"{side}Foot", (0, -0.088, -0.05))
        put(f"{side}Toe", f"{side}Foot", (0, -0.088, 0.16))
    return points


def degrees_between(a: Array, b: Array) -> Array:
    """[...] between rotations [..., 3, 3] of one body and of another."""
    turn: Array = Rotation.from_matrix((a.swapaxes(-1, -2) @ b).reshape(-1, 3, 3)).magnitude()
    return np.degrees(turn).reshape(a.shape[:-2])


def limb_errors_deg(made: Array, true: Array) -> Array:
    """[limbs, T] between the directions of arms and legs."""
    found = []
    for start, end in LIMBS:
        directions = []
        for joints in (joints_of(made)[0], joints_of(true)[0]):
            limb = joints[:, POSE_BONES.index(end)] - joints[:, POSE_BONES.index(start)]
            directions.append(limb / np.linalg.norm(limb, axis=-1, keepdims=True))
        cosine = (directions[0] * directions[1]).sum(axis=-1).clip(-1, 1)
        found.append(np.degrees(np.arccos(cosine)))
    return np.stack(found)
