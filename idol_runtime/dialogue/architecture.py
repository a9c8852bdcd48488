"""What a decoder-only language model of the Llama, Qwen, Gemma or Phi families is made of.

Tensors carry the names of the Hugging Face checkpoints, whatever file they come from.
"""

import math
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias, TypeGuard, get_args

import msgspec

from idol_runtime.errors import InputError

Family: TypeAlias = Literal[
    "llama", "qwen2", "qwen3", "smollm3", "gemma", "gemma2", "gemma3", "phi3"
]
FAMILIES: tuple[Family, ...] = get_args(Family)
CHECKPOINT_FAMILIES: tuple[Family, ...] = ("llama", "qwen2", "qwen3", "smollm3")
"""Whose Hugging Face checkpoints are exported; the others come as GGUF files, which have the
weights as they are used: Gemma's norms with one added, Phi's with its rotary factors."""
_GEMMAS: Final = ("gemma", "gemma2", "gemma3")
MAX_POSITIONS = 32_768
"""The rotary tables reach no further; a longer context is cut to this."""
MAX_SIZE = 1 << 20
"""No layer count or width is larger; damage in a file often is."""


LayerNorm: TypeAlias = Literal[
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
]


class RopeScaling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How rotary frequencies are stretched beyond the context a model was trained with."""

    kind: Literal["linear", "factors"]
    factor: float = 1.0
    """`linear`: every frequency is divided by it."""
    factors: tuple[float, ...] = ()
    """`factors`: one divisor for each of the frequencies, half as many as channels are rotated."""
    attention_factor: float = 1.0
    """Cosines and sines are multiplied by it, as YaRN and LongRoPE have it."""


class DecoderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sizes of a decoder. The hidden size need not be heads * head_dim."""

    family: Family
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    positions: int
    """Longest context in tokens."""
    rope_theta: float
    rms_eps: float
    tied: bool
    """The head shares the embedding's weights."""
    rope_scaling: RopeScaling | None = None
    unrotated: tuple[int, ...] = ()
    """Layers whose attention knows no positions."""
    rotated: int = 0
    """The first channels of a head that are rotated; 0 for all."""
    window: int = 0
    """Positions that a windowed layer sees, its own among them; 0 for all."""
    windowed: tuple[int, ...] = ()
    """Layers whose attention sees the window alone."""
    windowed_rope_theta: float = 0.0
    """Of the windowed layers, which then know no scaling; 0 for that of the others."""
    attention_scale: float = 0.0
    """What queries times keys are multiplied by; 0 for 1 / sqrt(head_dim)."""
    attention_cap: float = 0.0
    """Attention scores are bent to stay within it; 0 for none."""
    logit_cap: float = 0.0
    """The same for logits."""

    @property
    def normalizes_heads(self) -> bool:
        """Each head's query and key are normalised before they are rotated."""
        return self.family in ("qwen3", "gemma3")

    @property
    def normalizes_outputs(self) -> bool:
        """What attention and feed-forward give is normalised before it is added."""
        return self.family in ("gemma2", "gemma3")

    @property
    def gate(self) -> Literal["silu", "gelu"]:
        """The activation of the feed-forward gate; `gelu` by its tanh approximation."""
        return "gelu" if self.family in _GEMMAS else "silu"

    @property
    def embedding_scale(self) -> float:
        return math.sqrt(self.hidden) if self.family in _GEMMAS else 1.0

    @property
    def rotated_channels(self) -> int:
        return self.rotated or self.head_dim

    def norms_of_layer(self) -> tuple[LayerNorm, ...]:
        """In the order in which they are used."""
        if self.normalizes_outputs:
            return (
                "input_layernorm",
                "post_attention_layernorm",
                "pre_feedforward_layernorm",
                "post_feedforward_layernorm",
            )
        return ("input_layernorm", "post_attention_layernorm")

    def __post_init__(self) -> None:
        sizes = (self.layers, self.hidden, self.heads, self.kv_heads, self.head_dim, self.ffn)
        if (
            min(*sizes, self.vocab, self.positions) < 1
            or max(sizes) > MAX_SIZE
            or self.heads % self.kv_heads
            or not (0 < self.rope_theta < math.inf and 0 <= self.rms_eps < math.inf)
        ):
            raise InputError(
                "Expected positive sizes and a number of heads that is a multiple of the KV heads, "
                f"found {self.layers} layers of {self.hidden}, {self.heads} and {self.kv_heads} "
                f"heads of {self.head_dim}; this file does not describe a decoder."
            )
        if self.head_dim % 16:
            raise InputError(
                f"Expected a head size that is a multiple of 16, found {self.head_dim}; "
                "the attention kernel cannot rotate it."
            )
        if self.rotated % 16 or self.rotated > self.head_dim:
            raise InputError(
                f"Expected rotated channels in sixteens, at most {self.head_dim}, found "
                f"{self.rotated}; the attention kernel cannot rotate them."
            )
        if self.rope_scaling is not None and self.rope_scaling.kind == "factors":
            found, wanted = len(self.rope_scaling.factors), self.rotated_channels // 2
            if found != wanted:
                raise InputError(
                    f"Expected {wanted} rotary factors, found {found}; the file is damaged."
                )


