"""What a data set of bodies holds, in words and as strips of stick figures."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import PARENTS
from training.humanoid.skeleton import forward_kinematics
from training.ingest.bodies import BodyDataset, BodyRecording, clip_of
from training.ingest.show import (
    LONGEST_S,
    chosen_recordings,
    describe_card,
    draw_sound,
    total,
)

_FIGURES: Final = 9
_STEP_M: Final = 1.1
_LEFT, _RIGHT, _MIDDLE = "tab:red", "tab:blue", "black"


def describe_bodies(dataset: BodyDataset, console: Console) -> None:
    """Prints the card and a line for every recording."""
    describe_card(dataset.card, console)
    table = Table("recording", "performer", "seconds", "fps", "sound", "activity", "known")
    for recording in dataset.recordings:
        table.add_row(
            recording.name,
            recording.speaker,
            f"{recording.seconds:.1f}",
            f"{recording.fps:g}",
            "no" if recording.audio is None else "yes",
            recording.activity or "-",
            f"{int(recording.known.sum())} of {len(POSE_BONES)}",
        )
    console.print(table)
    console.print(total(dataset.recordings, "performers"))


def draw_bodies(dataset: BodyDataset, path: Path) -> None:
    """Figures at even times and the sound of some recordings, spread over the set, as a PNG."""
    from matplotlib.figure import Figure

    chosen = chosen_recordings(dataset.recordings)
    figure = Figure(figsize=(14, 3.6 * len(chosen)), layout="constrained")
    axes = figure.subplots(2 * len(chosen), 1, squeeze=False, height_ratios=[4, 1] * len(chosen))
    for row, recording in enumerate(chosen):
        _draw_figures(axes[2 * row, 0], recording)
        axes[2 * row + 1, 0].set_axis_off()
        draw_sound(axes[2 * row + 1, 0], recording)
    figure.suptitle(f"{dataset.card.name} ({dataset.card.licence}): left red, right blue")
    figure.savefig(path, dpi=80)


def _draw_figures(axis: Any, recording: BodyRecording) -> None:
    clip = clip_of(recording)
    last = min(len(clip.local), round(LONGEST_S * clip.fps)) - 1
    frames = np.linspace(0, last, min(_FIGURES, last + 1)).round().astype(int)
    joints, _ = forward_kinematics(
        torch.from_numpy(clip.local[frames]), torch.from_numpy(clip.hips_m[frames])
    )
    for step, (frame, figure) in enumerate(zip(frames, joints.numpy(), strict=True)):
        # Each figure stands in its own place: how it moved about shows as its own offset.
        shift = step * _STEP_M - float(figure[0, 0])
        for bone, parent in enumerate(PARENTS):
            if parent >= 0:
                ends = figure[[parent, bone]]
                axis.plot(ends[:, 0] + shift, ends[:, 1], color=_colour(POSE_BONES[bone]), lw=2)
        axis.text(step * _STEP_M, -0.15, f"{frame / clip.fps:.1f} s", ha="center", fontsize=8)
    axis.axhline(0, color="grey", lw=0.5)
    axis.set_aspect("equal")
    axis.set_axis_off()
    axis.set_title(f"{recording.name}, {recording.speaker}, {recording.seconds:.1f} s")


def _colour(bone: str) -> str:
    return _LEFT if bone.startswith("left") else _RIGHT if bone.startswith("right") else _MIDDLE
