import socket
import subprocess
import sys
from pathlib import Path

import pytest

from idol_runtime.cli.main import main

pytestmark = pytest.mark.slow


def idol(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "idol_runtime", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


@pytest.mark.parametrize(
    "command", ["serve", "demo", "say", "animate", "models", "doctor", "bench"]
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["say", "hi", "--out", "out", "--character", "nobody"], "no such folder"),
        (["serve", "--character", "nobody"], "hoshi"),
        (["animate", "none.wav", "--out", "out"], "no such file"),
        (["say", "", "--out", "out"], "Expected some text"),
        (["say", "a" * 9000, "--out", "out"], "at most 8000 characters"),
        (["serve", "--host", "0.0.0.0"], "token"),
        (["serve", "--config", "none.toml"], "none.toml: expected a TOML file"),
        (["demo", "--port", "70000"], "--port: expected a whole number from 0 to 65535"),
    ],
)
def test_wrong_input_is_one_sentence_and_status_2(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    done = idol(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("idol: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_broken_character_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "character.toml").write_text("name = ")
    done = idol("say", "hi", "--out", str(tmp_path / "out"), "--character", str(tmp_path))
    assert done.returncode == 2
    assert "expected valid TOML" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.models
def test_a_port_in_use_is_told_before_the_models_are_opened() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = idol("serve", "--port", str(port))
    assert done.returncode == 2
    assert f"Another program listens on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
