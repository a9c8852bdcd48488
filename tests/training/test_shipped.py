"""The chains that make the shipped bundles; tests/export runs their smoke variants whole."""

import contextlib
import io
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.training.typed_commands import typed
from training.config import load_config
from training.shipped import RECIPES, ChainStage, Recipe, in_process_of_its_own, make

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("bundle", ["face", "pose"])
def test_every_stage_of_the_real_chains_is_a_command_there_is(bundle: str) -> None:
    for stage in load_config(RECIPES / f"{bundle}.toml", Recipe).stages:
        command = stage.run.split()
        takes_more = command[0] in ("training.ingest", "training.evaluate")
        help_text = io.StringIO()
        with contextlib.redirect_stdout(help_text), pytest.raises(SystemExit) as ended:
            typed([*command[: 2 if takes_more else 1], "--help"])
        assert ended.value.code == 0
        options = set(re.findall(r"--[\w-]+", help_text.getvalue()))
        assert {word for word in command if word.startswith("--")} <= options, stage.name
        for path in re.findall(r"\{configs\}/(\S+)", stage.run):
            assert (RECIPES.parent / path).is_file()


def test_a_chain_that_was_cut_goes_on_with_the_stage_that_was_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def cut(command: Sequence[str]) -> None:
        if command[0] == "b":
            raise KeyboardInterrupt

    recipe = Recipe((ChainStage("one", "a"), ChainStage("two", "b"), ChainStage("three", "c")))
    with pytest.raises(KeyboardInterrupt):
        make(recipe, {}, tmp_path, cut)
    capsys.readouterr()
    make(recipe, {}, tmp_path, lambda command: None)
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["[1/3] one: done before", "[2/3] two: python -m b", "[3/3] three: python -m c"]


def test_what_follows_a_stage_that_has_changed_is_made_again(tmp_path: Path) -> None:
    ran: list[str] = []

    def note(command: Sequence[str]) -> None:
        ran.append(" ".join(command))

    stages = [ChainStage("one", "a {out}"), ChainStage("two", "b"), ChainStage("three", "c")]
    make(Recipe(tuple(stages)), {}, tmp_path, note)
    stages[1] = ChainStage("two", "b --more")
    make(Recipe(tuple(stages)), {}, tmp_path, note)
    assert ran == [f"a {tmp_path}", "b", "c", "b --more", "c"]


def test_a_stage_that_needs_what_was_not_given_says_so_before_anything_runs(tmp_path: Path) -> None:
    recipe = Recipe((ChainStage("one", "a"), ChainStage("speech", "b --kokoro {kokoro}")))
    with pytest.raises(SystemExit, match=r"speech needs Kokoro-82M.*expected --kokoro"):
        make(recipe, {}, tmp_path, typed)


def test_a_stage_that_fails_ends_the_chain(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"`python -m json.tool` ended with 2"):
        in_process_of_its_own(["json.tool", "--no-such-option"])
    assert "--no-such-option" in capfd.readouterr().err
