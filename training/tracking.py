"""What a run shows while it runs: a progress bar with the time left, metrics.jsonl, trackers.

TensorBoard is the default tracker. Weights & Biases is another one, chosen in a config file:

    [tracking]
    wandb_project = "idol-face"     # pip install wandb; WANDB_MODE=offline keeps it on this machine
"""

import importlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeAlias

import msgspec
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from training.checkpoint import write_file

METRICS_FILE: Final = "metrics.jsonl"
OBJECTIVE: Final = "validation/objective"
"""The number that early stopping and the search watch; lower is better."""

Watcher: TypeAlias = Callable[[int, Mapping[str, float]], None]
_watchers: ContextVar[tuple[Watcher, ...]] = ContextVar("watchers", default=())


class Tracking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[tracking]` table of a config file."""

    tensorboard: bool = True
    wandb_project: str | None = None
    wandb_entity: str | None = None


class Tracker(Protocol):
    """Somewhere that keeps the numbers and pictures of a run."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None: ...

    def picture(self, step: int, name: str, path: Path) -> None: ...

    def close(self, *, failed: bool) -> None: ...


class TensorBoardTracker:
    """`tensorboard --logdir RUN` shows it."""

    def __init__(self, folder: Path, first_step: int = 0) -> None:
        # What a run that was cut had logged after its last checkpoint is logged again.
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=first_step)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def picture(self, step: int, name: str, path: Path) -> None:
        self._board.add_image(name, _read_picture(path), step, dataformats="HWC")

    def close(self, *, failed: bool) -> None:
        self._board.close()


class WandbTracker:
    """One Weights & Biases run per run folder, also when the training is resumed.

    Raises:
        SystemExit: wandb is not installed.
    """

    def __init__(self, folder: Path, project: str, entity: str | None = None) -> None:
        self._wandb = _import_wandb()
        self._run = self._wandb.init(
            project=project,
            entity=entity,
            name=folder.resolve().name,
            dir=str(folder),
            id=_wandb_id(folder / "wandb.json"),
            resume="allow",
            config=_config(folder),
        )
        # A resumed run repeats steps that were logged after its last checkpoint; wandb's own step
        # may only grow, so ours is a number among the others.
        self._run.define_metric("*", step_metric="step")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log({"step": step, **values})

    def picture(self, step: int, name: str, path: Path) -> None:
        self._run.log({"step": step, name: self._wandb.Image(str(path))})

    def close(self, *, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))


def open_trackers(folder: Path, tracking: Tracking, first_step: int = 0) -> list[Tracker]:
    trackers: list[Tracker] = []
    if tracking.wandb_project:
        trackers.append(WandbTracker(folder, tracking.wandb_project, tracking.wandb_entity))
    if tracking.tensorboard:
        trackers.append(TensorBoardTracker(folder, first_step))
    return trackers


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Every `RunLog` opened inside hands its numbers to `watcher` too, which may end it by raising.

    For a search, which prunes runs by a number that they log and knows nothing else about them.
    """
    token = _watchers.set((*_watchers.get(), watcher))
    try:
        yield
    finally:
        _watchers.reset(token)


class RunLog:
    """Logs scalars by slash path, e.g. `loss/lips`; a context manager that closes its files."""

    def __init__(
        self, folder: Path, *, steps: int, first_step: int = 0, tracking: Tracking | None = None
    ) -> None:
        self._trackers = open_trackers(folder, tracking or Tracking(), first_step)
        _forget(folder / METRICS_FILE, first_step)
        self._metrics = (folder / METRICS_FILE).open("a")
        self._watchers = _watchers.get()
        self._step = first_step
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._task = self._progress.add_task("step", total=steps, completed=first_step, note="")

    def advance(self, step: int) -> None:
        self._step = step
        self._progress.update(self._task, completed=step)

    def scalars(self, step: int, values: Mapping[str, float], note: str = "") -> None:
        self._step = step
        self._metrics.write(json.dumps({"step": step, **values}) + "\n")
        self._metrics.flush()
        for tracker in self._trackers:
            tracker.scalars(step, values)
        if note:
            self._progress.update(self._task, note=note)
            if not self._progress.console.is_terminal:
                self._progress.console.print(f"step {step}: {note}")
        for watcher in self._watchers:
            watcher(step, values)

    def picture(self, name: str, path: Path) -> None:
        """Shows a PNG file under a slash path, at the step that was last logged or reached."""
        for tracker in self._trackers:
            tracker.picture(self._step, name, path)

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
        self._metrics.close()
        for tracker in self._trackers:
            tracker.close(failed=error is not None)


def _forget(log: Path, first_step: int) -> None:
    """Takes back what was logged from a step on, and a last line that was cut."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] < first_step]
    if kept != lines:
        write_file(log, "".join(kept).encode())


def _read_picture(path: Path) -> Any:
    from matplotlib.image import imread

    values = np.asarray(imread(path), np.float32)
    return values[..., :3] if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)


def _import_wandb() -> Any:
    try:
        return importlib.import_module("wandb")
    except ImportError:
        raise SystemExit(
            "The config names a wandb_project, so the package wandb was expected, but it is not "
            "installed; run `pip install wandb` or take wandb_project out of [tracking]."
        ) from None


def _wandb_id(file: Path) -> str:
    if not file.exists():
        file.write_text(json.dumps({"id": uuid.uuid4().hex[:12]}) + "\n")
    name: str = json.loads(file.read_text())["id"]
    return name


def _config(folder: Path) -> dict[str, Any] | None:
    file = folder / "config.json"
    return json.loads(file.read_text()) if file.exists() else None
