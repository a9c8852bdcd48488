"""The 33 points that MediaPipe finds on a body, and where ours has them.

Points as BlazePose names them (Bazarevsky et al. 2020), in the character's axes: X to its left,
Y up, Z to its front, metres.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M

Array: TypeAlias = NDArray[np.float64]

_FACE: Final = (
    "nose", "leftEyeInner", "leftEye", "leftEyeOuter", "rightEyeInner", "rightEye",
    "rightEyeOuter", "leftEar", "rightEar", "mouthLeft", "mouthRight",
)  # fmt: skip
_PAIRS: Final = (
    "Shoulder", "Elbow", "Wrist", "Pinky", "Index", "Thumb", "Hip", "Knee", "Ankle", "Heel", "Toe",
)  # fmt: skip
POINTS: Final[tuple[str, ...]] = (
    *_FACE,
    *(f"{side}{name}" for name in _PAIRS for side in ("left", "right")),
)
HEAD_POINTS: Final[dict[str, tuple[float, float, float]]] = {
    "nose": (0.0, -0.02, 0.115),
    "leftEyeInner": (0.016, 0.017, 0.088),
    "leftEye": (0.031, 0.018, 0.085),
    "leftEyeOuter": (0.045, 0.018, 0.075),
    "rightEyeInner": (-0.016, 0.017, 0.088),
    "rightEye": (-0.031, 0.018, 0.085),
    "rightEyeOuter": (-0.045, 0.018, 0.075),
    "leftEar": (0.075, 0.0, 0.0),
    "rightEar": (-0.075, 0.0, 0.0),
    "mouthLeft": (0.025, -0.06, 0.09),
    "mouthRight": (-0.025, -0.06, 0.09),
}
"""From the middle of the ears, of a head held level: an adult's, to about a centimetre."""
PARTS: Final[dict[str, tuple[str, ...]]] = {
    "torso": ("leftShoulder", "rightShoulder", "leftHip", "rightHip"),
    "head": ("nose", "leftEye", "rightEye"),
    **{
        f"{side} {part}": tuple(f"{side}{name}" for name in names)
        for side in ("left", "right")
        for part, names in (
            ("arm", ("Elbow", "Wrist")),
            ("hand", ("Pinky", "Index")),
            ("leg", ("Knee", "Ankle")),
            ("foot", ("Heel", "Toe")),
        )
    },
}
"""What is followed together; all of a part must be seen for the part to be."""
BONES_OF: Final[dict[str, tuple[str, ...]]] = {
    "torso": ("hips", "spine", "chest", "upperChest"),
    "head": ("neck", "head"),
    **{
        f"{side} {part}": tuple(f"{side}{name}" for name in names)
        for side in ("left", "right")
        for part, names in (
            ("arm", ("UpperArm", "LowerArm")),
            ("hand", ("Hand",)),
            ("leg", ("UpperLeg", "LowerLeg")),
            ("foot", ("Foot",)),
        )
    },
}
"""The bones that each part shows; no point shows collarbones and toes."""


def point(points_m: Array, name: str) -> Array:
    """[T, 3] of one of the points [T, 33, 3]."""
    one: Array = points_m[:, POINTS.index(name)]
    return one


def unit(vectors: Array) -> Array:
    """Directions [..., 3]; zero stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    directions: Array = vectors / np.maximum(lengths, 1e-9)
    return directions


def rest_direction(end: str) -> Array:
    """[3], from a bone's parent to it in the T-pose."""
    return unit(np.array(OFFSETS_M[POSE_BONES.index(end)]))


def known_bones(parts: set[str]) -> NDArray[np.bool_]:
    """[22], the bones that these parts show."""
    names = {bone for part in parts for bone in BONES_OF[part]}
    return np.array([bone in names for bone in POSE_BONES])
