"""How the learning rate goes through a run."""

import math

WARM_UP_STEPS = 50
FLOOR = 0.03


def learning_rate_share(step: int, steps: int) -> float:
    """The share of the highest rate, in (0, 1]: a linear warm-up, then a cosine to 3 %."""
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    falling = 0.5 * (1 + math.cos(math.pi * min(step / steps, 1)))
    return warm * (FLOOR + (1 - FLOOR) * falling)
