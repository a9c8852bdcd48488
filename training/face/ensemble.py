"""Labellers together: fitted once and kept, averaged, and scored on clips that they did not see."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from rich.progress import Progress
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from training.face.labeller import (
    MOUTH,
    ROUNDING,
    Array,
    Heard,
    LabelledExample,
    Labeller,
    MemberConfig,
    Recurrent,
    fit_member,
    new_member,
)  # fmt: skip

Scores = dict[str, dict[str, dict[str, float]]]
"""Member (or `ensemble`), held-out clip, channel: r."""


@dataclass(frozen=True, slots=True)
class Ensemble:
    members: Mapping[str, Labeller]

    def label(self, heard: Heard) -> Array:
        """The members' mean [T, M], clipped to [0, 1]."""
        made = [member.label(heard) for member in self.members.values()]
        return np.mean(made, axis=0).clip(0, 1).astype(np.float32)


def correlations(made: Array, example: LabelledExample) -> dict[str, float]:
    """Correlation of every channel that moves here, and of `rounding`, funnel and pucker's sum."""
    found = {
        MOUTH[channel]: _correlation(made[:, channel], example.mouth[:, channel])
        for channel in np.flatnonzero(example.moving)
    }
    rounded = [MOUTH.index(name) for name in ROUNDING]
    if example.moving[rounded].any():
        sums = [each[:, rounded].sum(axis=1) for each in (made, example.mouth)]
        found["rounding"] = _correlation(*sums)
    return found


def summary(found: Mapping[str, float]) -> tuple[float, float]:
    """The r of jawOpen, and the mean over moving channels with the two of rounding as their sum."""
    counted = [r for name, r in found.items() if name not in ROUNDING]
    return found.get("jawOpen", float("nan")), float(np.mean(counted)) if counted else float("nan")


def _correlation(a: Array, b: Array) -> float:
    if min(a.std(), b.std()) < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def fingerprint(config: MemberConfig, examples: Sequence[LabelledExample]) -> str:
    """Of all that decides a member's weights: two equal ones need one fit."""
    digest = hashlib.sha256(msgspec.json.encode(config))
    for each in examples:
        digest.update(each.name.encode())
        for array in (each.heard.sound, each.heard.speech, each.mouth, each.known):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def fit_ensemble(
    configs: Sequence[MemberConfig], examples: Sequence[LabelledExample], folder: Path
) -> Ensemble:
    """Fits the members that `folder` does not hold already, fitted in the same way to the same."""
    folder.mkdir(parents=True, exist_ok=True)
    fitted: dict[str, Labeller] = {}
    with Progress() as progress:
        for config in configs:
            steps = config.steps if isinstance(config, Recurrent) else 1
            task = progress.add_task(config.name, total=steps)
            path, mark = folder / f"{config.name}.safetensors", fingerprint(config, examples)
            member = _kept(path, mark, config)
            if member is None:
                member = fit_member(config, examples, partial(progress.advance, task))
                _keep(path, mark, member)
            progress.update(task, completed=steps)
            fitted[config.name] = member
    return Ensemble(fitted)


def _kept(path: Path, mark: str, config: MemberConfig) -> Labeller | None:
    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("fingerprint") != mark:
                return None
    except (FileNotFoundError, SafetensorError):
        return None
    member = new_member(config)
    member.load_state_dict(load_file(path))
    return member.eval()


def _keep(path: Path, mark: str, member: Labeller) -> None:
    partial = path.with_name(f".{path.name}.part")
    weights = {name: value.contiguous() for name, value in member.state_dict().items()}
    save_file(weights, partial, {"fingerprint": mark})
    partial.replace(path)


def score(ensemble: Ensemble, clips: Sequence[LabelledExample]) -> Scores:
    """R on clips that nobody saw, of every member and of all together."""
    alone = {name: Ensemble({name: member}) for name, member in ensemble.members.items()}
    return {
        name: {clip.name: correlations(each.label(clip.heard), clip) for clip in clips}
        for name, each in (alone | {"ensemble": ensemble}).items()
    }
