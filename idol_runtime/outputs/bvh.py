"""Poses as BVH, the motion file that Blender, Maya, Unity and Unreal read.

Centimetres, Y up, rest in the T-pose, one joint per bone of `POSE_BONES`. The hips carry their
place, and their OFFSET is 0 because readers disagree on whether it adds to that. Every joint
carries `Yrotation Xrotation Zrotation`, degrees, applied in that order: our yaw, pitch and roll.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import POSE_BONES
from idol_protocol.frames import PoseFrame
from idol_protocol.skeleton import PARENTS
from idol_runtime.errors import InputError
from idol_runtime.motion.rotations import from_yaw_pitch_roll, to_yaw_pitch_roll
from idol_runtime.motion.skeleton import REST_OFFSETS_M

CM_PER_M = 100.0
_TURNS = ("Yrotation", "Xrotation", "Zrotation")
_MOVES = ("Xposition", "Yposition", "Zposition")
_TIPS_CM = {"head": (0.0, 20.0, 0.0), "Hand": (15.0, 0.0, 0.0), "Toes": (0.0, 0.0, 6.0)}
"""Where bones without children end; a BVH leaf must say so."""


@dataclass(frozen=True, slots=True, eq=False)
class BvhMotion:
    """What our own BVH files hold."""

    rotations: NDArray[np.float32]
    """[T, 22, 4]"""
    hips_m: NDArray[np.float32]
    """[T, 3], translation from rest."""
    fps: float


def write_bvh(path: Path, frames: Sequence[PoseFrame], fps: float) -> None:
    """Writes poses, one row a frame."""
    lines = ["HIERARCHY", *_joint(0, 0), "MOTION"]
    lines += [f"Frames: {len(frames)}", f"Frame Time: {1 / fps:.8f}"]
    order = list(_depth_first(0))
    for frame in frames:
        place_cm = (frame.hips_m + REST_OFFSETS_M[0]) * CM_PER_M
        turns = to_yaw_pitch_roll(frame.rotations[order].astype(np.float64))
        values = np.concatenate([place_cm, turns.ravel()])
        lines.append(" ".join(f"{value:.5f}" for value in values))
    path.write_text("\n".join(lines) + "\n")


def read_bvh(path: Path) -> BvhMotion:
    """Reads a BVH whose joints and channels are the ones `write_bvh` writes.

    Raises:
        InputError: another skeleton, other channels, or rows that are cut short.
    """
    head, _, motion = path.read_text().partition("MOTION")
    words = head.split()
    names = [words[at + 1] for at, word in enumerate(words) if word in ("ROOT", "JOINT")]
    order = list(_depth_first(0))
    expected = [POSE_BONES[bone] for bone in order]
    if names != expected or any(turn not in words for turn in _TURNS):
        raise InputError(
            f"{path}: expected the joints {', '.join(expected)}, found "
            f"{', '.join(names) or 'none'}; give a file that this program wrote."
        )
    try:
        _, count, _, _, frame_s, *values = motion.replace("\n", " ").split()
        rows = np.array(values, np.float64).reshape(int(count), 3 + 3 * len(order))
        fps = 1 / float(frame_s)
    except (ValueError, ZeroDivisionError):
        raise InputError(
            f"{path}: expected {3 + 3 * len(order)} numbers a frame after MOTION, found rows that "
            "do not fit; the file is cut short or altered."
        ) from None
    rotations = np.empty((len(rows), len(order), 4), np.float32)
    rotations[:, order] = from_yaw_pitch_roll(rows[:, 3:].reshape(len(rows), -1, 3))
    hips_m = rows[:, :3] / CM_PER_M - REST_OFFSETS_M[0]
    return BvhMotion(rotations, hips_m.astype(np.float32), fps)


def _children(bone: int) -> list[int]:
    return [child for child, parent in enumerate(PARENTS) if parent == bone]


def _depth_first(bone: int) -> Iterator[int]:
    yield bone
    for child in _children(bone):
        yield from _depth_first(child)


def _joint(bone: int, depth: int) -> list[str]:
    indent, inner = "\t" * depth, "\t" * (depth + 1)
    channels = _TURNS if depth else (*_MOVES, *_TURNS)
    children = _children(bone)
    return [
        f"{indent}{'JOINT' if depth else 'ROOT'} {POSE_BONES[bone]}",
        f"{indent}{{",
        f"{inner}OFFSET {_numbers(REST_OFFSETS_M[bone] * CM_PER_M * (depth > 0))}",
        f"{inner}CHANNELS {len(channels)} {' '.join(channels)}",
        *[line for child in children for line in _joint(child, depth + 1)],
        *([] if children else [f"{inner}End Site", f"{inner}{{", *_tip(bone, depth), f"{inner}}}"]),
        f"{indent}}}",
    ]


def _tip(bone: int, depth: int) -> list[str]:
    name = POSE_BONES[bone]
    tip = next(values for part, values in _TIPS_CM.items() if name.endswith(part))
    side = -1.0 if name.startswith("right") else 1.0
    return ["\t" * (depth + 2) + f"OFFSET {_numbers(np.array(tip) * (side, 1.0, 1.0))}"]


def _numbers(values: NDArray[np.floating]) -> str:
    return " ".join(f"{value:.4f}" for value in values)
