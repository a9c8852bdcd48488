"""Moves a trained face to a new person from half a minute of capture.

    python -m training.finetune_face --base runs/face --data DATA/me --run runs/me

Nothing of the base is changed: what is learnt is the person's style code and low-rank adapters
(LoRA, Hu et al. 2021, arXiv:2106.09685) on the lips' network, a few per cent of its weights. They
are merged at the end, so that the result exports and runs like any other face.
Writes `finetune.json`: the scores on the held-out capture before and after.
"""

import argparse
import copy
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from idol_protocol.frames import FPS
from training.checkpoint import (
    checkpoint_of,
    load_network,
    read_json,
    write_json,
    write_networks,
)
from training.config import load_config
from training.device import MixedPrecision, seed_everything
from training.face.data import Stream, captured_stream
from training.face.model import MADE, STYLE_SIZE, FaceGenerator
from training.face.objective import Scales, reconstruction
from training.face.settings import FaceSettings
from training.face.validation import (
    lip_correlations,
    lip_error,
    mean_correlation,
    play_lips,
    stream_style,
)
from training.face.windows import FaceWindows
from training.ingest.recording import Recording, read_dataset
from training.ingest.shipping import Seen, read_seen
from training.origin import keep_seen, start_run
from training.settings import RunSettings
from training.style import STYLES_FILE, StyleEncoder
from training.trainer import AVERAGED, GENERATOR, Metrics, Trainer

_ADAPTED = r"lips\.(enter\.0|taps\.0|leave\.1)|lips_out"
"""The linear layers of the lips; the LSTM keeps what it learnt of speech."""


