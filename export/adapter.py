"""Exports what `training.train_dialogue` changed of its base: a small file that goes with it.

    python -m export.adapter --run runs/words --base QWEN.gguf --out my_words
    idol models import QWEN.gguf --adapter my_words --name my-mind

`python -m export.dialogue --checkpoint QWEN.gguf --adapter my_words` makes a whole bundle of both.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import load_file, save_file

from export.bundle_folder import new_bundle
from idol_runtime.dialogue.adapted import ADAPTER_FILE, ADAPTER_KIND, AdapterConfig
from idol_runtime.errors import IdolError
from idol_runtime.inference.bundle import sha256_of, write_manifest
from training.checkpoint import checkpoint_of, read_json
from training.dialogue.task import ADAPTER_INFO_FILE
from training.ingest.shipping import read_seen, require_shippable
from training.origin import ORIGIN_FILE
from training.tracking import METRICS_FILE, OBJECTIVE
from training.trainer import GENERATOR


def export_adapter(
    run: Path, base: Path | None, out: Path, *, private: bool = False, force: bool = False
) -> int:
    """Writes the adapter of a run, in float16; returns its size in bytes.

    Args:
        run: Of `training.train_dialogue`.
        base: The GGUF file that it will be added to; without one any file of these shapes is.
        out: The adapter's folder, new.
        private: The weights may have seen data that forbids shipping.
        force: Replaces an adapter that is at `out` already.

    Raises:
        InputError: `out` is in use.
        SystemExit: the run has no checkpoint, or saw data that forbids shipping.
    """
    checkpoint = checkpoint_of(run)
    told = read_json(checkpoint / ADAPTER_INFO_FILE)
    seen = read_seen(run)
    if not private:
        require_shippable(seen.cards)
    tensors = {
        name.replace("/", "."): value.to(torch.float16).contiguous()
        for name, value in load_file(checkpoint / f"{GENERATOR}.safetensors").items()
    }
    config = AdapterConfig(
        "" if base is None else sha256_of(base), told["rank"], told["alpha"] / told["rank"]
    )
    steps = int(checkpoint.name.removeprefix("step_"))
    card: dict[str, Any] = {
        "base": told["base"],
        "origin": read_json(run / ORIGIN_FILE),
        "steps": steps,
        "data": msgspec.to_builtins(seen.cards),
        "validation": _validation(run, steps),
    }
    with new_bundle(out, force=force) as folder:
        save_file(tensors, folder / ADAPTER_FILE)
        (folder / ADAPTER_FILE).chmod(0o644)  # it is made for its owner alone
        write_manifest(
            folder,
            kind=ADAPTER_KIND,
            name=out.name,
            licence="private" if private else "Apache-2.0",
            config=msgspec.to_builtins(config),
            card=card,
        )
        return (folder / ADAPTER_FILE).stat().st_size


def _validation(run: Path, steps: int) -> float | None:
    """Nats a held-out token, of the weights after so many steps: a run's best may be others."""
    logged = map(json.loads, (run / METRICS_FILE).read_text("utf-8").splitlines())
    found = [each[OBJECTIVE] for each in logged if each["step"] == steps - 1 and OBJECTIVE in each]
    return found[-1] if found else None


def merge(model: torch.nn.Module, adapter: Path) -> None:
    """Adds an adapter's changes to a model in float32, independently of the runtime's way."""
    manifest = read_json(adapter / "manifest.json")
    tensors = load_file(adapter / ADAPTER_FILE)
    weights = dict(model.named_parameters())
    with torch.no_grad():
        for name, down in tensors.items():
            if name.endswith("lora_A.weight"):
                up = tensors[name.replace("lora_A", "lora_B")]
                change = manifest["config"]["scale"] * (up.float() @ down.float())
                weights[name.replace("lora_A.weight", "weight")].add_(change)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, type=Path, help="of training.train_dialogue")
    parser.add_argument("--base", type=Path, help="the GGUF file that it is for")
    parser.add_argument("--out", required=True, type=Path, help="the adapter's folder, new")
    parser.add_argument("--private", action="store_true", help="it may have seen any data")
    parser.add_argument("--force", action="store_true", help="replace what is at --out")
    given = parser.parse_args(arguments)
    try:
        size = export_adapter(
            given.run, given.base, given.out, private=given.private, force=given.force
        )
    except IdolError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{given.out}: {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
