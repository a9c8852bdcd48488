"""What a data set holds, in words and as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from idol_protocol.channels import FACE_CHANNELS
from training.ingest.bodies import BodyRecording
from training.ingest.card import DatasetCard
from training.ingest.channels import moving
from training.ingest.recording import Dataset, Recording

R = TypeVar("R")
_SHOWN = 4
LONGEST_S = 12.0
_CURVES = {
    "mouth": ("jawOpen", "mouthClose", "mouthFunnel", "mouthSmileLeft"),
    "eyes and brows": ("eyeBlinkLeft", "eyeBlinkRight", "browInnerUp", "browDownLeft"),
    "head, degrees": ("headYaw", "headPitch", "headRoll"),
}


def describe_card(card: DatasetCard, console: Console) -> None:
    """Prints where the captures come from, what may be done with them, and what to know."""
    shipping = "may be shipped" if card.may_ship else "must not be shipped"
    console.print(f"{card.name}: {card.kind}, {card.licence}; weights that saw it {shipping}")
    for label, text in (("source", card.source), ("attribution", card.attribution)):
        if text:
            console.print(f"{label}: {text}")
    for note in card.notes:
        console.print(f"note: {note}")


def total(recordings: Sequence[Recording | BodyRecording], people: str) -> str:
    """How many recordings of how many people, how long together."""
    speakers = {recording.speaker for recording in recordings}
    seconds = sum(recording.seconds for recording in recordings)
    return f"{len(recordings)} recordings, {len(speakers)} {people}, {seconds / 60:.1f} min"


def chosen_recordings(recordings: Sequence[R]) -> list[R]:
    """A few to draw, spread over all."""
    count = min(_SHOWN, len(recordings))
    return [recordings[at] for at in np.linspace(0, len(recordings) - 1, count).round().astype(int)]


def draw_sound(axis: Any, recording: Recording | BodyRecording) -> None:
    """The wave of the first seconds, or a word that there is none."""
    if recording.audio is None:
        axis.text(0.5, 0.5, "no sound", ha="center", va="center", transform=axis.transAxes)
        return
    samples = recording.audio[: int(LONGEST_S * recording.audio_rate_hz)] / 32768
    axis.plot(np.arange(len(samples)) / recording.audio_rate_hz, samples, lw=0.4)
    axis.set_ylim(-1, 1)


def describe(dataset: Dataset, console: Console) -> None:
    """Prints the card and a line for every recording."""
    describe_card(dataset.card, console)
    table = Table("recording", "speaker", "seconds", "fps", "sound", "known", "moving")
    for recording in dataset.recordings:
        table.add_row(
            recording.name,
            recording.speaker,
            f"{recording.seconds:.1f}",
            f"{recording.fps:g}",
            "no" if recording.audio is None else "yes",
            str(int(recording.known.sum())),
            str(len(moving(recording.face))),
        )
    console.print(table)
    console.print(total(dataset.recordings, "speakers"))
    channels = sorted(
        {name for recording in dataset.recordings for name in moving(recording.face)},
        key=FACE_CHANNELS.index,
    )
    console.print(f"{len(channels)} channels move: {', '.join(channels) or 'none'}")


def draw(dataset: Dataset, path: Path) -> None:
    """Sound, mouth, eyes and head of some recordings, spread over the data set, as a PNG."""
    from matplotlib.figure import Figure

    chosen = chosen_recordings(dataset.recordings)
    figure = Figure(figsize=(5 * len(chosen), 9), layout="constrained")
    axes = figure.subplots(1 + len(_CURVES), len(chosen), squeeze=False, sharex="col")
    for column, recording in zip(axes.T, chosen, strict=True):
        _draw_recording(column, recording)
    figure.suptitle(f"{dataset.card.name} ({dataset.card.licence})")
    figure.savefig(path, dpi=90)


def _draw_recording(axes: NDArray[np.object_], recording: Recording) -> None:
    sound, *plots = axes
    seconds = min(recording.seconds, LONGEST_S)
    sound.set_title(f"{recording.name}, {recording.speaker}, {recording.seconds:.1f} s")
    draw_sound(sound, recording)
    frames = int(seconds * recording.fps)
    times_s = np.arange(frames) / recording.fps
    for axis, (label, names) in zip(plots, _CURVES.items(), strict=True):
        axis.set_ylabel(label)
        shown = [name for name in names if recording.known[FACE_CHANNELS.index(name)]]
        for name in shown:
            axis.plot(times_s, recording.face[:frames, FACE_CHANNELS.index(name)], label=name)
        if not label.startswith("head"):
            axis.set_ylim(-0.02, 1.02)
        if shown:
            axis.legend(loc="upper right", fontsize=7)
        else:
            axis.text(0.5, 0.5, "unknown", ha="center", va="center", transform=axis.transAxes)
    plots[-1].set_xlabel("seconds")
