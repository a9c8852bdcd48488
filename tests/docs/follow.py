"""Follows README and every how-to to the letter, in a clean clone.

    python -m tests.docs.follow                          # all pages, a fresh clone and environment
    python -m tests.docs.follow --captures DATA docs/film_yourself.md

Files are written as they stand, commands typed as they stand, in order; `idol serve` is left
running until the next one starts or its page ends. Files that pages take for granted (a song, a
film) are made first. What is marked in a page as not to be followed is printed with its reason.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

from idol_runtime.store.defaults import default_home
from tests.docs.materials import lay_out
from tests.docs.pages import PAGES, ROOT, SHELL, Block, alternatives, blocks_of, lines_of

EMPTY = ("docs/your_own_engine.md", "docs/your_own_output.md")
"""Pages that begin in an empty folder."""
SERVERS = ("idol serve", "idol demo")


class Follower:
    """One person at one shell, in one folder."""

    def __init__(self, folder: Path, path: Sequence[Path], log: Path) -> None:
        self.folder = folder
        self.log = log
        self.home = log.parent / "models"
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]),
            "IDOL_HOME": str(self.home),
        }
        self.server: subprocess.Popen[str] | None = None

    def follow(self, block: Block) -> None:
        """Does what a block says.

        Raises:
            SystemExit: it cannot be done; the sentence names the place.
        """
        if block.title:
            target = self.folder / block.title
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("a", encoding="utf-8") as file:
                file.write(block.text)
        elif block.language in SHELL:
            for line in lines_of(block.text):
                for command in alternatives(line):
                    self._type(command, block.place)
        elif block.language == "python":
            python = shutil.which("python", path=self.environment["PATH"])
            assert python is not None
            self._run([python, "-c", block.text], block.place)
        elif block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "text":
            pass  # what is printed, not typed
        else:
            raise SystemExit(
                f"{block.place}: expected a block of shell, python, toml, json or text, a title to "
                f"write it to, or the mark that it is not followed, found `{block.language}`."
            )

    def _type(self, command: str, place: str) -> None:
        if command.startswith(SERVERS):
            self._serve(command, place)
        else:
            self._run(["bash", "-c", command], place, command)

    def _run(self, words: list[str], place: str, shown: str = "python") -> None:
        begun = time.monotonic()
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment, text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        with self.log.open("a") as log:
            log.write(f"$ {shown}\n{done.stdout}\n")
        print(f"  {time.monotonic() - begun:6.1f} s  {shown}", flush=True)
        if done.returncode:
            raise SystemExit(
                f"{place}: `{shown}` ended with {done.returncode}:\n{done.stdout[-3000:]}"
            )

    def _serve(self, command: str, place: str) -> None:
        self.stop()
        errors = self.log.with_suffix(".server")
        with errors.open("w") as log:
            self.server = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environment,
                text=True, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert self.server.stdout is not None
        for line in self.server.stdout:
            if "ready: http" in line:
                print(f"          {command}: {line.strip()}", flush=True)
                return
        raise SystemExit(f"{place}: `{command}` did not get ready:\n{errors.read_text()[-3000:]}")

    def stop(self) -> None:
        """Ends the server, if one runs, as Ctrl-C would."""
        if self.server is not None:
            self.server.terminate()
            self.server.wait(60)
            self.server = None


def follow_page(page: str, text: str, follower: Follower) -> tuple[int, int]:
    """Follows a page; returns how many blocks were followed and how many were not."""
    followed = left = 0
    try:
        for block in blocks_of(page, text):
            reason = block.reason
            if block.needs and not (follower.folder / block.needs).exists():
                reason = f"{block.needs} is not there"
            if reason:
                print(f"  {block.place}: not followed: {reason}", flush=True)
                left += 1
            else:
                follower.follow(block)
                followed += 1
    finally:
        follower.stop()
    return followed, left


def clone(folder: Path) -> Path:
    """A clean clone of what is committed, set up as the README says."""
    target = folder / "idol_runtime"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True)
    print("make setup", flush=True)
    subprocess.run(["make", "setup"], cwd=target, check=True, stdout=subprocess.DEVNULL)
    return target


def bring_models(home: Path) -> None:
    """The models that are on this machine already, so that they are not fetched again."""
    known = default_home()
    for part in ("models", "verified"):
        if (known / part).exists() and not (home / part).exists():
            shutil.copytree(known / part, home / part)


def main() -> None:
    parser = argparse.ArgumentParser(description="Follows README and how-tos in a clean clone.")
    parser.add_argument("pages", nargs="*", default=PAGES, help="default: all")
    parser.add_argument("--captures", type=Path, help="real captures, to film and train with")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where to work, and leave it")
    args = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        checkout = folder / "idol_runtime"
        if not checkout.exists():
            clone(folder)
        bring_models(folder / "models")
        path = [checkout / ".venv" / "bin"]
        for page in args.pages:
            print(f"{page} ({time.monotonic() - begun:.0f} s)", flush=True)
            desk = checkout
            if page in EMPTY:
                desk = folder / Path(page).stem
                desk.mkdir()
            lay_out(page, desk, path[0], args.captures)
            follower = Follower(desk, path, folder / f"{Path(page).stem}.log")
            followed, left = follow_page(page, (checkout / page).read_text("utf-8"), follower)
            print(f"  {followed} blocks followed, {left} not", flush=True)
    print(f"all of it in {(time.monotonic() - begun) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
