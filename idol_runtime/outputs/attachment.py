"""The life of an output on a character's timeline."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from idol_runtime.errors import OutputError
from idol_runtime.timeline import Card, Observer, Output

CLOSE_S = 10.0
"""An output that takes longer to close is left to itself."""


class Timeline(Protocol):
    """What outputs are attached to; `idol_runtime.stage.performer.Performer` is one."""

    @property
    def card(self) -> Card: ...

    def attach(self, observer: Observer, *, on_evicted: Callable[[], None] = ...) -> None: ...

    def detach(self, observer: Observer) -> None: ...

    def evict(self, observer: Observer, error: Exception) -> None: ...


class Attachment:
    """An output from `attach` until `aclose`, or until it fails, which ends nothing else."""

    def __init__(self, output: Output, timeline: Timeline) -> None:
        self.output = output
        self._timeline = timeline
        self._has_failed = False
        self._closing: asyncio.Task[None] | None = None

    @property
    def is_live(self) -> bool:
        """Whether frames reach it."""
        return self._closing is None

    async def aclose(self) -> None:
        """Hands it no more frames and has it finish; does not raise what it raises."""
        await asyncio.shield(self._close())

    async def open(self) -> None:
        """Opens it and hands it frames, or gives it up; does not raise what it raises."""
        try:
            await self.output.open(self._timeline.card)
        except asyncio.CancelledError:
            await self.aclose()
            raise
        except Exception as error:  # whatever it is, the character lives on without it
            self._timeline.evict(self.output, error)
            self._evicted()
        else:
            self._timeline.attach(self.output, on_evicted=self._evicted)

    def _evicted(self) -> None:
        self._has_failed = True
        self._close()

    def _close(self) -> asyncio.Task[None]:
        self._timeline.detach(self.output)
        if self._closing is None:
            self._closing = asyncio.create_task(self._finish())
        return self._closing

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.output.aclose()
        except TimeoutError:
            self._fail(OutputError(f"Expected it to close within {CLOSE_S:g} s; it was left open."))
        except Exception as error:  # it is gone either way
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """One that has failed before is often broken when it closes, too; once is logged."""
        if not self._has_failed:
            self._has_failed = True
            self._timeline.evict(self.output, error)


async def attach(output: Output, timeline: Timeline) -> Attachment:
    """Opens an output and hands it every frame from then on.

    Where it cannot be opened it is evicted: this is logged and counted, not raised.
    """
    attachment = Attachment(output, timeline)
    await attachment.open()
    return attachment
