"""Pose checkpoint -> ONNX bundle, with parity through the runtime's own session.

    python -m export.pose --checkpoint runs/pose --out my_pose

A metrics.json beside the checkpoint (`python -m training.evaluate pose`) goes into the card.
"""

import argparse
import functools
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.bundle_folder import check_place, new_bundle
from export.onnx_export import write_step
from export.pose_card import pose_card
from idol_protocol.audio import LOG_MEL
from idol_protocol.frames import FPS
from idol_runtime.errors import BundleError, IdolError
from idol_runtime.inference.bundle import write_manifest
from idol_runtime.motion.pose import MODEL_FILE, PoseInputs, PoseModel
from training.checkpoint import load_weights, read_json
from training.humanoid.skeleton import quaternion_from_matrix
from training.ingest.shipping import Seen, may_ship, read_seen, require_shippable
from training.pose.conditions import STYLE_AXES, STYLE_TAGS, PoseConditions, sizes
from training.pose.data import LOOKAHEAD_FRAMES
from training.pose.drivers import NOISE
from training.pose.gesture_times import GESTURE_SECONDS, STROKE_PHASE
from training.pose.model import PoseGenerator

TOLERANCE = 1e-5
_ROWS = 3
_INPUTS = sizes(NOISE.size)


class _PoseStep(nn.Module):
    """`torch.onnx.export` traces `forward`; this one is a frame."""

    def __init__(self, generator: PoseGenerator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        *given, state = inputs
        return self.generator.step(PoseConditions(*given), state)


def load_generator(checkpoint: Path) -> PoseGenerator:
    """The averaged weights of a run."""
    settings = read_json(checkpoint / "config.json")
    generator = PoseGenerator(settings["width"], settings["layers"]).eval()
    load_weights(checkpoint, "generator_ema", generator)
    return generator


def write_onnx(generator: PoseGenerator, path: Path) -> None:
    sizes = _INPUTS | {"state": generator.state_size}
    write_step(_PoseStep(generator), sizes, ("rotations", "hips", "next_state"), path)


def parity(generator: PoseGenerator, folder: Path, *, frames: int = 150, seed: int = 0) -> float:
    """Largest difference between the streamed bundle and one offline pass of the checkpoint."""
    model = PoseModel.open(folder)
    clip = _clip(frames, seed)
    with torch.no_grad():
        whole = PoseConditions(*(torch.from_numpy(values) for values in clip.values()))
        local, hips, _ = generator.perform(whole, generator.initial_state(_ROWS))
        offline = quaternion_from_matrix(local).numpy()
    state, worst = model.initial_state(_ROWS), 0.0
    for frame in range(frames):
        inputs = PoseInputs(**{name: values[:, frame] for name, values in clip.items()})
        made, state = model.step(inputs, state)
        turned = np.abs(made.rotations - offline[:, frame]).max()
        moved = np.abs(made.hips - hips[:, frame].numpy()).max()
        worst = max(worst, float(turned), float(moved))
    return worst


def _clip(frames: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """Inputs of every kind, gestures that are cut, music that begins in the middle."""
    rng = np.random.default_rng(seed)
    clip = {
        name: rng.standard_normal((_ROWS, frames, size)).astype(np.float32)
        for name, size in _INPUTS.items()
    }
    clip["style"][:] = clip["style"][:, :1]
    clip["activity"] = np.abs(clip["activity"])
    clip["activity"] /= clip["activity"].sum(axis=2, keepdims=True)
    weights, phases = np.split(clip["gesture"], 2, axis=2)
    weights[:] = rng.random((_ROWS, frames // 10, weights.shape[2])).repeat(10, axis=1) > 0.8
    phases[:] = (np.arange(frames) / 60 % 1)[:, None]
    place = np.arange(frames) / 100 + rng.random((_ROWS, 1))
    clip["beat"] = np.stack([place % 1, place > 0.8], axis=2).astype(np.float32)
    return clip


def export(checkpoint: Path, out: Path, *, private: bool = False, force: bool = False) -> None:
    """Writes the bundle.

    Args:
        checkpoint: The run's folder.
        out: Where the bundle goes, whole or not at all.
        private: Export weights that may not be shipped; the card says so.
        force: A bundle that is there is replaced.

    Raises:
        BundleError: the bundle does not do what the checkpoint does.
        InputError: something is at `out`, and it is no bundle or `force` is false.
        SystemExit: the weights saw data that may not be shipped, and `private` is false.
    """
    check_place(out, force=force)
    seen = read_seen(checkpoint)
    if not private:
        require_shippable(seen.cards)
    generator = load_generator(checkpoint)
    print(f"{checkpoint}: writing the graph, then comparing it with the checkpoint", flush=True)
    with new_bundle(out, force=force) as folder:
        worst = _write(checkpoint, folder, out.name, generator, seen)
    print(f"{out}: streaming equals offline to {worst:.1e}")


def _write(checkpoint: Path, out: Path, name: str, generator: PoseGenerator, seen: Seen) -> float:
    """Writes what a bundle holds; returns its parity."""
    write_onnx(generator, out / MODEL_FILE)
    config: dict[str, Any] = {
        "fps": FPS,
        "lookahead_frames": LOOKAHEAD_FRAMES,
        "audio": msgspec.to_builtins(LOG_MEL),
        "noise": msgspec.to_builtins(NOISE),
        "state_size": generator.state_size,
        "gesture_seconds": GESTURE_SECONDS,
        "gesture_stroke": STROKE_PHASE,
        "style_axes": STYLE_AXES,
        "style_tags": STYLE_TAGS,
    }
    card = pose_card(checkpoint, generator)
    card |= {"seen": msgspec.to_builtins(seen), "may_ship": may_ship(seen.cards)}
    about = functools.partial(
        write_manifest, out, kind="pose", name=name, licence="Apache-2.0", config=config
    )
    about(card=card)
    card["parity_streaming_vs_offline"] = worst = parity(generator, out)
    if worst > TOLERANCE:
        raise BundleError(
            f"{checkpoint}: expected the stream to equal the checkpoint to {TOLERANCE}, found "
            f"{worst:.1e}; nothing was written."
        )
    about(card=card)
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description="Exports a pose checkpoint as a bundle.")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--private", action="store_true", help="export although the weights may not be shipped"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace the bundle that is at --out already"
    )
    args = parser.parse_args()
    try:
        export(args.checkpoint, args.out, private=args.private, force=args.force)
    except IdolError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
