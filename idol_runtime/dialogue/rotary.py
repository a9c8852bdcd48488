"""Rotary positions: the tables of a decoder, and the ways to stretch them."""

import math

import numpy as np
from numpy.typing import NDArray

from idol_runtime.dialogue.architecture import MAX_POSITIONS, DecoderConfig


def rotary_tables(
    config: DecoderConfig, *, windowed: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosines and sines, each of shape (min(positions, MAX_POSITIONS), rotated channels / 2).

    Args:
        config: The decoder's.
        windowed: Those of the windowed layers, where they have a base of their own.
    """
    channels = config.rotated_channels
    exponents = np.arange(0, channels, 2, dtype=np.float64) / channels
    has_own_base = windowed and config.windowed_rope_theta > 0
    theta = config.windowed_rope_theta if has_own_base else config.rope_theta
    frequencies = theta**-exponents
    size = 1.0
    if config.rope_scaling is not None and not has_own_base:
        scaling = config.rope_scaling
        divisors = scaling.factors if scaling.kind == "factors" else (scaling.factor,)
        frequencies = frequencies / np.array(divisors, np.float64)
        size = scaling.attention_factor
    positions = np.arange(min(config.positions, MAX_POSITIONS), dtype=np.float64)
    angles = np.outer(positions, frequencies)
    return (size * np.cos(angles)).astype(np.float32), (size * np.sin(angles)).astype(np.float32)


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


def yarn_factors(
    channels: int,
    theta: float,
    *,
    factor: float,
    trained_positions: int,
    beta_fast: float = 32.0,
    beta_slow: float = 1.0,
) -> tuple[float, ...]:
    """Divisors of YaRN's rotary scaling, for half of the rotated `channels`.

    Channels that turn more than `beta_fast` times over the trained positions stay, those that turn
    less than `beta_slow` times stretch by `factor`, with a ramp between them
    (arXiv 2309.00071; `rope_type` "yarn" of Hugging Face configurations).
    """

    def channel_of(turns: float) -> float:
        waves = trained_positions / (turns * 2 * math.pi)
        return channels * math.log(waves) / (2 * math.log(theta))

    low = max(math.floor(channel_of(beta_fast)), 0)
    high = min(math.ceil(channel_of(beta_slow)), channels - 1)
    span = high - low if high != low else 0.001
    stretched = np.clip((np.arange(channels // 2) - low) / span, 0, 1)
    return tuple(float(each) for each in 1.0 / (stretched / factor + (1.0 - stretched)))
