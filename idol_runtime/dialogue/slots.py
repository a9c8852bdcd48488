"""Attention state of several conversations, kept so that a shared beginning is read only once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

KEEP_TAIL = 128
"""A slot that holds this many tokens beyond the shared beginning is some other conversation's."""


class Memory(Protocol):
    """Where a slot's keys and values are."""

    def copy_from(self, other: Self, tokens: int, /) -> None:
        """Takes over the first `tokens` positions."""


MemoryT = TypeVar("MemoryT", bound=Memory)


@dataclass(eq=False)
class Slot(Generic[MemoryT]):
    memory: MemoryT
    tokens: list[int]
    """The tokens whose keys and values `memory` holds."""
    is_busy: bool = False
    used: int = 0
    """Order of last use."""


class SlotPool(Generic[MemoryT]):
    """Gives each reply the slot that has most of its prompt.

    The beginning of a prompt is taken from any slot that has it, a busy one too: what it holds
    for a prefix never changes. A slot is continued in place when little of it is lost, which is
    the same conversation's next turn; otherwise the prefix is copied and the least recently used
    slot gives way. `kept` slots stay for later; more exist only while more replies are live.
    """

    def __init__(self, kept: int, new_memory: Callable[[], MemoryT]) -> None:
        self._kept, self._new_memory = kept, new_memory
        self._uses = 0
        self.slots: list[Slot[MemoryT]] = []

    def acquire(self, prompt: Sequence[int]) -> Slot[MemoryT]:
        """A slot whose tokens are a proper prefix of `prompt`, for one reply."""
        shared = {id(slot): common_prefix(slot.tokens, prompt) for slot in self.slots}
        source = max(self.slots, key=lambda slot: (shared[id(slot)], slot.used), default=None)
        size = min(shared[id(source)] if source else 0, len(prompt) - 1)
        if source and not source.is_busy and size > 0 and len(source.tokens) - size <= KEEP_TAIL:
            slot = source
        else:
            slot = self._spare()
            if source and source is not slot and size:
                slot.memory.copy_from(source.memory, size)
        slot.tokens = list(prompt[:size])
        slot.is_busy = True
        self._touch(slot)
        return slot

    def release(self, slot: Slot[MemoryT]) -> None:
        slot.is_busy = False
        self._touch(slot)
        free = sorted((s for s in self.slots if not s.is_busy), key=lambda s: s.used)
        for old in free[: max(0, len(self.slots) - self._kept)]:
            self.slots.remove(old)

    def _spare(self) -> Slot[MemoryT]:
        free = [slot for slot in self.slots if not slot.is_busy]
        if free and len(self.slots) >= self._kept:
            return min(free, key=lambda slot: slot.used)
        slot = Slot(self._new_memory(), [])
        self.slots.append(slot)
        return slot

    def _touch(self, slot: Slot[MemoryT]) -> None:
        self._uses += 1
        slot.used = self._uses


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens both begin with."""
    return next(
        (at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]),
        min(len(first), len(second)),
    )
