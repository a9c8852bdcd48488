"""What the metadata of a GGUF file says of its decoder."""

import math
from typing import Any, Final

from idol_runtime.dialogue.architecture import (
    FAMILIES,
    MAX_SIZE,
    DecoderConfig,
    Family,
    RopeScaling,
    is_family,
)
from idol_runtime.dialogue.gguf_file import GgufFile
from idol_runtime.dialogue.rotary import yarn_factors
from idol_runtime.errors import InputError

ROPE_FACTORS: Final = "rope_freqs.weight"
LONG_FACTORS: Final = "rope_factors_long.weight"
SHORT_FACTORS: Final = "rope_factors_short.weight"
ROTARY_TENSORS: Final = frozenset({ROPE_FACTORS, LONG_FACTORS, SHORT_FACTORS})
"""Tensors that are numbers of the rotary tables, no weights."""
_GLOBAL_EVERY: Final[dict[Family, int]] = {"gemma2": 2, "gemma3": 6}
"""Of so many layers the last one sees the whole context, the others a window."""
_SCALED_BY_WIDTH: Final[dict[Family, int]] = {"gemma2": 46, "gemma3": 62}
"""Layers of the models whose queries are scaled by hidden / heads instead of the head's size."""
_HAS_WINDOW: Final[tuple[Family, ...]] = ("gemma2", "gemma3", "phi3")


def read_config(file: GgufFile) -> DecoderConfig:
    """The sizes of a decoder and how it differs from a plain one.

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
    theta = file.get(f"{family}.rope.freq_base", float, 10_000.0)
    scaling, positions = _rope_scaling(file, family, rotated, theta)
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
        positions=positions,
        rope_theta=theta,
        rms_eps=file.get(f"{family}.attention.layer_norm_rms_epsilon", float),
        tied="output.weight" not in file.tensors,
        rope_scaling=scaling,
        unrotated=tuple(range(3, min(layers, MAX_SIZE), 4)) if family == "smollm3" else (),
        rotated=0 if rotated == head_dim else rotated,
        **_attention(file, family, min(layers, MAX_SIZE), hidden / max(heads, 1)),
    )


def _attention(file: GgufFile, family: Family, layers: int, width: float) -> dict[str, Any]:
    """What Gemma and Phi do otherwise than a plain decoder."""
    found: dict[str, Any] = {
        "attention_cap": file.get(f"{family}.attn_logit_softcapping", float, 0.0),
        "logit_cap": file.get(f"{family}.final_logit_softcapping", float, 0.0),
    }
    if layers == _SCALED_BY_WIDTH.get(family):
        found["attention_scale"] = 1 / math.sqrt(width)
    window = file.get(f"{family}.attention.sliding_window", int, 0) if family in _HAS_WINDOW else 0
    if window > 0:
        every = file.get(
            f"{family}.attention.sliding_window_pattern", int, _GLOBAL_EVERY.get(family, 0)
        )
        windowed = (each for each in range(layers) if not every or (each + 1) % every)
        found |= {"window": window, "windowed": tuple(windowed)}
        if family == "gemma3":
            key = f"{family}.rope.freq_base_swa"
            found["windowed_rope_theta"] = file.get(key, float, 10_000.0)
    return found


def _rope_scaling(
    file: GgufFile, family: Family, rotated: int, theta: float
) -> tuple[RopeScaling | None, int]:
    """How positions are stretched, and how many there are."""
    positions = file.get(f"{family}.context_length", int)
    at = f"{family}.rope.scaling"
    kind = file.get(f"{at}.type", str, "none")
    trained = file.get(f"{at}.original_context_length", int, positions)
    factor = file.get(f"{at}.factor", float, 1.0)
    if SHORT_FACTORS in file.tensors:
        # The other factors are for longer contexts, and would be worse for ours.
        size = file.get(f"{at}.attn_factor", float, 1.0)
        return RopeScaling(
            "factors", factors=_numbers(file, SHORT_FACTORS), attention_factor=size
        ), min(positions, trained)
    if ROPE_FACTORS in file.tensors:
        return RopeScaling("factors", factors=_numbers(file, ROPE_FACTORS)), positions
    if kind == "linear":
        return RopeScaling("linear", factor), positions
    if kind == "yarn":
        factors = yarn_factors(
            rotated,
            theta,
            factor=factor,
            trained_positions=trained,
            beta_fast=file.get(f"{at}.yarn_beta_fast", float, 32.0),
            beta_slow=file.get(f"{at}.yarn_beta_slow", float, 1.0),
        )
        size = file.get(f"{at}.attn_factor", float, 1.0) * (0.1 * math.log(max(factor, 1)) + 1)
        return RopeScaling("factors", factors=factors, attention_factor=size), positions
    if kind not in ("none", "longrope"):
        raise InputError(
            f"{file.path}: expected rotary scaling none, linear, yarn, longrope or Llama 3.1's, "
            f"found `{kind}`; choose a model without it."
        )
    return None, positions


def _numbers(file: GgufFile, name: str) -> tuple[float, ...]:
    return tuple(float(value) for value in file.values(name).reshape(-1))
