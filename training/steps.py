"""Tells at once what a long command does: a bar in a terminal, a line for each step elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Steps:
    """A command of so many steps; time is an argument."""

    def __init__(
        self,
        total: int,
        *,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.console = console or Console(stderr=True)
        self._total, self._done = total, 0
        self._clock, self._begun = clock, clock()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def begin(self, name: str) -> None:
        """Says that a step begins, and how long all that is left may take."""
        self._bar.update(self._task, description=name)
        if not self.console.is_terminal:
            self.note(f"[{self._done + 1}/{self._total}] {name}{self._left()}")

    def end(self) -> None:
        """Says that the step has ended."""
        self._done += 1
        self._bar.update(self._task, completed=self._done)

    def within(self, share: float) -> None:
        """Says how much of the step is done, from 0 to 1."""
        self._bar.update(self._task, completed=self._done + share)

    def note(self, line: str) -> None:
        """Prints a line above the bar."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _left(self) -> str:
        if self._done == 0:
            return ""
        seconds = (self._clock() - self._begun) / self._done * (self._total - self._done)
        return f", about {seconds:.0f} s left"
