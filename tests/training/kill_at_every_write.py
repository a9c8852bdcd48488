"""Kills trainings, each at another change of the disk, and goes on with them.

    python kill_at_every_write.py FOLDER

Every training is a child that is killed (SIGKILL) when Python is about to open, rename or delete
something under its run for the n-th time. Prints how many there were; exits with 1 when a run that
went on ends with other files than one that was left alone.
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from tests.training.cut_runs import kept
from tests.training.toy_task import fit

WRITES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir")


def in_child(work: Callable[[], object]) -> int:
    """Runs it in a child; its exit code, or less than 0 for the signal that ended it."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def train_until(run: Path, last: int) -> None:
    seen = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in WRITES or str(run) not in str(arguments[0]):
            return
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    fit(run)


def main(folder: Path) -> int:
    torch.set_num_threads(1)
    fit(folder / "whole")
    whole, point = kept(folder / "whole"), 0
    while True:
        point += 1
        run = folder / f"cut_{point}"
        ended = in_child(partial(train_until, run, point))
        if ended == 0:
            break
        assert ended == -signal.SIGKILL, f"point {point}: the child ended with {ended}"
        in_child(partial(fit, run))
        if kept(run) != whole or [*run.glob("*.tmp"), *run.glob("*.old")]:
            print(f"a run that was killed at change {point} of the disk went on to something else")
            return 1
    print(point - 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
