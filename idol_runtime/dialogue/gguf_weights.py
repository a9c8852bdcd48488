"""A GGUF file as the description of a decoder and a `WeightSource`."""

import numpy as np
from numpy.typing import NDArray

from idol_runtime.dialogue.architecture import (
    EMBEDDING,
    FAMILIES,
    FINAL_NORM,
    HEAD,
    MAX_SIZE,
    DecoderConfig,
    RopeScaling,
    head_norm,
    is_family,
    norm,
    projection,
)
from idol_runtime.dialogue.blocks import TRANSCODABLE, Blocks, transcode
from idol_runtime.dialogue.gguf_file import GgufFile
from idol_runtime.errors import InputError

_PROJECTIONS = {
    "attn_q": "q_proj",
    "attn_k": "k_proj",
    "attn_v": "v_proj",
    "attn_output": "o_proj",
    "ffn_gate": "gate_proj",
    "ffn_up": "up_proj",
    "ffn_down": "down_proj",
}
_ROPE_FACTORS = "rope_freqs.weight"


def read_config(file: GgufFile) -> DecoderConfig:
    """What the metadata says of the decoder.

    Raises:
        InputError: another architecture, or a feature of it that is not supported.
    """
    family = file.get("general.architecture", str)
    if not is_family(family):
        raise InputError(
            f"{file.path}: expected a model of the families {' or '.join(FAMILIES)}, found "
            f"`{family}`; choose a model that llama.cpp loads as one of these."
        )
    if file.get(f"{family}.expert_count", int, 0) > 0:
        raise InputError(
            f"{file.path}: expected a dense model, found a mixture of experts; choose another."
        )
    layers = file.get(f"{family}.block_count", int)
    heads = file.get(f"{family}.attention.head_count", int)
    hidden = file.get(f"{family}.embedding_length", int)
    head_dim = file.get(f"{family}.attention.key_length", int, hidden // max(heads, 1))
    rotated = file.get(f"{family}.rope.dimension_count", int, head_dim)
    if rotated != head_dim:
        raise InputError(
            f"{file.path}: expected rotary positions over all {head_dim} channels of a head, "
            f"found {rotated}; partial rotation is not supported."
        )
    return DecoderConfig(
        family=family,
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=file.get(f"{family}.attention.head_count_kv", int, heads),
        head_dim=head_dim,
        ffn=file.get(f"{family}.feed_forward_length", int),
        vocab=file.tensors["token_embd.weight"].shape[0]
        if "token_embd.weight" in file.tensors
        else 0,
        positions=file.get(f"{family}.context_length", int),
        rope_theta=file.get(f"{family}.rope.freq_base", float, 10_000.0),
        rms_eps=file.get(f"{family}.attention.layer_norm_rms_epsilon", float),
        tied="output.weight" not in file.tensors,
        rope_scaling=_rope_scaling(file, family),
        unrotated=tuple(range(3, min(layers, MAX_SIZE), 4)) if family == "smollm3" else (),
    )


def _rope_scaling(file: GgufFile, family: str) -> RopeScaling | None:
    if _ROPE_FACTORS in file.tensors:
        factors = file.values(_ROPE_FACTORS).reshape(-1)
        return RopeScaling("factors", factors=tuple(float(value) for value in factors))
    kind = file.get(f"{family}.rope.scaling.type", str, "none")
    if kind == "linear":
        return RopeScaling("linear", file.get(f"{family}.rope.scaling.factor", float, 1.0))
    if kind != "none":
        raise InputError(
            f"{file.path}: expected rotary scaling none, linear or Llama 3.1's, found `{kind}`; "
            "choose a model without it."
        )
    return None


class GgufWeights:
    """A `WeightSource` over a GGUF file."""

    def __init__(self, file: GgufFile) -> None:
        self.file = file
        self.config = read_config(file)
        self._names = {
            ours: theirs
            for theirs in file.tensors
            if theirs != _ROPE_FACTORS and (ours := _our_name(theirs))
        }
        self.shapes = {ours: file.tensors[theirs].shape for ours, theirs in self._names.items()}

    def kind(self, name: str) -> str:
        return self.file.tensors[self._names[name]].kind

    def dense(self, name: str, rows: slice = slice(None)) -> NDArray[np.float32]:
        return self.file.values(self._names[name], self._order(name, rows))

    def blocks(self, name: str, rows: slice = slice(None)) -> Blocks:
        if (kind := self.kind(name)) not in TRANSCODABLE:
            raise ValueError(f"{name}: {kind} has no blocks")
        return transcode(kind, self.file.raw(self._names[name], self._order(name, rows)))

    def _order(self, name: str, rows: slice) -> slice | NDArray[np.int64]:
        """Which rows of the file `rows` are.

        Files of the architectures llama and smollm3 hold the rows of Q and K in pairs
        (i, i + head_dim / 2), for a rotation of neighbours; we rotate halves, as Hugging Face does.
        Qwen files are as ours.
        """
        if self.config.family not in ("llama", "smollm3") or ".self_attn." not in name:
            return rows
        if ".q_proj." not in name and ".k_proj." not in name:
            return rows
        pairs = np.arange(self.shapes[name][0]).reshape(-1, self.config.head_dim // 2, 2)
        return pairs.swapaxes(1, 2).reshape(-1)[rows]


def _our_name(theirs: str) -> str:
    """The Hugging Face name of a GGUF tensor; an unknown one keeps its own and is refused later."""
    match theirs.split("."):
        case ["token_embd", "weight"]:
            return EMBEDDING
        case ["output_norm", "weight"]:
            return FINAL_NORM
        case ["output", "weight"]:
            return HEAD
        case ["blk", layer, "attn_norm", "weight"]:
            return norm(int(layer), "input_layernorm")
        case ["blk", layer, "ffn_norm", "weight"]:
            return norm(int(layer), "post_attention_layernorm")
        case ["blk", layer, "attn_q_norm", "weight"]:
            return head_norm(int(layer), "q_norm")
        case ["blk", layer, "attn_k_norm", "weight"]:
            return head_norm(int(layer), "k_norm")
        case ["blk", layer, name, ("weight" | "bias") as part] if name in _PROJECTIONS:
            return projection(int(layer), _PROJECTIONS[name], part)
    return theirs
