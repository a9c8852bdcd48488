"""From points on a body to rotations of our skeleton.

Limbs take the direction from joint to joint (swing); how they are turned about themselves (twist)
follows from the plane in which the elbow or the knee bends. While a limb is straight the plane is
not there: the arm's twist is bridged in time, the leg's follows the foot. So elbows and knees only
ever bend the way they can. The trunk's two ends come from hips and shoulders, the bones between
share the difference.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M, PARENT_OF, PARENTS
from training.humanoid.clip import Clip
from training.humanoid.skeleton import forward_kinematics
from training.ingest.body_points import (
    HEAD_POINTS,
    Array,
    known_bones,
    point,
    rest_direction,
    unit,
)
from training.ingest.body_turns import (
    bentness,
    bridged,
    framed,
    in_axes_of,
    not_overstretched,
    share_between,
    shortened,
    swung,
    turn_between,
)

LEAN_SHARE: Final = 0.4
"""How much of the trunk's lean the pelvis takes; the spine bends by the rest."""
NECK_SHARE: Final = 0.4
FOREARM_TURN_DEG: Final = 95.0
WRIST_DEG: Final = (20.0, 40.0, 75.0)
"""About the forearm, sideways, and flexed."""
SPINE_DEG: Final = 22.0
"""Of each of three bones."""
NECK_DEG: Final = (65.0, 80.0, 50.0)
"""Of head against chest: nod, turn, tilt."""
ANKLE_DEG: Final = 55.0
_SPINE: Final = ("spine", "chest", "upperChest")
_X: Final = np.array([1.0, 0.0, 0.0])
_Y: Final = np.array([0.0, 1.0, 0.0])
_Z: Final = np.array([0.0, 0.0, 1.0])


@dataclass(slots=True, eq=False)
class _Body:
    """World rotations [T, 3, 3] by bone, filled from the hips outwards."""

    points_m: Array
    parts: set[str]
    world: dict[str, Array]

    def fill(self, *bones: str) -> None:
        """Bones that no point shows keep their parent's rotation."""
        for bone in bones:
            self.world[bone] = self.world[PARENT_OF[bone]]


def solve(name: str, points_m: Array, fps: float, parts: set[str]) -> Clip:
    """The motion of a body.

    Args:
        name: of the clip.
        points_m: [T, 33, 3], in any place: X to the body's left when it faces Z, Y up.
        fps: frames a second.
        parts: which of `PARTS` the points show, the torso among them; other bones stay at rest.
    """
    body = _Body(points_m, parts, {})
    _trunk(body)
    _head(body)
    for side in ("left", "right"):
        _arm(body, side)
        _leg(body, side)
    local = np.stack(
        [
            body.world[bone]
            if parent < 0
            else body.world[POSE_BONES[parent]].swapaxes(-1, -2) @ body.world[bone]
            for bone, parent in zip(POSE_BONES, PARENTS, strict=True)
        ],
        axis=1,
    )
    known = known_bones(parts)
    local[:, ~known] = np.eye(3)
    legs = {"left leg", "right leg"} <= parts
    hips_m = standing(local, fps) if legs else np.zeros((len(local), 3))
    return Clip(name, fps, local, hips_m, known)


def _trunk(body: _Body) -> None:
    hips = point(body.points_m, "leftHip") - point(body.points_m, "rightHip")
    shoulders = point(body.points_m, "leftShoulder") - point(body.points_m, "rightShoulder")
    along = _middle(body.points_m, "Shoulder") - _middle(body.points_m, "Hip")
    rest = _rest_trunk()
    lower = framed(rest, _X, along, hips)
    upper = framed(rest, _X, along, shoulders)
    # Seen level, the pelvis would lie in the trunk's line: lean it less, about the hips' axis.
    upright = framed(rest, _X, np.broadcast_to(rest, along.shape), hips)
    body.world["hips"] = share_between(upright, lower, LEAN_SHARE)
    bend = shortened(turn_between(body.world["hips"], upper) / len(_SPINE), SPINE_DEG)
    for _ in range(8):
        step = Rotation.from_rotvec(bend).as_matrix()
        turned = body.world["hips"]
        for bone in _SPINE:
            turned = turned @ step
            body.world[bone] = turned
        # The bones' chain is curved: bend it until its ends lie as the body's do. A bend of every
        # bone turns the line between the ends twice as far, and the shoulders thrice.
        reached = framed(rest, _X, _shoulders_from_hips(body.world), turned[..., :, 0])
        off = Rotation.from_matrix(upper @ reached.swapaxes(-1, -2)).as_rotvec()
        bend = shortened(bend + 0.4 * in_axes_of(body.world["hips"], off), SPINE_DEG)
    body.fill("leftShoulder", "rightShoulder")


