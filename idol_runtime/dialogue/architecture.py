"""What a decoder-only language model of the Llama or Qwen families is made of.

Tensors carry the names of the Hugging Face checkpoints, whatever file they come from.
"""

import math
from collections.abc import Iterator
from typing import Literal, TypeAlias, TypeGuard, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from idol_runtime.errors import InputError

Family: TypeAlias = Literal["llama", "qwen2", "qwen3", "smollm3"]
FAMILIES: tuple[Family, ...] = get_args(Family)
MAX_POSITIONS = 32_768
"""The rotary tables reach no further; a longer context is cut to this."""


MAX_SIZE = 1 << 20
"""No layer count or width is larger; damage in a file often is."""


class RopeScaling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How rotary frequencies are stretched beyond the context a model was trained with."""

    kind: Literal["linear", "factors"]
    factor: float = 1.0
    """`linear`: every frequency is divided by it."""
    factors: tuple[float, ...] = ()
    """`factors`: one divisor for each of the head_dim / 2 frequencies, as Llama 3.1 uses them."""


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

    @property
    def normalizes_heads(self) -> bool:
        """Each head's query and key are normalised before they are rotated."""
        return self.family == "qwen3"

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
        if self.rope_scaling is not None and self.rope_scaling.kind == "factors":
            found = len(self.rope_scaling.factors)
            if found != self.head_dim // 2:
                raise InputError(
                    f"Expected {self.head_dim // 2} rotary factors, found {found}; the file is "
                    "damaged."
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


def norm(layer: int, name: Literal["input_layernorm", "post_attention_layernorm"]) -> str:
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
        yield norm(layer, "input_layernorm"), (config.hidden,)
        yield norm(layer, "post_attention_layernorm"), (config.hidden,)
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


def rotary_tables(
    config: DecoderConfig,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosines and sines, each of shape (min(positions, MAX_POSITIONS), head_dim / 2)."""
    exponents = np.arange(0, config.head_dim, 2, dtype=np.float64) / config.head_dim
    frequencies = config.rope_theta**-exponents
    if config.rope_scaling is not None:
        scaling = config.rope_scaling
        divisors = scaling.factors if scaling.kind == "factors" else (scaling.factor,)
        frequencies = frequencies / np.array(divisors, np.float64)
    positions = np.arange(min(config.positions, MAX_POSITIONS), dtype=np.float64)
    angles = np.outer(positions, frequencies)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def llama3_factors(
    head_dim: int,
    theta: float,
    *,
    factor: float,
    low_freq_factor: float,
    high_freq_factor: float,
    trained_positions: int,
) -> tuple[float, ...]:
    """Divisors of Llama 3.1's rotary scaling: short waves stay, long ones stretch by `factor`.

    Between the two wavelength limits the reciprocal divisor is blended linearly
    (Llama 3.1 model card; `rope_type` "llama3" of Hugging Face configurations).
    """
    waves = 2 * np.pi * theta ** (np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
    blend = (trained_positions / waves - low_freq_factor) / (high_freq_factor - low_freq_factor)
    blend = np.clip(blend, 0.0, 1.0)
    return tuple(float(value) for value in 1.0 / ((1.0 - blend) / factor + blend))
