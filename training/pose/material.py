"""Gathers what a body is trained on, and keeps the record of what its weights have seen."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from training.ingest.bodies import read_body_datasets
from training.ingest.card import read_card
from training.ingest.shipping import Seen, read_seen
from training.pose.captures import clips_of
from training.pose.data import PoseClips, make_clips, read_voices
from training.pose.mocap import calm_windows
from training.pose.settings import PoseSettings

_CHECKS = 16
"""Performances to validate on."""


@dataclass(frozen=True, slots=True, eq=False)
class PoseMaterial:
    clips: PoseClips
    """The teacher's performances."""
    check: PoseClips
    """More of them, to validate on."""
    captured: PoseClips | None
    """Performances of people, with sound."""
    capture: Tensor
    """Windows [W, T, P] of motion capture for the critic, see `pose.mocap`; W may be 0."""
    seen: Seen


def gather(
    settings: PoseSettings,
    data: Path | None = None,
    speech: Path | None = None,
    sets: Path | None = None,
    base: Path | None = None,
) -> PoseMaterial:
    """Reads what the settings name and has the teacher perform.

    Raises:
        SystemExit: a data set is not there or does not fit.
    """
    rng = np.random.default_rng(settings.seed)
    voices = read_voices(_voice_folders(data, speech))
    clips = make_clips(voices, settings.clips, settings.clip_frames, rng)
    check = make_clips(voices, _CHECKS, settings.clip_frames, rng)
    before = read_seen(base) if base else Seen((), ())
    captured, seen = _captured(settings, sets, before, rng)
    archives = sorted((data / "body").rglob("*.tar.xz")) if data else []
    return PoseMaterial(clips, check, captured, calm_windows(archives, settings.frames), seen)


def _voice_folders(data: Path | None, speech: Path | None) -> list[Path]:
    paired = ["facegood_audio_only", "facegood"]
    real = [data / "face" / name for name in paired] if data else []
    return [folder for folder in [*real, speech] if folder]


def _captured(
    settings: PoseSettings, sets: Path | None, before: Seen, rng: np.random.Generator
) -> tuple[PoseClips | None, Seen]:
    """Clips of the data sets that the settings name, and what the weights will have seen."""
    names = settings.captures
    if not names:
        return None, before
    if sets is None:
        raise SystemExit(
            f"The configuration learns from {', '.join(names)}; expected the folder "
            "that holds these data sets as --sets, found none."
        )
    recordings = read_body_datasets(sets, names)
    cards = (*before.cards, *(read_card(sets / name) for name in names))
    seen = Seen(cards, (*before.recordings, *(each.name for each in recordings)))
    clips = clips_of(recordings, settings.clip_frames, rng)
    if clips is None:
        raise SystemExit(
            f"Expected at least {settings.clip_frames} frames in one of {', '.join(names)} in "
            "which the performer stays in place, found none; set a smaller clip_frames."
        )
    return clips, seen
