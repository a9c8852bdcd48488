"""How fetching and converting are shown: a bar with an ETA, plain lines, or nothing."""

from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from idol_runtime.store.failures import size_text

_QUIET_BYTES = 2_000_000
"""Smaller files get no line of their own in a log."""


class Display(Protocol):
    """Takes the news of a store at work."""

    def fetching(self, what: str, done: int, total: int) -> None:
        """Bytes of one file that are there, out of `total`; ends with `done == total`."""

    def step(self, what: str, done: int, total: int) -> None:
        """Pieces of other work that are done, out of `total`."""

    def note(self, message: str) -> None:
        """A sentence worth reading: a source that failed, a file that is fetched again."""


class Silent:
    def fetching(self, what: str, done: int, total: int) -> None:
        pass

    def step(self, what: str, done: int, total: int) -> None:
        pass

    def note(self, message: str) -> None:
        pass


class PlainDisplay:
    """Plain lines, one for every quarter: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._quarters: dict[str, int] = {}

    def fetching(self, what: str, done: int, total: int) -> None:
        if total >= _QUIET_BYTES:
            self._line(f"fetching {what}", done, total, f" of {size_text(total)}")

    def step(self, what: str, done: int, total: int) -> None:
        self._line(what, done, total, "")

    def note(self, message: str) -> None:
        self._print(message)

    def close(self) -> None:
        """Nothing is held."""

    def _line(self, what: str, done: int, total: int, of: str) -> None:
        quarter = 4 * done // max(total, 1)
        if self._quarters.get(what) != quarter:
            self._quarters[what] = quarter
            self._print(f"{what}: {25 * quarter} %{of}")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class Bars:
    """Progress bars with speed and remaining time, for a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._what = ""

    def fetching(self, what: str, done: int, total: int) -> None:
        columns = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._show(f"fetching {what}", done, total, columns)

    def step(self, what: str, done: int, total: int) -> None:
        self._show(what, done, total, (MofNCompleteColumn(), TimeRemainingColumn()))

    def note(self, message: str) -> None:
        self._console.print(message, markup=False, highlight=False, soft_wrap=True)

    def _show(self, what: str, done: int, total: int, columns: tuple[ProgressColumn, ...]) -> None:
        if self._progress is None or self._what != what:
            self.close()
            label = TextColumn("{task.description}", markup=False)
            bar = Progress(label, BarColumn(), *columns, console=self._console, transient=True)
            bar.start()
            self._progress, self._what = bar, what
            self._task = bar.add_task(what, total=total)
        self._progress.update(self._task, completed=done)
        if done >= total:
            self.close()

    def close(self) -> None:
        """Gives the terminal back; also right after an error."""
        if self._progress is not None:
            self._progress.stop()
        self._progress = None


def display_for(console: Console) -> Bars | PlainDisplay:
    return Bars(console) if console.is_terminal else PlainDisplay(console)