def _head(body: _Body) -> None:
    chest = body.world["upperChest"]
    if "head" not in body.parts:
        body.fill("neck", "head")
        return
    names = list(HEAD_POINTS)
    seen = np.stack([point(body.points_m, name) for name in names], axis=1)
    held = np.array([HEAD_POINTS[name] for name in names])
    spread = (seen - seen.mean(axis=1, keepdims=True)).swapaxes(-1, -2) @ (held - held.mean(axis=0))
    left, _, right = np.linalg.svd(spread)
    left[..., 2] *= np.sign(np.linalg.det(left @ right))[:, None]
    limits = np.radians(NECK_DEG)
    turn = turn_between(chest, left @ right).clip(-limits, limits)
    body.world["neck"] = chest @ Rotation.from_rotvec(NECK_SHARE * turn).as_matrix()
    body.world["head"] = chest @ Rotation.from_rotvec(turn).as_matrix()


def _arm(body: _Body, side: str) -> None:
    bones = (f"{side}UpperArm", f"{side}LowerArm", f"{side}Hand")
    if f"{side} arm" not in body.parts:
        body.fill(*bones)
        return
    shoulder, elbow, wrist = (
        point(body.points_m, side + name) for name in ("Shoulder", "Elbow", "Wrist")
    )
    out = _X if side == "left" else -_X
    upper, fore = unit(elbow - shoulder), unit(wrist - elbow)
    # In the T-pose both elbows bend forwards, about the vertical.
    hinge = np.cross(fore, upper) if side == "left" else np.cross(upper, fore)
    plain = swung(body.world[f"{side}Shoulder"] @ out, upper) @ body.world[f"{side}Shoulder"]
    axis = bridged(hinge, plain[..., :, 1], upper)
    body.world[bones[0]] = framed(out, _Y, upper, axis)
    fore = not_overstretched(body.world[bones[0]], fore, out, _Z)
    bent = framed(rest_direction(bones[2]), _Y, fore, axis)
    body.world[bones[1]] = bent
    _hand(body, side, bent)


def _hand(body: _Body, side: str, bent: Array) -> None:
    hand = f"{side}Hand"
    if f"{side} hand" not in body.parts:
        body.fill(hand)
        return
    out = _X if side == "left" else -_X
    index, pinky = point(body.points_m, f"{side}Index"), point(body.points_m, f"{side}Pinky")
    along = (index + pinky) / 2 - point(body.points_m, f"{side}Wrist")
    held = bent.swapaxes(-1, -2) @ framed(out, _Z, along, index - pinky)
    bone = rest_direction(hand)
    quaternion = Rotation.from_matrix(held).as_quat()
    turn = 2 * np.arctan2(quaternion[:, :3] @ bone, quaternion[:, 3])
    turn = np.clip((turn + np.pi) % (2 * np.pi) - np.pi, *np.radians([-1, 1]) * FOREARM_TURN_DEG)
    turned = bent @ Rotation.from_rotvec(turn[:, None] * bone).as_matrix()
    body.world[f"{side}LowerArm"] = turned
    limits = np.radians(WRIST_DEG)
    rest = turn_between(turned, bent @ held).clip(-limits, limits)
    body.world[hand] = turned @ Rotation.from_rotvec(rest).as_matrix()


def _leg(body: _Body, side: str) -> None:
    thigh, shin, foot, toes = (f"{side}{bone}" for bone in ("UpperLeg", "LowerLeg", "Foot", "Toes"))
    if f"{side} leg" not in body.parts:
        body.fill(thigh, shin, foot, toes)
        return
    hip, knee, ankle = (point(body.points_m, side + name) for name in ("Hip", "Knee", "Ankle"))
    upper, lower = unit(knee - hip), unit(ankle - knee)
    hinge = np.cross(upper, lower)
    if f"{side} foot" in body.parts:
        ahead = point(body.points_m, f"{side}Toe") - point(body.points_m, f"{side}Heel")
    else:
        ahead = np.cross(body.world["hips"][..., :, 0], _Y)
    straight = unit(np.cross(ahead, lower))
    # A knee that seems to bend forwards is one that was found wrongly.
    ahead_of = (unit(hinge) * straight).sum(axis=-1, keepdims=True)
    share = bentness(hinge) * (2 * ahead_of).clip(0, 1)
    axis = share * unit(hinge) + (1 - share) * straight
    body.world[thigh] = framed(rest_direction(shin), _X, upper, axis)
    lower = not_overstretched(body.world[thigh], lower, -_Y, -_Z)
    body.world[shin] = framed(rest_direction(foot), _X, lower, axis)
    body.fill(foot)
    if f"{side} foot" in body.parts:
        wanted = framed(_Z, _X, ahead, body.world[shin][..., :, 0])
        turn = shortened(turn_between(body.world[shin], wanted), ANKLE_DEG)
        body.world[foot] = body.world[shin] @ Rotation.from_rotvec(turn).as_matrix()
    body.fill(toes)


