"""A GGUF file as a `WeightSource`."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from idol_runtime.dialogue.architecture import (
    EMBEDDING,
    FINAL_NORM,
    HEAD,
    DecoderConfig,
    LayerNorm,
    head_norm,
    norm,
    projection,
)
from idol_runtime.dialogue.blocks import TRANSCODABLE, Blocks, transcode
from idol_runtime.dialogue.gguf_config import ROTARY_TENSORS, read_config
from idol_runtime.dialogue.gguf_file import GgufFile

_PROJECTIONS: Final = {
    "attn_q": "q_proj",
    "attn_k": "k_proj",
    "attn_v": "v_proj",
    "attn_output": "o_proj",
    "ffn_gate": "gate_proj",
    "ffn_up": "up_proj",
    "ffn_down": "down_proj",
}
_NORMS: Final[dict[str, LayerNorm]] = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_NORMS_WITH_OUTPUTS: Final[dict[str, LayerNorm]] = {
    "attn_norm": "input_layernorm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
"""Where what attention and feed-forward give is normalised, too."""


class _TensorRows(NamedTuple):
    """Where a tensor of ours is: rows of one of the file's."""

    name: str
    start: int
    rows: int


class GgufWeights:
    """A `WeightSource` over a GGUF file."""

    def __init__(self, file: GgufFile) -> None:
        self.file = file
        self.config = read_config(file)
        self._places = {
            ours: place
            for theirs in file.tensors
            if theirs not in ROTARY_TENSORS
            for ours, place in self._parts(theirs)
        }
        self.shapes = {
            ours: (place.rows, *file.tensors[place.name].shape[1:])
            for ours, place in self._places.items()
        }

    def kind(self, name: str) -> str:
        return self.file.tensors[self._places[name].name].kind

    def dense(self, name: str, rows: slice = slice(None)) -> NDArray[np.float32]:
        return self.file.values(self._places[name].name, self._order(name, rows))

    def blocks(self, name: str, rows: slice = slice(None)) -> Blocks:
        if (kind := self.kind(name)) not in TRANSCODABLE:
            raise ValueError(f"{name}: {kind} has no blocks")
        return transcode(kind, self.file.raw(self._places[name].name, self._order(name, rows)))

    def _parts(self, theirs: str) -> list[tuple[str, _TensorRows]]:
        """What a tensor of the file is for us; Phi's files have some matrices in one."""
        rows = self.file.tensors[theirs].shape[0]
        names = _fused(theirs, self.config)
        sizes = [size for _, size in names]
        if not names or sum(sizes) != rows:
            return [(_our_name(theirs, self.config), _TensorRows(theirs, 0, rows))]
        starts = np.cumsum([0, *sizes[:-1]]).tolist()
        return [
            (ours, _TensorRows(theirs, start, size))
            for (ours, size), start in zip(names, starts, strict=True)
        ]

    def _order(self, name: str, rows: slice) -> slice | NDArray[np.int64]:
        """Which rows of the file `rows` are.

        Files of the architectures llama and smollm3 hold the rows of Q and K in pairs
        (i, i + head_dim / 2), for a rotation of neighbours; we rotate halves, as Hugging Face does.
        The others are as ours.
        """
        place = self._places[name]
        start, stop, _ = rows.indices(place.rows)
        plain = slice(place.start + start, place.start + stop)
        if self.config.family not in ("llama", "smollm3") or ".self_attn." not in name:
            return plain
        if ".q_proj." not in name and ".k_proj." not in name:
            return plain
        pairs = np.arange(self.shapes[name][0]).reshape(-1, self.config.head_dim // 2, 2)
        return pairs.swapaxes(1, 2).reshape(-1)[rows]


def _fused(theirs: str, config: DecoderConfig) -> list[tuple[str, int]]:
    """The matrices that lie below one another in one of the file's, with their rows."""
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    match theirs.split("."):
        case ["blk", layer, "attn_qkv", ("weight" | "bias") as part]:
            sizes = {"q_proj": queries, "k_proj": keys, "v_proj": keys}
            return [(projection(int(layer), name, part), size) for name, size in sizes.items()]
        case ["blk", layer, "ffn_up", "weight"] if config.family == "phi3":
            names = ("gate_proj", "up_proj")
            return [(projection(int(layer), name), config.ffn) for name in names]
    return []


def _our_name(theirs: str, config: DecoderConfig) -> str:
    """The Hugging Face name of a GGUF tensor; an unknown one keeps its own and is refused later."""
    norms = _NORMS_WITH_OUTPUTS if config.normalizes_outputs else _NORMS
    match theirs.split("."):
        case ["token_embd", "weight"]:
            return EMBEDDING
        case ["output_norm", "weight"]:
            return FINAL_NORM
        case ["output", "weight"]:
            return HEAD
        case ["blk", layer, name, "weight"] if name in norms:
            return norm(int(layer), norms[name])
        case ["blk", layer, "attn_q_norm", "weight"]:
            return head_norm(int(layer), "q_norm")
        case ["blk", layer, "attn_k_norm", "weight"]:
            return head_norm(int(layer), "k_norm")
        case ["blk", layer, name, ("weight" | "bias") as part] if name in _PROJECTIONS:
            return projection(int(layer), _PROJECTIONS[name], part)
    return theirs
