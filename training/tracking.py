"""What a run shows while it runs: a progress bar with the time left, TensorBoard, metrics.jsonl."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter


class RunLog:
    """Logs scalars by slash path, e.g. `loss/lips`; a context manager that closes its files."""

    def __init__(self, folder: Path, *, steps: int, first_step: int = 0) -> None:
        self._metrics = (folder / "metrics.jsonl").open("a")
        self._board = SummaryWriter(str(folder / "tensorboard"))
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._task = self._progress.add_task("step", total=steps, completed=first_step, note="")

    def advance(self, step: int) -> None:
        self._progress.update(self._task, completed=step)

    def scalars(self, step: int, values: Mapping[str, float], note: str = "") -> None:
        self._metrics.write(json.dumps({"step": step, **values}) + "\n")
        self._metrics.flush()
        for name, value in values.items():
            self._board.add_scalar(name, value, step)
        if note:
            self._progress.update(self._task, note=note)
            if not self._progress.console.is_terminal:
                self._progress.console.print(f"step {step}: {note}")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
        self._board.close()
        self._metrics.close()
