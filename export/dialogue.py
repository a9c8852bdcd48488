"""Exports a Llama- or Qwen-family chat model to a dialogue bundle and shows how exact it is.

    python -m export.dialogue --checkpoint DIR_OR_HUB_NAME --out DIR [--weights int8|fp32]
    python -m export.dialogue --checkpoint MODEL.gguf --out DIR [--weights int8|exact|fp32]
        [--adapter DIR]

The graph comes from the same builder as `idol models import`. A GGUF file is imported as a user's
would be, and compared with what transformers makes of the same file.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from export.adapter import merge
from export.bundle_folder import check_place, new_bundle
from export.dialogue_parity import LogitsParity, greedy_reply, measure
from idol_runtime.dialogue.architecture import (
    CHECKPOINT_FAMILIES,
    HEAD,
    DecoderConfig,
    RopeScaling,
    is_family,
)
from idol_runtime.dialogue.blocks import Blocks
from idol_runtime.dialogue.chat import ChatTokenizer, open_chat
from idol_runtime.dialogue.config import (
    CHAT_TEMPLATE_FILE,
    ENGINE,
    TOKENIZER_FILE,
    DialogueConfig,
    read_config,
)
from idol_runtime.dialogue.graph import Activations, build_decoder
from idol_runtime.dialogue.importer import import_gguf
from idol_runtime.dialogue.matrices import Weights
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.dialogue.rotary import llama3_factors
from idol_runtime.errors import IdolError, InputError
from idol_runtime.inference.bundle import open_bundle, write_manifest

PARITY_PROMPTS = (
    ("You are Mira, a cheerful innkeeper.", "Do you have a room for the night?"),
    ("You are Rourke, a gruff old pirate.", "Have you seen a red ship pass by today?"),
    ("You are Hoshi, a virtual singer.", "Hoshi! What song will you sing tonight?"),
    ("You are Bram, a tired blacksmith.", "What is the best sword you ever made?"),
    ("You are the Oracle of the Moon. You speak in riddles.", "Will I find the lost crown?"),
)
"""Personas and questions. Parity is measured on torch's own greedy replies to them."""

PARITY_TOKENS = 64


class CheckpointWeights:
    """A `WeightSource` over a Hugging Face model held in memory."""

    def __init__(self, model: Any) -> None:
        self.config = decoder_config(model.config)
        tensors: Mapping[str, torch.Tensor] = model.state_dict()
        self._tensors = {
            name: tensor
            for name, tensor in tensors.items()
            if not (name == HEAD and self.config.tied) and not name.endswith(".inv_freq")
        }
        self.shapes = {name: tuple(tensor.shape) for name, tensor in self._tensors.items()}

    def kind(self, name: str) -> str:
        return "F32"

    def dense(self, name: str, rows: slice = slice(None)) -> NDArray[np.float32]:
        values: NDArray[np.float32] = self._tensors[name][rows].float().numpy()
        return values

    def blocks(self, name: str, rows: slice = slice(None)) -> Blocks:
        raise ValueError(f"{name}: a checkpoint has no blocks")


def decoder_config(config: Any) -> DecoderConfig:
    """Our sizes of a Hugging Face configuration.

    Raises:
        InputError: another architecture, or a feature of it that is not supported.
    """
    family = config.model_type
    if not is_family(family) or family not in CHECKPOINT_FAMILIES:
        raise InputError(
            f"Expected a checkpoint of the families {', '.join(CHECKPOINT_FAMILIES)}, found "
            f"`{family}`; choose another model."
        )
    if getattr(config, "use_sliding_window", False):
        raise InputError("Expected attention over the whole context, found a sliding window.")
    if config.hidden_act != "silu":
        raise InputError(f"Expected the activation silu, found {config.hidden_act}.")
    rope: dict[str, Any] = dict(getattr(config, "rope_parameters", None) or {})
    rope |= getattr(config, "rope_scaling", None) or {}
    theta = float(rope.get("rope_theta", getattr(config, "rope_theta", 10_000.0)))
    head_dim = getattr(config, "head_dim", None) or (
        config.hidden_size // config.num_attention_heads
    )
    return DecoderConfig(
        family=family,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_dim=head_dim,
        ffn=config.intermediate_size,
        vocab=config.vocab_size,
        positions=config.max_position_embeddings,
        rope_theta=theta,
        rms_eps=config.rms_norm_eps,
        tied=bool(config.tie_word_embeddings),
        rope_scaling=_rope_scaling(rope, head_dim, theta),
        unrotated=tuple(
            layer
            for layer, is_rotated in enumerate(getattr(config, "no_rope_layers", None) or ())
            if not is_rotated
        ),
    )


def _rope_scaling(rope: Mapping[str, Any], head_dim: int, theta: float) -> RopeScaling | None:
    kind = rope.get("rope_type", rope.get("type", "default"))
    match kind:
        case "default":
            return None
        case "linear":
            return RopeScaling("linear", float(rope["factor"]))
        case "llama3":
            factors = llama3_factors(
                head_dim,
                theta,
                factor=rope["factor"],
                low_freq_factor=rope["low_freq_factor"],
                high_freq_factor=rope["high_freq_factor"],
                trained_positions=rope["original_max_position_embeddings"],
            )
            return RopeScaling("factors", factors=factors)
    raise InputError(
        f"Expected rotary scaling default, linear or llama3, found `{kind}`; choose another model."
    )


