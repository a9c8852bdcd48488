"""What the face's style encoder is shown, and which of its values are the face's axes."""

from typing import Final

import torch
from torch import Tensor

from training.face.model import LIPS
from training.face.upper import STYLE_AXES

AXES: Final = len(STYLE_AXES)
"""The first values of a code, in `STYLE_AXES` order."""


def hide_channels(mask: Tensor, share: float, generator: torch.Generator | None = None) -> Tensor:
    """Masks [B, 51] of which about `share` keep only the lips or only all else.

    Captures show one or the other; the encoder has to learn to read the style from either.
    """
    chance = torch.rand(len(mask), 1, generator=generator).to(mask.device)
    lips = torch.zeros_like(mask)
    lips[:, : len(LIPS)] = 1
    kept = torch.where(chance < share / 2, lips, torch.ones_like(lips))
    kept = torch.where((chance >= share / 2) & (chance < share), 1 - lips, kept)
    shown = mask * kept
    # A capture of the lips alone has nothing left when the lips are hidden.
    return torch.where(shown.sum(dim=1, keepdim=True) > 0, shown, mask)
