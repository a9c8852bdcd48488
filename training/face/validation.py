"""The number that tells whether a face run still gets better, on what it never trains on."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.face.data import Stream
from training.face.model import LIPS, STYLE_SIZE, FaceConditions, FaceGenerator
from training.style import STYLE_LIMIT, StyleEncoder, combine
from training.tracking import OBJECTIVE

_STYLE_WINDOW = 96

Array = NDArray[np.float32]


@torch.no_grad()
def validate(
    generator: torch.nn.Module,
    encoder: StyleEncoder,
    streams: Sequence[Stream],
    lookahead_frames: int,
) -> dict[str, float]:
    """Plays held-out streams whole; the objective is 1 - mean r of the lip channels that move.

    Both networks are to be in evaluation mode.
    """
    assert isinstance(generator, FaceGenerator)
    scores: dict[str, list[float]] = {}
    for stream in streams:
        style = stream_style(encoder, stream) if stream.captured else torch.zeros(STYLE_SIZE)
        played = play_lips(generator, stream, style, lookahead_frames)
        kind = "captured" if stream.captured else "taught"
        scores.setdefault(kind, []).append(mean_correlation(lip_correlations(*played)))
    found = {f"validation/r_{kind}": float(np.mean(each)) for kind, each in scores.items()}
    return found | {OBJECTIVE: 1 - float(np.mean([*found.values()]))}


@torch.no_grad()
def play_lips(
    generator: FaceGenerator, stream: Stream, style: Tensor, lookahead_frames: int
) -> tuple[Array, Array, list[int]]:
    """Made and true lips [T, 22], and the known channels that move (spread over 0.01)."""
    device = next(generator.parameters()).device
    given = whole_stream(stream, style, lookahead_frames, device)
    lips, _, _ = generator.move_lips(given, generator.initial_states(1)[0])
    target = stream.target[:, : len(LIPS)]
    moving = (target.std(axis=0) > 0.01) & (stream.mask[: len(LIPS)] > 0)
    return lips[0].cpu().numpy().clip(0, 1), target, [int(i) for i in np.flatnonzero(moving)]


def lip_correlations(made: Array, target: Array, moving: Sequence[int]) -> dict[str, float]:
    """Pearson's r of every channel that moves."""
    # A channel that is never moved has no correlation: it counts as 0.
    with np.errstate(invalid="ignore"):
        return {
            LIPS[i]: float(np.nan_to_num(np.corrcoef(made[:, i], target[:, i])[0, 1]))
            for i in moving
        }


def lip_error(made: Array, target: Array, moving: Sequence[int]) -> float:
    """Root mean square error over the channels that move, in weights."""
    return float(np.sqrt(np.square(made - target)[:, list(moving)].mean())) if moving else 0.0


def mean_correlation(each: Mapping[str, float]) -> float:
    """0 when no channel moves."""
    return float(np.mean([*each.values()])) if each else 0.0


def whole_stream(
    stream: Stream, style: Tensor, lookahead_frames: int, device: torch.device
) -> FaceConditions:
    """Conditions [1, T, ...] of a stream from its first frame to its last, in one style [16]."""
    frames = len(stream.audio)
    later = np.minimum(np.arange(frames) + lookahead_frames, frames - 1)
    parts = (
        stream.audio[later], stream.phonemes[later], stream.activity, stream.emotion,
        np.tile(style.cpu().numpy(), (frames, 1)), stream.noise,
    )  # fmt: skip
    return FaceConditions(*(torch.from_numpy(part)[None].to(device) for part in parts))


@torch.no_grad()
def stream_style(encoder: StyleEncoder, *streams: Stream) -> Tensor:
    """The code [16] of one talker, read from all their windows of about three seconds."""
    device = next(encoder.parameters()).device
    windows, masks = [], []
    for stream in streams:
        for start in range(0, len(stream.target) - _STYLE_WINDOW + 1, _STYLE_WINDOW):
            windows.append(stream.target[start : start + _STYLE_WINDOW])
            masks.append(stream.mask)
    if not windows:
        return torch.zeros(STYLE_SIZE)
    motion = torch.from_numpy(np.stack(windows)).to(device)
    means, log_variances = encoder(motion, torch.from_numpy(np.stack(masks)).to(device))
    mean, _ = combine(means, log_variances)
    return mean.clamp(-STYLE_LIMIT, STYLE_LIMIT).cpu()


def speaker_styles(encoder: StyleEncoder, streams: Sequence[Stream]) -> dict[str, Tensor]:
    """The code [16] of every captured speaker, from all their streams."""
    by_speaker: dict[str, list[Stream]] = {}
    for stream in streams:
        if stream.captured:
            by_speaker.setdefault(stream.speaker, []).append(stream)
    return {name: stream_style(encoder, *theirs) for name, theirs in by_speaker.items()}
