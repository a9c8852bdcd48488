"""Bodies that perform: a trained generator, the teacher, and what they did."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.checkpoint import load_weights, read_json
from training.humanoid.skeleton import forward_kinematics
from training.pose.conditions import PoseConditions
from training.pose.data import perform_scripts
from training.pose.model import PoseGenerator

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class BodyMotion:
    """What B bodies did in T frames."""

    local: Array
    """[B, T, 22, 3, 3]"""
    hips_m: Array
    """[B, T, 3], from rest."""
    joints: Array
    """[B, T, 22, 3], metres."""
    world: Array
    """[B, T, 22, 3, 3]"""

    @classmethod
    def of(cls, local: Tensor, hips_m: Tensor) -> Self:
        joints, world = forward_kinematics(local, hips_m)
        return cls(*(each.numpy() for each in (local, hips_m, joints, world)))

    @property
    def takes(self) -> list[Array]:
        """Joints [T, 22, 3] of each body."""
        return list(self.joints)

    def rows(self, chosen: Any) -> "BodyMotion":
        """The same of some bodies, by any index of the first axis."""
        return BodyMotion(
            self.local[chosen], self.hips_m[chosen], self.joints[chosen], self.world[chosen]
        )


Performer: TypeAlias = Callable[[PoseConditions], BodyMotion]


@torch.no_grad()
def perform(generator: PoseGenerator, given: PoseConditions, *, piece: int = 1800) -> BodyMotion:
    """What a generator shows for conditions [B, T, ...], from its initial state.

    `piece` frames are one pass; the state carries over, so ten minutes need no more memory than
    one.
    """
    state = generator.initial_state(len(given.noise))
    parts = []
    for start in range(0, given.noise.shape[1], piece):
        part = given.select((slice(None), slice(start, start + piece)))
        local, hips_m, state = generator.perform(part, state)
        parts.append((local, hips_m))
    local, hips_m = (torch.cat(column, dim=1) for column in zip(*parts, strict=True))
    return BodyMotion.of(local, hips_m)


@torch.no_grad()
def teacher(given: PoseConditions) -> BodyMotion:
    """What the procedural teacher does for the same conditions."""
    scripts = [given.select(row) for row in range(len(given.noise))]
    return BodyMotion.of(*perform_scripts(scripts).taught())


def open_run(run: Path) -> Performer:
    """The averaged weights of a run folder.

    Raises:
        SystemExit: the folder holds no pose run, or one of another version of the model.
    """
    try:
        settings = read_json(run / "config.json")
        generator = PoseGenerator(settings["width"], settings["layers"]).eval()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SystemExit(
            f"{run}: expected a pose run with config.json and generator_ema.safetensors, but "
            f"{error}; make one with `python -m training.train_pose`."
        ) from None
    except KeyError as error:
        raise SystemExit(
            f"{run}: expected the settings of a pose run, but {error} is missing; "
            "train again or go back to the version that wrote it."
        ) from None
    load_weights(run, "generator_ema", generator)
    return lambda given: perform(generator, given)


def joined(parts: Sequence[BodyMotion], axis: int) -> BodyMotion:
    """Bodies side by side (axis 0) or one after the other (axis 1)."""
    names = ("local", "hips_m", "joints", "world")
    return BodyMotion(*(np.concatenate([getattr(p, name) for p in parts], axis) for name in names))
