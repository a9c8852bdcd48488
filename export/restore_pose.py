"""A run folder made from a pose bundle, so that training can go on where only the bundle is left.

    python -m export.restore_pose --bundle idol_runtime/bundles/pose --run runs/pose

The bundle's graph keeps the generator's weights under their own names and its card the settings.
What only training needs is gone: a run that starts from this one begins its style encoder and its
critics anew (`python -m training.train_pose --base`).
"""

import argparse
from pathlib import Path
from typing import Any, Final

import msgspec
import onnx
import torch
from onnx import numpy_helper

from idol_runtime.errors import BundleError
from idol_runtime.inference.bundle import open_bundle
from idol_runtime.motion.pose import MODEL_FILE
from training.checkpoint import new_step, write_json, write_networks
from training.ingest.shipping import Seen, write_seen
from training.pose.model import PoseGenerator
from training.trainer import AVERAGED, GENERATOR

_PREFIX: Final = "generator."


def generator_of(bundle: Path) -> PoseGenerator:
    """The generator inside a bundle.

    Raises:
        BundleError: the bundle is damaged, or was not exported by `export.pose`.
    """
    opened = open_bundle(bundle, "pose")
    settings = opened.manifest.card.get("training", {})
    try:
        generator = PoseGenerator(settings["width"], settings["layers"]).eval()
        kept = _weights(opened.path(MODEL_FILE))
        generator.load_state_dict({name: kept[name] for name in generator.state_dict()})
    except (KeyError, RuntimeError) as error:
        raise BundleError(
            f"{bundle}: expected the weights and settings that `python -m export.pose` writes, "
            f"but {error}; restore from a bundle that it made."
        ) from None
    return generator


def _weights(graph: Path) -> dict[str, torch.Tensor]:
    return {
        each.name.removeprefix(_PREFIX): torch.from_numpy(numpy_helper.to_array(each).copy())
        for each in onnx.load(graph).graph.initializer
        if each.name.startswith(_PREFIX)
    }


def restore(bundle: Path, run: Path) -> None:
    """Writes the run folder.

    Raises:
        BundleError: the bundle is damaged, was made elsewhere, or does not say what it has seen.
    """
    generator = generator_of(bundle)
    card: dict[str, Any] = open_bundle(bundle, "pose").manifest.card
    if "seen" not in card:
        raise BundleError(
            f"{bundle}: expected a card that tells what the weights have seen, found none; "
            "export the bundle again."
        )
    with new_step(run, card["step"]) as checkpoint:
        write_networks(checkpoint, {GENERATOR: generator, AVERAGED: generator})
        write_seen(run, msgspec.convert(card["seen"], Seen))
        write_json(run / "config.json", card["training"])
        write_json(run / "origin.json", card["origin"])
        if card.get("metrics"):
            write_json(run / "metrics.json", card["metrics"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes a run folder from a pose bundle.")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    args = parser.parse_args()
    try:
        restore(args.bundle, args.run)
    except BundleError as error:
        raise SystemExit(str(error)) from None
    print(f"{args.run}: the generator of {args.bundle}; go on with --base {args.run}")


if __name__ == "__main__":
    main()
