"""What README and the pages of docs/ tell people to type is there to be typed.

The example for OpenAI's client is run against a served character in tests/end_to_end.
"""

import functools
import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from idol_runtime.cli.main import build_parser
from tests.docs.pages import SHELL, alternatives, blocks_of, lines_of

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "training" / "README.md"]
PAGES += sorted((ROOT / "docs").glob("*.md"))


def commands(name: str) -> list[str]:
    """Every command of the pages that begins so, each alternative by itself."""
    found = dict.fromkeys(
        command
        for page in PAGES
        for block in blocks_of(page.name, page.read_text("utf-8"))
        if block.language in SHELL
        for line in lines_of(block.text)
        if line.startswith(name + " ")
        for command in alternatives(line)
    )
    return list(found)


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
