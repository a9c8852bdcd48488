"""Real bodies to hold made ones against: the CMU recordings under DATA/body."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from idol_protocol.frames import FPS
from idol_protocol.skeleton import OFFSETS_M
from training.evaluation.measures import runs
from training.humanoid.clip import Clip
from training.motion_files.acclaim import read_archive
from training.pose.evaluation.performance import BodyMotion
from training.pose.mocap import is_calm

Array = NDArray[Any]
_TOE_REST_M: Final = sum(OFFSETS_M[at][1] for at in (0, 14, 15, 16, 17))
_FLOOR_QUANTILE: Final = 0.1
"""A recording's floor is where its lower toe is in its lowest tenth of frames."""


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    name: str
    subject: str
    motion: BodyMotion
    """One body, with the floor at 0."""
    calm: NDArray[np.bool_]
    """[T], upright and in place (`training.pose.mocap.is_calm`)."""

    @property
    def joints(self) -> Array:
        """[T, 22, 3]"""
        joints: Array = self.motion.joints[0]
        return joints

    @property
    def seconds(self) -> float:
        return len(self.joints) / FPS


def read_captures(data: Path) -> list[Capture]:
    """Every recording of the archives in DATA/body; empty where there are none."""
    archives = sorted((data / "body").rglob("*.tar.xz"))
    return [of_clip(clip) for archive in archives for clip in read_archive(archive, fps=FPS)]


def of_clip(clip: Clip) -> Capture:
    """A clip, set down on the floor."""
    local = torch.from_numpy(clip.local).float()
    lifted = BodyMotion.of(local[None], torch.from_numpy(clip.hips_m).float()[None])
    toes = lifted.joints[0, :, [17, 21], 1].min(axis=0)
    hips_m = clip.hips_m - np.array([0, np.quantile(toes, _FLOOR_QUANTILE) - _TOE_REST_M, 0])
    lowered = BodyMotion.of(local[None], torch.from_numpy(hips_m).float()[None])
    return Capture(clip.name, clip.name.split("_")[0], lowered, is_calm(clip))


def calm_takes(captures: Sequence[Capture]) -> list[Array]:
    """Joints [T, 22, 3] of every calm stretch of a second and more."""
    return [
        capture.joints[start:end]
        for capture in captures
        for start, end in runs(capture.calm)
        if end - start >= FPS
    ]


def by_subject(captures: Sequence[Capture]) -> dict[str, list[Array]]:
    """Subject -> joints [T, 22, 3] of each recording."""
    found: dict[str, list[Array]] = {}
    for capture in captures:
        found.setdefault(capture.subject, []).append(capture.joints)
    return found
