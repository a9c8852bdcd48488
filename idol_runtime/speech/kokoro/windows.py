"""Where a clause is cut into windows, and what each window must see to sound like the whole.

Positions are feature frames of 300 samples (80 Hz). The generator's reach is its halo: with it on
both sides, and given the clause's norm statistics, a window's core equals the whole rendering.
"""

import itertools
from dataclasses import dataclass

FRAME_SAMPLES = 300
STAGE_0 = 10
"""Stage-0 frames per feature frame."""
STAGE_1 = 6
"""Stage-1 frames per stage-0 frame."""
HALO = 9
"""Feature frames on each side that stage 0 is run for."""
INNER_HALO = 22
"""Stage-0 frames on each side that stage 1 is run for."""


@dataclass(frozen=True, slots=True)
class Window:
    """Feature frames [start, stop) of a clause of `frames`."""

    start: int
    stop: int
    frames: int

    @property
    def seen(self) -> tuple[int, int]:
        """Feature frames fed to the generator."""
        return max(0, self.start - HALO), min(self.frames, self.stop + HALO)

    @property
    def inner(self) -> tuple[int, int]:
        """Stage-0 frames of the clause that stage 1 is run for."""
        return (
            max(0, self.start * STAGE_0 - INNER_HALO),
            min(self.frames * STAGE_0, self.stop * STAGE_0 + INNER_HALO),
        )

    @property
    def core(self) -> slice:
        """The samples of the generator's output that belong to this window."""
        first = (self.start * STAGE_0 - self.inner[0]) * (FRAME_SAMPLES // STAGE_0)
        return slice(first, first + (self.stop - self.start) * FRAME_SAMPLES)


def plan(start: int, stop: int, frames: int, *, first: int, later: int) -> list[Window]:
    """Windows that cover [start, stop): a short one for an early sound, then longer ones.

    A rest of less than half a window joins its neighbour.
    """
    edges = [start]
    size = first
    while edges[-1] < stop:
        edge = edges[-1] + size
        edges.append(stop if stop - edge < size // 2 else edge)
        size = later
    return [Window(a, b, frames) for a, b in itertools.pairwise(edges)]
