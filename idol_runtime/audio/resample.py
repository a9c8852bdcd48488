"""Conversion between sample rates."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]


def resample(samples: Samples, rate_hz: int, target_hz: int) -> Samples:
    """Band-limited conversion between sample rates; shape (n,) to about n * target / rate."""
    return np.concatenate([samples[:0], *resample_blocks([samples], rate_hz, target_hz)])


def resample_blocks(blocks: Iterable[Samples], rate_hz: int, target_hz: int) -> Iterator[Samples]:
    """`resample` for sound that comes in blocks of any lengths; memory stays that of a block."""
    if rate_hz == target_hz:
        yield from blocks
        return
    from scipy.signal import resample_poly

    # A limit on the filter's length: the clock of a 30-minute recording is right to 0.1 ms.
    ratio = Fraction(target_hz, rate_hz).limit_denominator(10_000)
    up, down = ratio.numerator, ratio.denominator
    reach = down * -(-10 * max(up, down) // (up * down))  # of the filter, to each side
    step = down * max(1, -(-rate_hz // down))
    held: Samples = np.zeros(reach)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= reach + step + reach:
            made = resample_poly(held[: reach + step + reach], up, down)
            yield made[reach * up // down :][: step * up // down]
            held = held[step:]
    rest = len(held) - reach
    made = resample_poly(np.concatenate([held, np.zeros(reach)]), up, down)
    yield made[reach * up // down :][: -(-rest * up // down)]
