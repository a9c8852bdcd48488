"""A run folder made from a face or pose bundle, so that training goes on where no run is left.

    python -m export.restore --bundle idol_runtime/bundles/face --run runs/face

The bundle's graph holds the generator's weights, and its card the settings. A face's style prior
and the styles of its speakers come along. What only training needs is gone: a run that starts from
this one begins its style encoder, its critics and, of a face, the head that names phonemes anew.
Exported again the run gives the same bundle, bit for bit.
"""

import argparse
from pathlib import Path
from typing import Any, Final

import msgspec
import torch

from export import face, pose, style
from export.graph_weights import take_weights
from idol_runtime.errors import BundleError, IdolError
from idol_runtime.inference.bundle import Bundle, open_bundle, read_manifest
from idol_runtime.motion.face import MODEL_FILE as FACE_FILE
from idol_runtime.motion.pose import MODEL_FILE as POSE_FILE
from idol_runtime.motion.styles import MODEL_FILE as STYLE_FILE
from training.checkpoint import new_step, steps_in, write_json, write_networks
from training.face.model import FaceGenerator
from training.face.settings import FaceSettings
from training.face.style_flow import CARD, FOLDER, TAG_NAMES, StylePrior
from training.ingest.card import DatasetCard
from training.ingest.shipping import Seen, write_seen
from training.pose.model import PoseGenerator
from training.style import STYLES_FILE
from training.trainer import AVERAGED, GENERATOR

Record = dict[str, Any]
KINDS: Final = ("face", "pose")


def restore(bundle: Path, run: Path) -> None:
    """Writes the run folder.

    Raises:
        BundleError: the bundle is damaged, was made elsewhere, or does not say what it has seen.
        SystemExit: `run` holds checkpoints already.
    """
    kind = read_manifest(bundle).kind
    if kind not in KINDS:
        raise BundleError(
            f"{bundle}: expected a bundle of kind {' or '.join(KINDS)}, found kind `{kind}`; only "
            "these are trained here."
        )
    if steps_in(run):
        raise SystemExit(f"{run}: expected no run yet, found checkpoints; give another --run.")
    opened = open_bundle(bundle, kind)
    try:
        _restore_face(opened, run) if kind == "face" else _restore_pose(opened, run)
    except (KeyError, RuntimeError, msgspec.ValidationError) as error:
        raise BundleError(
            f"{bundle}: expected the weights, settings and record of what was seen that "
            f"`python -m export.{kind}` writes, but {error}; restore from a bundle that it made."
        ) from None


def _restore_pose(bundle: Bundle, run: Path) -> None:
    card = bundle.manifest.card
    seen, origin = msgspec.convert(card["seen"], Seen), card["origin"]
    generator = body_of(bundle)
    with new_step(run, card["step"]) as checkpoint:
        write_networks(checkpoint, {GENERATOR: generator, AVERAGED: generator})
        _write_records(run, card["training"], origin, seen, card.get("metrics"))


def _restore_face(bundle: Bundle, run: Path) -> None:
    card, config = bundle.manifest.card, bundle.manifest.config
    seen, origin = _seen_by(card), card["origin"]
    generator = face_of(bundle)
    prior = prior_of(bundle) if config["style_tags"] else None
    with new_step(run, card["steps"]) as checkpoint:
        write_networks(checkpoint, {GENERATOR: generator, AVERAGED: generator})
        if config["speaker_styles"]:
            write_json(checkpoint / STYLES_FILE, config["speaker_styles"])
        if prior is not None:
            with new_step(checkpoint / FOLDER, 0) as fitted:
                write_networks(fitted, {GENERATOR: prior})
            write_json(checkpoint / FOLDER / CARD, {"tags": config["style_tags"]})
        _write_records(run, card["settings"], origin, seen, card.get("metrics"))


def face_of(bundle: Bundle) -> FaceGenerator:
    """The generator inside a face bundle.

    Raises:
        BundleError: it was not exported by this version.
    """
    settings = msgspec.convert(bundle.manifest.card["settings"], FaceSettings)
    torch.manual_seed(settings.seed)  # for the head that the graph does not hold
    generator = FaceGenerator(settings.model).eval()
    take_weights(bundle.path(FACE_FILE), generator, face.write_onnx)
    return generator


def body_of(bundle: Bundle) -> PoseGenerator:
    """The generator inside a pose bundle; raises as `face_of` does."""
    settings = bundle.manifest.card["training"]
    generator = PoseGenerator(settings["width"], settings["layers"]).eval()
    take_weights(bundle.path(POSE_FILE), generator, pose.write_onnx)
    return generator


def prior_of(bundle: Bundle) -> StylePrior:
    """The style prior inside a face bundle; raises as `face_of` does."""
    prior = StylePrior(len(TAG_NAMES))
    take_weights(bundle.path(STYLE_FILE), prior, style.write_onnx)
    for coupling in prior.chain:
        coupling.order.copy_(coupling.undo.argsort())
    return prior.eval()


def _seen_by(card: dict[str, Any]) -> Seen:
    """What a face has seen, as far as its card tells; how it was recorded is not told."""
    cards = tuple(
        DatasetCard(
            **{**each, "notes": tuple(each["notes"])}, may_ship=card["may_ship"], kind="made"
        )
        for each in card["data"]
    )
    return Seen(cards, tuple(card["recordings_seen"]))


def _write_records(
    run: Path, settings: Record, origin: Record, seen: Seen, metrics: Record | None
) -> None:
    write_seen(run, seen)
    write_json(run / "config.json", settings)
    write_json(run / "origin.json", origin)
    if metrics:
        write_json(run / "metrics.json", metrics)


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes a run folder from a bundle.")
    parser.add_argument("--bundle", type=Path, required=True, help="of a face or a body")
    parser.add_argument("--run", type=Path, required=True, help="a new folder")
    args = parser.parse_args()
    try:
        restore(args.bundle, args.run)
    except IdolError as error:
        raise SystemExit(str(error)) from None
    print(f"{args.run}: the generator of {args.bundle}; go on with --base {args.run}")


if __name__ == "__main__":
    main()