def is_family(name: str) -> TypeGuard[Family]:
    return name in FAMILIES


EMBEDDING = "model.embed_tokens.weight"
FINAL_NORM = "model.norm.weight"
HEAD = "lm_head.weight"
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def projection(layer: int, name: str, part: str = "weight") -> str:
    """The tensor of a projection: `q_proj` ... `down_proj`, `weight` or `bias`."""
    block = "mlp" if name in ("gate_proj", "up_proj", "down_proj") else "self_attn"
    return f"model.layers.{layer}.{block}.{name}.{part}"


def head_norm(layer: int, name: Literal["q_norm", "k_norm"]) -> str:
    return f"model.layers.{layer}.self_attn.{name}.weight"


def norm(layer: int, name: LayerNorm) -> str:
    return f"model.layers.{layer}.{name}.weight"


def tensor_shapes(config: DecoderConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every tensor a model must have, with its shape; biases come on top where a file has them."""
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    rows_columns = {
        "q_proj": (queries, config.hidden),
        "k_proj": (keys, config.hidden),
        "v_proj": (keys, config.hidden),
        "o_proj": (config.hidden, queries),
        "gate_proj": (config.ffn, config.hidden),
        "up_proj": (config.ffn, config.hidden),
        "down_proj": (config.hidden, config.ffn),
    }
    yield EMBEDDING, (config.vocab, config.hidden)
    for layer in range(config.layers):
        for each in config.norms_of_layer():
            yield norm(layer, each), (config.hidden,)
        for name, shape in rows_columns.items():
            yield projection(layer, name), shape
        if config.normalizes_heads:
            yield head_norm(layer, "q_norm"), (config.head_dim,)
            yield head_norm(layer, "k_norm"), (config.head_dim,)
    yield FINAL_NORM, (config.hidden,)
    if not config.tied:
        yield HEAD, (config.vocab, config.hidden)


def check_tensors(config: DecoderConfig, shapes: dict[str, tuple[int, ...]]) -> None:
    """Compares what a file holds with what the decoder needs.

    Raises:
        InputError: a tensor is missing, has another shape, or is one the decoder would ignore.
    """
    if config.layers > len(shapes):
        raise InputError(
            f"Expected the tensors of {config.layers} layers, found {len(shapes)} tensors; the "
            "file is damaged."
        )
    expected = dict(tensor_shapes(config))
    for name, shape in expected.items():
        if shapes.get(name) != shape:
            raise InputError(
                f"Expected a tensor {name} of shape {shape}, found {shapes.get(name, 'none')}; "
                f"the file is damaged or not of the {config.family} family."
            )
    biases = {
        projection(layer, name, "bias") for layer in range(config.layers) for name in PROJECTIONS
    }
    unknown = sorted(shapes.keys() - expected.keys() - biases)
    if unknown:
        raise InputError(
            f"Expected only the tensors of a plain {config.family} decoder, found also {unknown[0]}"
            f"{f' and {len(unknown) - 1} more' if len(unknown) > 1 else ''}; "
            "this architecture is not supported."
        )
