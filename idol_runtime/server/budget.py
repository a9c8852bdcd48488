"""What a client may ask for in a while, and what each thing costs."""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from idol_protocol import client_events as ask
from idol_protocol.client_events import ClientEvent

REFUSED_COST: Final = 2.0
"""Of a message that cannot be read; the sentence that says so is longer than most answers."""
FRAME_COST: Final = 0.5
"""Of a frame that carries no whole message: a ping, a pong, a fragment."""
BYTES_PER_UNIT: Final = 4096
COSTS: Final[Mapping[type[ClientEvent], float]] = MappingProxyType(
    {
        ask.ResponseCreate: 200.0,
        ask.ResponseCancel: 5.0,
        ask.IdolResume: 10.0,
        ask.IdolMemoryErase: 50.0,
        ask.IdolMemorySet: 10.0,
        ask.IdolMemoryList: 5.0,
        ask.IdolStreamsConfigure: 4.0,
        ask.IdolGestureCreate: 4.0,
        ask.SessionUpdate: 2.0,
        ask.ConversationItemCreate: 2.0,
    }
)
"""In clock pings, by the time each takes in the event loop or in the models; others cost one."""


def cost_of(event: ClientEvent | None, size: int) -> float:
    """What a message costs of so many bytes, which None says was no event."""
    kind = REFUSED_COST if event is None else COSTS.get(type(event), 1.0)
    return kind + size / BYTES_PER_UNIT


class Budget:
    """Fills steadily up to a brim; can be overdrawn once, then nothing more is to be had."""

    def __init__(
        self, per_s: float, at_once: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """A full budget.

        Args:
            per_s: What it gains a second.
            at_once: What it holds.
            clock: Seconds that go on.
        """
        self._per_s = per_s
        self._at_once = at_once
        self._clock = clock
        self._left = at_once
        self._since_s = clock()

    def spend(self, cost: float) -> None:
        """Takes `cost`, whether it is there or not."""
        self._fill()
        self._left -= cost

    @property
    def debt_s(self) -> float:
        """How long until something can be spent again; 0 where it can now."""
        self._fill()
        return max(0.0, -self._left / self._per_s)

    def _fill(self) -> None:
        now_s = self._clock()
        self._left = min(self._at_once, self._left + (now_s - self._since_s) * self._per_s)
        self._since_s = now_s