def standing(local: Array, fps: float) -> Array:
    """Hips [T, 3] from rest such that the lower foot is on the floor and stays where it is.

    A film says nothing of where the body is: the foot that bears it does. Steps slip back to where
    the body is over its feet within seconds, so nobody drifts away; nobody leaves the floor either.
    """
    joints, world = (
        each.numpy()
        for each in forward_kinematics(torch.from_numpy(local), torch.zeros(len(local), 3).double())
    )
    soles = [_sole(joints, world, side) for side in ("left", "right")]
    lowest = np.stack([sole[..., 1].min(axis=1) for sole in soles])
    hips_m = np.zeros((len(local), 3))
    hips_m[:, 1] = -lowest.min(axis=0)
    ground = np.stack([sole[:, :, [0, 2]].mean(axis=1) for sole in soles])
    weight = np.exp(-(lowest - lowest.min(axis=0)) / 0.02)
    weight /= weight.sum(axis=0)
    over_feet = _middle_of_rest_soles() - ground.mean(axis=0)
    moved = -(weight[:, 1:, None] * np.diff(ground, axis=1)).sum(axis=0)
    pull = 1 / (1.5 * fps)
    hips_m[0, [0, 2]] = at = over_feet[0]
    for frame in range(1, len(local)):
        at = at + moved[frame - 1]
        at = at + pull * (over_feet[frame] - at)
        hips_m[frame, [0, 2]] = at
    return hips_m


def _sole(joints: Array, world: Array, side: str) -> Array:
    """[T, 2, 3]: where heel and ball of a foot touch the floor."""
    foot = POSE_BONES.index(f"{side}Foot")
    below = np.array([[0.0, -_ankle_height(), -0.05], [0.0, -_ankle_height(), 0.104]])
    touching: Array = joints[:, foot, None] + below @ world[:, foot].swapaxes(-1, -2)
    return touching


def _ankle_height() -> float:
    bones = ("hips", "leftUpperLeg", "leftLowerLeg", "leftFoot")
    return sum(OFFSETS_M[POSE_BONES.index(bone)][1] for bone in bones)


def _middle_of_rest_soles() -> Array:
    """[2], x and z of the middle between the feet in the T-pose."""
    bones = ("hips", "leftUpperLeg", "leftLowerLeg", "leftFoot")
    ahead = sum(OFFSETS_M[POSE_BONES.index(bone)][2] for bone in bones)
    return np.array([0.0, ahead + (0.104 - 0.05) / 2])


def _rest_trunk() -> Array:
    """[3], from the middle of the hip joints to the middle of the shoulder joints in the T-pose."""
    rest = np.zeros((1, 3, 3)) + np.eye(3)
    return unit(_shoulders_from_hips(dict.fromkeys(("hips", *_SPINE), rest))[0])


def _shoulders_from_hips(world: dict[str, Array]) -> Array:
    """[T, 3], from the middle of the hip joints to the middle of the shoulder joints."""
    hip = np.array(OFFSETS_M[POSE_BONES.index("leftUpperLeg")]) * [0, 1, 1]
    shoulder = (
        np.array(OFFSETS_M[POSE_BONES.index("leftShoulder")])
        + np.array(OFFSETS_M[POSE_BONES.index("leftUpperArm")])
    ) * [0, 1, 1]
    reach = world["hips"] @ (np.array(OFFSETS_M[POSE_BONES.index("spine")]) - hip)
    for bone, end in (("spine", "chest"), ("chest", "upperChest")):
        reach = reach + world[bone] @ np.array(OFFSETS_M[POSE_BONES.index(end)])
    found: Array = reach + world["upperChest"] @ shoulder
    return found


def _middle(points_m: Array, name: str) -> Array:
    return (point(points_m, f"left{name}") + point(points_m, f"right{name}")) / 2