class Finetune(RunSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    steps: int = 500
    seconds: float = 60.0
    """How much of the capture is used; a recording is cut where this is reached."""
    rank: int = 8
    batch: int = 8
    frames: int = 96
    learning_rate: float = 4e-3
    """Falls to 0 along a line."""
    speeds: tuple[float, ...] = (0.92, 1.0, 1.08)
    velocity_weight: float = 0.5
    save_every: int = 250


class Adaptation:
    """A frozen generator with adapters on its lips, and the style code of one person: a `Task`."""

    max_norm: float | None = None

    def __init__(
        self, base: Path, finetune: Finetune, streams: Sequence[Stream], speaker: str
    ) -> None:
        seed_everything(finetune.seed)
        self.base, self.finetune, self.speaker = checkpoint_of(base), finetune, speaker
        self.precision = MixedPrecision(torch.device("cpu"), finetune.precision)
        settings = msgspec.convert(read_json(base / "config.json"), FaceSettings)
        self.settings = msgspec.structs.replace(
            settings, velocity_weight=finetune.velocity_weight, closure_weight=0.0
        )
        self.generator = FaceGenerator(settings.model)
        load_network(self.base, AVERAGED, self.generator)
        self.base_style = torch.zeros(STYLE_SIZE)
        self.style = nn.Parameter(self.base_style.clone())
        if (self.base / "style_encoder.safetensors").exists():  # a restored bundle has none
            encoder = StyleEncoder(torch.ones(len(MADE)))
            load_network(self.base, "style_encoder", encoder)
            self.style = nn.Parameter(stream_style(encoder.eval(), *streams))
        self.before_adapters = copy.deepcopy(self.generator).eval()
        lora = LoraConfig(
            r=finetune.rank, lora_alpha=2 * finetune.rank, target_modules=_ADAPTED, lora_dropout=0.1
        )
        inject_adapter_in_model(lora, self.generator)
        self.networks: Mapping[str, nn.Module] = {
            GENERATOR: self.generator,
            "style": nn.ParameterDict({speaker: self.style}),
        }
        adapters = [value for value in self.generator.parameters() if value.requires_grad]
        self.trainable = sum(value.numel() for value in [*adapters, self.style])
        optimiser = torch.optim.AdamW([*adapters, self.style], finetune.learning_rate)
        self.optimisers = {GENERATOR: optimiser}
        self.carried: dict[str, Tensor] = {}
        self.scales = Scales(streams)
        self.windows = FaceWindows(
            streams,
            rows=finetune.batch,
            frames=_window(finetune, streams, settings.lookahead_frames),
            lookahead_frames=settings.lookahead_frames,
            captured_share=1.0,
        )

    def learning_rate(self, step: int) -> float:
        return self.finetune.learning_rate * (1 - step / self.finetune.steps)

    def loss(self, step: int, rng: np.random.Generator) -> tuple[Tensor, Metrics]:
        batch = self.windows.draw(rng)
        rows, frames = batch.target.shape[:2]
        given = batch.given._replace(style=self.style.expand(rows, frames, -1))
        lips, _, _ = self.generator.move_lips(given, self.generator.initial_states(rows)[0])
        scale, even = self.scales.of(batch.captured), torch.ones(len(MADE))
        return reconstruction(lips, batch, scale, even, self.settings)

    def validate(self, generator: nn.Module) -> Metrics:
        """Nothing: what is held out is scored once, at the end."""
        return {}

    def write(self, checkpoint: Path, generator: nn.Module) -> None:
        """A whole face: the merged generator, and what the base has beside its own."""
        write_networks(checkpoint, {AVERAGED: self.merged()})
        for name in ("style_encoder.safetensors", "critics.safetensors"):
            if (self.base / name).exists():
                shutil.copy(self.base / name, checkpoint / name)
        known = self.base / STYLES_FILE
        styles = read_json(known) if known.exists() else {}
        write_json(checkpoint / STYLES_FILE, styles | {self.speaker: self.style.tolist()})

    def merged(self) -> FaceGenerator:
        """A plain generator with the adapters in its weights."""
        merged = copy.deepcopy(self.generator).eval()
        for parent in list(merged.modules()):
            for name, layer in list(parent.named_children()):
                if isinstance(layer, LoraLayer):
                    layer.merge()
                    setattr(parent, name, layer.get_base_layer())
        return merged.requires_grad_(False)

    def scores(self, streams: list[Stream]) -> dict[str, Any]:
        """Held-out lips by the base in its average style, by style alone, and with adapters."""
        ahead = self.settings.lookahead_frames
        ways = {
            "before": (self.before_adapters, self.base_style),
            "style_only": (self.before_adapters, self.style.detach()),
            "after": (self.merged(), self.style.detach()),
        }
        return {
            name: _scores(generator, streams, style, ahead)
            for name, (generator, style) in ways.items()
        }


def _window(finetune: Finetune, streams: Sequence[Stream], ahead: int) -> int:
    """Frames of a training window: as set, or all of the longest recording if that is shorter.

    Raises:
        SystemExit: not even a second is left.
    """
    longest = max(len(stream.audio) for stream in streams) - ahead - 2
    if longest < FPS:
        raise SystemExit(
            f"Expected recordings of at least a second, the longest has {longest / FPS:.1f} s; "
            "record more, or raise `seconds`."
        )
    lengths = sorted(len(stream.audio) - ahead - 2 for stream in streams)
    return min(finetune.frames, max(lengths[len(lengths) // 10], FPS))


def _scores(
    generator: FaceGenerator, streams: list[Stream], style: Tensor, ahead: int
) -> dict[str, float]:
    played = [play_lips(generator, stream, style, ahead) for stream in streams]
    each = [lip_correlations(*one) for one in played]
    return {
        "jaw_r": float(np.mean([found.get("jawOpen", 0.0) for found in each])),
        "mean_r_moving_lip_channels": float(np.mean([mean_correlation(found) for found in each])),
        "rms_error": float(np.mean([lip_error(*one) for one in played])),
    }


def cut(recordings: list[Recording], seconds: float) -> list[Recording]:
    """The first `seconds` of a person's recordings."""
    kept, left = [], seconds
    for recording in recordings:
        if left <= 0:
            break
        frames = min(len(recording.face), round(left * recording.fps))
        audio = recording.audio
        if audio is not None:
            audio = audio[: round(frames / recording.fps * recording.audio_rate_hz)]
        kept.append(replace(recording, face=recording.face[:frames], audio=audio))
        left -= frames / recording.fps
    return kept


def adapt(
    finetune: Finetune, base: Path, dataset: Path, run: Path, held_out: tuple[str, ...]
) -> dict[str, Any]:
    """Writes an exportable run; returns what was measured on the held-out recordings.

    Raises:
        SystemExit: nothing is left to learn from, or the base has seen what is held out.
    """
    found = read_dataset(dataset)
    seen = read_seen(base)
    if known := sorted({*held_out} & {*seen.recordings}):
        raise SystemExit(
            f"Expected to hold out {', '.join(known)}, but the base run has seen them; "
            "hold out others, or start from another base."
        )
    usable = [each for each in found.recordings if each.audio is not None]
    learnt = cut([each for each in usable if each.name not in held_out], finetune.seconds)
    judged = [each for each in usable if each.name in held_out]
    if not learnt or (held_out and not judged):
        raise SystemExit(
            f"{dataset}: expected recordings with sound to learn from, and those of --held-out; "
            f"found {', '.join(each.name for each in found.recordings)}."
        )
    rng = np.random.default_rng(finetune.seed)
    streams = [
        captured_stream(each, rng, clean=clean, speed=speed)
        for each in learnt
        for speed in finetune.speeds
        for clean in (True, False)
    ]
    speaker = learnt[0].speaker
    adaptation = Adaptation(base, finetune, streams, speaker)
    told = msgspec.to_builtins(finetune) | {"held_out": held_out}
    start_run(run, adaptation.settings, base=base, told=told)
    cards = (*seen.cards, found.card)
    keep_seen(run, Seen(cards, (*seen.recordings, *(each.name for each in learnt))))
    Trainer(adaptation, finetune, run).fit()
    quiet = [captured_stream(each, rng, clean=True) for each in judged]
    report = {
        "speaker": speaker,
        "seconds": sum(each.seconds for each in learnt),
        "trained_parameters": adaptation.trainable,
        "all_parameters": sum(value.numel() for value in adaptation.before_adapters.parameters()),
        "held_out": list(held_out),
        "scores": adaptation.scores(quiet) if quiet else {},
    }
    write_json(run / "finetune.json", report)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description="Moves a trained face to a new person.")
    parser.add_argument("--base", type=Path, required=True, help="a run of training.train_face")
    parser.add_argument("--data", type=Path, required=True, help="the person's data set")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--config", type=Path, help="a TOML file of settings, see Finetune")
    parser.add_argument("--held-out", nargs="*", default=(), help="recordings to measure on")
    parser.add_argument("--seconds", type=float, help="how much of the capture to use")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    finetune = load_config(args.config, Finetune) if args.config else Finetune()
    if args.seconds:
        finetune = msgspec.structs.replace(finetune, seconds=args.seconds)
    report = adapt(finetune, args.base, args.data, args.run, tuple(args.held_out))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
