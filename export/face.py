"""Face checkpoint -> ONNX bundle, with parity through the runtime's own session.

    python -m export.face --checkpoint runs/face --out my_face

A metrics.json beside the checkpoint (`python -m training.evaluate face`) goes into the card.
"""

import argparse
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from export.bundle_folder import check_place, new_bundle
from export.onnx_export import write_step
from export.style import export_style
from idol_protocol.audio import LOG_MEL
from idol_protocol.channels import EMOTIONS, FACE_ACTIVITIES
from idol_protocol.frames import FPS
from idol_runtime.errors import BundleError, IdolError
from idol_runtime.inference.bundle import write_manifest
from idol_runtime.motion.face import MODEL_FILE, FaceInputs, FaceModel
from training.checkpoint import PROGRESS, checkpoint_of, load_weights, read_json
from training.face.model import STYLE_SIZE, FaceConditions, FaceGenerator, to_face
from training.face.phonemes import INPUT_COLUMNS, PHONEME_CLASSES
from training.face.settings import FaceSettings
from training.face.upper import NOISE, STYLE_AXES
from training.ingest.shipping import may_ship, read_seen, require_shippable
from training.style import STYLES_FILE

TOLERANCE = 1e-5
_INPUTS = {
    "audio": LOG_MEL.size,
    "phonemes": len(INPUT_COLUMNS),
    "activity": len(FACE_ACTIVITIES),
    "emotion": len(EMOTIONS),
    "style": STYLE_SIZE,
    "noise": NOISE.size,
}


class _FaceStep(nn.Module):
    """`torch.onnx.export` traces `forward`; this one is a frame."""

    def __init__(self, generator: FaceGenerator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        *given, state = inputs
        made, after = self.generator(FaceConditions(*(value[:, None] for value in given)), state)
        return to_face(made[:, 0]), after


def load_generator(checkpoint: Path) -> tuple[FaceGenerator, FaceSettings]:
    """The averaged weights of a run."""
    settings = msgspec.convert(read_json(checkpoint / "config.json"), FaceSettings)
    generator = FaceGenerator(settings.model).eval()
    load_weights(checkpoint, "generator_ema", generator)
    return generator, settings


def write_onnx(generator: FaceGenerator, path: Path) -> None:
    sizes = _INPUTS | {"state": generator.state_size}
    write_step(_FaceStep(generator), sizes, ("face", "next_state"), path)


def parity(generator: FaceGenerator, folder: Path, *, frames: int = 150, seed: int = 0) -> float:
    """Largest relative difference between the streamed bundle and one offline pass.

    Relative to 1 for weights and to 10 degrees for angles, the generator's own unit.
    """
    model = FaceModel.open(folder)
    rng = np.random.default_rng(seed)
    rows = 3
    clip = {
        name: rng.standard_normal((rows, frames, size)).astype(np.float32)
        for name, size in _INPUTS.items()
    }
    with torch.no_grad():
        given = FaceConditions(*(torch.from_numpy(clip[name]) for name in _INPUTS))
        made, _ = generator(given, torch.zeros(rows, generator.state_size))
        offline = to_face(made).numpy()
    state, worst = model.initial_state(rows), 0.0
    for frame in range(frames):
        inputs = FaceInputs(**{name: values[:, frame] for name, values in clip.items()})
        face, state = model.step(inputs, state)
        apart = np.abs(face - offline[:, frame])
        apart[:, 52:] /= 10
        worst = max(worst, float(apart.max()))
    return worst


def export(checkpoint: Path, out: Path, *, private: bool = False, force: bool = False) -> None:
    """Writes the bundle.

    Args:
        checkpoint: a run folder.
        out: where the bundle goes, whole or not at all.
        private: the weights may have seen data that forbids shipping; the card says so.
        force: a bundle that is there is replaced.

    Raises:
        BundleError: the bundle does not do what the checkpoint does.
        InputError: something is at `out`, and it is no bundle or `force` is false.
        SystemExit: the weights saw data that may not be shipped, and `private` is false.
    """
    check_place(out, force=force)
    if not private:
        require_shippable(read_seen(checkpoint).cards)
    generator, settings = load_generator(checkpoint)
    print(f"{checkpoint}: writing the graph, then comparing it with the checkpoint", flush=True)
    with new_bundle(out, force=force) as folder:
        worst = _write(checkpoint, folder, out.name, generator, settings)
    print(f"{out}: streaming equals offline to {worst:.1e}")


def _write(
    checkpoint: Path, out: Path, name: str, generator: FaceGenerator, settings: FaceSettings
) -> float:
    """Writes what a bundle holds; returns its parity."""
    write_onnx(generator, out / MODEL_FILE)
    manifest: dict[str, Any] = {
        "kind": "face",
        "name": name,
        "licence": "Apache-2.0",
        "config": {
            "fps": FPS,
            "lookahead_frames": settings.lookahead_frames,
            "audio": msgspec.to_builtins(LOG_MEL),
            "noise": msgspec.to_builtins(NOISE),
            "state_size": generator.state_size,
            "phoneme_inputs": INPUT_COLUMNS,
            "phoneme_classes": PHONEME_CLASSES,
            "style_axes": STYLE_AXES,
            "style_tags": export_style(checkpoint, out),
            "speaker_styles": speaker_styles(checkpoint),
        },
    }
    card = face_card(checkpoint, generator)
    write_manifest(out, **manifest, card=card)
    card["parity_streaming_vs_offline"] = worst = parity(generator, out)
    if worst > TOLERANCE:
        raise BundleError(
            f"{checkpoint}: expected the stream to equal the checkpoint to {TOLERANCE}, "
            f"found {worst:.1e}; nothing was written."
        )
    write_manifest(out, **manifest, card=card)
    return worst


def speaker_styles(checkpoint: Path) -> dict[str, list[float]]:
    """The style codes of the captured speakers, to be copied into a `character.toml`."""
    path = checkpoint_of(checkpoint) / STYLES_FILE
    return read_json(path) if path.exists() else {}


def face_card(checkpoint: Path, generator: FaceGenerator) -> dict[str, Any]:
    """How the weights were made and what they were measured to do."""
    metrics, seen = checkpoint / "metrics.json", read_seen(checkpoint)
    return {
        "origin": read_json(checkpoint / "origin.json"),
        "settings": read_json(checkpoint / "config.json"),
        "steps": read_json(checkpoint_of(checkpoint) / PROGRESS)["step"],
        "parameters": sum(value.numel() for value in generator.parameters()),
        "method": "Lips: taught by dominance-function coarticulation over synthesised speech with "
        "exact phoneme times, then by captured mouths and an ensemble's labels of more speech. "
        "Upper face, eyes and head: taught by a procedural teacher driven by the same noise, and "
        "shaped by real takes. Adversarial terms: lips against sound, and realism with masked "
        "channels. Style: the code of a variational autoencoder.",
        "may_ship": may_ship(seen.cards),
        "data": [
            {
                "name": card.name,
                "licence": card.licence,
                "attribution": card.attribution,
                "source": card.source,
                "notes": card.notes,
            }
            for card in seen.cards
        ],
        "recordings_seen": seen.recordings,
        "metrics": read_json(metrics) if metrics.exists() else {},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Exports a face checkpoint as a bundle.")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--private",
        action="store_true",
        help="for yourself: also export weights that saw data which may not be shipped",
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
