"""Errors in millimetres on a head with ARKit morph targets."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES
from training.face.model import to_face

Array = NDArray[Any]
_PIECE = 60
"""Frames posed at once: a head of 20,000 vertices takes 15 MB."""


class ArkitHead(Protocol):
    """What `training.face.head.Head` offers of a head."""

    @property
    def lips(self) -> Array:
        """Indices of the vertices that lip morphs move most."""

    @property
    def upper(self) -> Array:
        """Indices of the vertices of brows, lids and cheeks."""

    def vertices(self, weights: Array) -> Array:
        """[T, 52] -> [T, V, 3] in metres."""


def lip_vertex_error_mm(head: ArkitHead, made: Array, real: Array, known: Array) -> float:
    """LVE (Richard et al. 2021, MeshTalk): the worst lip vertex of a frame, averaged over frames.

    Args:
        head: the head to pose.
        made: [T, 51] in `MADE` order.
        real: [T, 51].
        known: [51]; channels that were not captured rest in both.
    """
    pairs = zip(_posed(head, made * known), _posed(head, real * known), strict=True)
    worst = [np.linalg.norm((a - b)[:, head.lips], axis=2).max(axis=1) for a, b in pairs]
    return float(np.concatenate(worst).mean() * 1000)


def upper_dynamics_gap_mm(head: ArkitHead, made: Array, real: Array, known: Array) -> float:
    """FDD (Xing et al. 2023, CodeTalker): how much less the upper face moves than the real one.

    Every vertex' standard deviation over time of its distance from rest, real less made, averaged:
    positive for a face that is too still.
    """
    return float((_dynamics(head, real * known) - _dynamics(head, made * known)).mean() * 1000)


def _dynamics(head: ArkitHead, motion: Array) -> Array:
    rest = head.vertices(np.zeros((1, len(ARKIT_BLENDSHAPES)), np.float32))[:, head.upper]
    away = [np.linalg.norm(posed[:, head.upper] - rest, axis=2) for posed in _posed(head, motion)]
    spread: Array = np.concatenate(away).std(axis=0)
    return spread


def _posed(head: ArkitHead, motion: Array) -> Iterator[Array]:
    weights = to_face(torch.from_numpy(np.asarray(motion, np.float32))).numpy()
    weights = weights[:, : len(ARKIT_BLENDSHAPES)]
    for start in range(0, len(weights), _PIECE):
        yield head.vertices(weights[start : start + _PIECE])
