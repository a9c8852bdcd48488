"""The style prior of a face run -> `style.onnx` in the face bundle; called by `export.face`."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from export.onnx_export import write_step
from idol_runtime.errors import BundleError
from idol_runtime.inference.session import OnnxSession
from idol_runtime.motion.styles import MODEL_FILE
from training.face.model import STYLE_SIZE
from training.face.style_flow import CARD, TAG_NAMES, StylePrior, load_prior, prior_folder

TOLERANCE = 1e-5


class _Sample(nn.Module):
    """`torch.onnx.export` traces `forward`; this one is the sampling direction."""

    def __init__(self, prior: StylePrior) -> None:
        super().__init__()
        self.prior = prior

    def forward(self, *inputs: Tensor) -> Tensor:
        latent, tags = inputs
        return self.prior.to_code(latent, tags)


def write_onnx(prior: StylePrior, path: Path) -> None:
    """Inputs `latent` [B, 16], standard normal, and `tags` [B, K]; output `style` [B, 16]."""
    write_step(_Sample(prior), {"latent": STYLE_SIZE, "tags": prior.tags}, ("style",), path)


def parity(prior: StylePrior, path: Path, *, rows: int = 500, seed: int = 0) -> float:
    """Largest difference between the file in the runtime's session and the checkpoint.

    Relative to 1, and to the value where it is larger: any tags are asked for together here.
    """
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal((rows, STYLE_SIZE)).astype(np.float32)
    tags = (rng.random((rows, prior.tags)) < 0.2).astype(np.float32)
    made = OnnxSession(path).run({"latent": latent, "tags": tags})["style"]
    with torch.no_grad():
        wanted = prior.to_code(torch.from_numpy(latent), torch.from_numpy(tags)).numpy()
    return float((np.abs(made - wanted) / np.maximum(1, np.abs(wanted))).max())


def export_style(checkpoint: Path, out: Path) -> tuple[str, ...]:
    """Writes the prior of a run into a bundle; call it before the manifest is written.

    Returns:
        The manifest's `style_tags`: none when the run has no prior.

    Raises:
        BundleError: the file does not do what the checkpoint does.
    """
    if not (prior_folder(checkpoint) / CARD).exists():
        return ()
    prior = load_prior(checkpoint)
    write_onnx(prior, out / MODEL_FILE)
    if (worst := parity(prior, out / MODEL_FILE)) > TOLERANCE:
        raise BundleError(
            f"{out / MODEL_FILE}: expected the styles of the checkpoint to {TOLERANCE}, "
            f"found {worst:.1e}; do not ship it."
        )
    return TAG_NAMES
