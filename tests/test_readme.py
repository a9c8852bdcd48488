"""What README and the pages of docs/ tell people to type is there to be typed.

The example for OpenAI's client is run against a served character in tests/end_to_end.
"""

import functools
import itertools
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from idol_runtime.cli.main import build_parser

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "training" / "README.md"]
PAGES += sorted((ROOT / "docs").glob("*.md"))


def lines_of(page: Path) -> Iterator[str]:
    """The commands in its blocks: lines joined where they are continued, comments gone."""
    for block in re.findall(r"^```(?:sh|bash)?\n(.*?)^```$", page.read_text(), re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            yield re.sub(r"\s+#\s.*$", "", line).strip()


def commands(name: str) -> list[str]:
    """Every command of the pages that begins so, each alternative by itself."""
    found = dict.fromkeys(
        command
        for page in PAGES
        for line in lines_of(page)
        if line.startswith(name + " ")
        for command in alternatives(line)
    )
    return list(found)


def alternatives(line: str) -> Iterator[str]:
    """`x a | b` is `x a` and `x b`; `x a|b` likewise; `...` stands for what is left out."""
    first, *others = line.replace("...", "").split(" | ")
    head = first.rsplit(" ", 1)[0]
    for each in [first, *(f"{head} {other}" for other in others)]:
        for words in itertools.product(*(word.split("|") for word in each.split(" "))):
            yield " ".join(word for word in words if word)


def test_alternatives_are_written_out() -> None:
    assert list(alternatives("idol models list | import F")) == [
        "idol models list",
        "idol models import F",
    ]
    assert list(alternatives("run face|pose --out O ...")) == [
        "run face --out O",
        "run pose --out O",
    ]


@pytest.mark.parametrize("command", commands("idol"))
def test_every_command_of_idol_can_be_parsed(command: str) -> None:
    assert build_parser().parse_args(shlex.split(command)[1:]).run


def test_every_target_of_make_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {command.split()[1] for command in commands("make")}
    for page in PAGES:
        named |= set(re.findall(r"`make ([a-z]+)`", page.read_text()))
    assert named >= {"demo", "test", "docs"}
    assert named <= targets


@functools.cache
def help_of(module: str, *chosen: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *chosen, "--help"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", commands("python -m"))
def test_every_module_takes_the_options_it_is_shown_with(command: str) -> None:
    _, _, module, *words = shlex.split(command)
    if module in ("pip", "venv"):
        return
    chosen = itertools.takewhile(lambda word: re.fullmatch(r"[a-z]+(-[a-z]+)*", word), words)
    options = [word for word in words if word.startswith("--")]
    help_text = help_of(module, *chosen)
    assert [option for option in options if option not in help_text] == []
    configs = [word for word in words if word.startswith("training/configs/")]
    assert [config for config in configs if not (ROOT / config).is_file()] == []