def export_checkpoint(
    checkpoint: str,
    out: Path,
    *,
    weights: Weights = "int8",
    activations: Activations = "float32",
    licence: str = "unknown",
    force: bool = False,
) -> LogitsParity | None:
    """Writes the bundle `out` from a Hugging Face folder or hub name; returns its parity.

    Raises:
        InputError: an unsupported model, one without a chat template, or `out` is in use.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    check_place(out, force=force)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    if not tokenizer.chat_template or not tokenizer.is_fast:
        raise InputError(
            f"{checkpoint}: expected a chat model with a chat template and a fast tokenizer; "
            "choose the instruct version of it."
        )
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    source = CheckpointWeights(model)
    config = DialogueConfig(
        decoder=source.config,
        activations=activations,
        bos_id=tokenizer.bos_token_id,
        eos_id=tokenizer.eos_token_id,
        end_ids=_end_ids(model, tokenizer),
        adds_bos=bool(getattr(tokenizer, "add_bos_token", False)),
    )
    with new_bundle(out, force=force) as folder:
        tokenizer.backend_tokenizer.save(str(folder / TOKENIZER_FILE))
        (folder / CHAT_TEMPLATE_FILE).write_text(tokenizer.chat_template, encoding="utf-8")
        stored = build_decoder(source, folder, weights=weights, activations=activations)
        parity = None
        if activations == "float32":
            parity = measure(
                model, folder, source.config, parity_texts(model, open_chat(folder, config))
            )
        card = {
            "made_from": {"checkpoint": Path(checkpoint).name},
            "weights": weights,
            "matrices": stored,
            "parity": parity and asdict(parity),
        }
        write_manifest(
            folder,
            kind="dialogue",
            name=out.name,
            licence=licence,
            config=config.plain(),
            card=card,
            engine=ENGINE,
        )
    return parity


def export_gguf(
    file: Path,
    out: Path,
    *,
    weights: Weights = "int8",
    activations: Activations = "float32",
    adapter: Path | None = None,
    force: bool = False,
) -> LogitsParity | None:
    """Imports a GGUF file, with the changes of `export.adapter` or without, and compares the bundle
    with transformers' reading of the same file.
    """
    with new_bundle(out, force=force) as folder:
        return _export_gguf(file, folder, out.name, weights, activations, adapter)


def _export_gguf(
    file: Path,
    out: Path,
    name: str,
    weights: Weights,
    activations: Activations,
    adapter: Path | None,
) -> LogitsParity | None:
    import_gguf(file, out, name=name, weights=weights, activations=activations, adapter=adapter)
    if activations == "float16":
        return None
    bundle = open_bundle(out, "dialogue")
    config, manifest = read_config(bundle), bundle.manifest
    model = torch_from_gguf(file)
    if adapter is not None:
        merge(model, adapter)
    parity = measure(model, out, config.decoder, parity_texts(model, open_chat(out, config)))
    write_manifest(
        out,
        kind="dialogue",
        name=manifest.name,
        licence=manifest.licence,
        config=manifest.config,
        card={**manifest.card, "parity": asdict(parity)},
        engine=manifest.engine,
    )
    return parity


def torch_from_gguf(file: Path) -> torch.nn.Module:
    """The model of a GGUF file with its weights dequantised to float32, read by transformers."""
    from transformers import AutoModelForCausalLM, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
    )
    return cast("torch.nn.Module", model.eval())


def _end_ids(model: Any, tokenizer: Any) -> list[int]:
    ends = model.generation_config.eos_token_id
    ids = {*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id}
    added = tokenizer.backend_tokenizer.get_added_tokens_decoder()
    ids |= {index for index, token in added.items() if token.special}
    return sorted(index for index in ids if index is not None)


def parity_texts(model: torch.nn.Module, chat: ChatTokenizer) -> list[tuple[list[int], list[int]]]:
    """Prompts and torch's greedy replies, as token ids."""
    texts = []
    for persona, question in PARITY_PROMPTS:
        prompt = chat.encode([ChatMessage("system", persona), ChatMessage("user", question)])
        texts.append((prompt, greedy_reply(model, prompt, PARITY_TOKENS)))
    return texts


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", required=True, help="a folder, a hub name or a .gguf file")
    parser.add_argument("--out", required=True, type=Path, help="the bundle's folder, new")
    parser.add_argument(
        "--force", action="store_true", help="replace the bundle that is at --out already"
    )
    parser.add_argument(
        "--adapter", type=Path, help="what export.adapter wrote, to add to a .gguf file"
    )
    parser.add_argument("--weights", default="int8", choices=get_args(Weights))
    parser.add_argument("--float16", action="store_true", help="activations for CUDA; no parity")
    parser.add_argument("--licence", default="unknown", help="of the weights, for the manifest")
    given = parser.parse_args(arguments)
    activations: Activations = "float16" if given.float16 else "float32"
    print(f"{given.checkpoint}: writing the graph, then comparing it", file=sys.stderr, flush=True)
    try:
        if given.checkpoint.endswith(".gguf"):
            parity = export_gguf(
                Path(given.checkpoint),
                given.out,
                weights=given.weights,
                activations=activations,
                adapter=given.adapter,
                force=given.force,
            )
        else:
            parity = export_checkpoint(
                given.checkpoint,
                given.out,
                weights=given.weights,
                activations=activations,
                licence=given.licence,
                force=given.force,
            )
    except IdolError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{given.out}: {parity or 'not compared: float16 needs CUDA'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
