"""docs/your_own_output.md as it stands: somebody else's output, installed beside the runtime."""

import json
import re
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idol_runtime.character import DEFAULT_CHARACTER, load_character
from idol_runtime.engine.engine import open_stage
from idol_runtime.errors import ConfigError
from idol_runtime.outputs.attachment import attach
from idol_runtime.outputs.registry import OutputRegistry
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import VirtualClock

PAGE = Path(__file__).parents[2] / "docs" / "your_own_output.md"


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's package as pip would install it."""
    blocks = re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE.read_text(), re.M | re.S)
    files = dict(blocks)
    project = tomllib.loads(files["pyproject.toml"])["project"]
    info = tmp_path / f"idol_puppet-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    group, entries = next(iter(project["entry-points"].items()))
    lines = [f"{name} = {target}\n" for name, target in entries.items()]
    (info / "entry_points.txt").write_text("".join([f"[{group}]\n", *lines]))
    (tmp_path / "puppet.py").write_text(files["puppet.py"])
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.setblocking(False)
        yield bound


def received(receiver: socket.socket) -> list[dict[str, Any]]:
    found = []
    try:
        while True:
            found.append(json.loads(receiver.recv(65_536)))
    except BlockingIOError:
        return found


async def test_the_puppet_is_told_the_jaw_the_words_and_the_cut(receiver: socket.socket) -> None:
    host, port = receiver.getsockname()
    stage = open_stage("cpu", VirtualClock())
    performer = stage.join(load_character(DEFAULT_CHARACTER), seed=1)
    output = await attach(OutputRegistry().make(f"puppet://{host}:{port}"), performer)
    stage.tick()
    await performer.speak(
        Utterance("u", "t", "Hello there."), SpeechChunk(np.zeros(24_000, np.int16), (), True)
    )
    for _ in range(29):
        stage.tick()
    performer.cut()
    await output.aclose()
    stage.tick()
    card, *messages = received(receiver)
    assert card == {"name": "Hoshi", "fps": 30}
    jaws = [each for each in messages if "jaw" in each]
    assert [each["pts_us"] for each in jaws] == [round(k * 1e6 / 30) for k in range(30)]
    assert all(0 <= each["jaw"] <= 1 for each in jaws)
    assert [each["says"] for each in messages if "says" in each] == ["Hello there."]
    assert messages[-1] == {"pts_us": 1_000_000, "cut": True}


def test_a_url_without_a_port_is_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match="expected puppet://HOST:PORT"):
        OutputRegistry().make("puppet://127.0.0.1")
