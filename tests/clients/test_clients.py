"""Clients of the Realtime API, unmodified, each in an environment of its own: two turns with the
real models, the first interrupted in mid-answer as each client does that."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.models

HERE = Path(__file__).parent
QUESTIONS = ("Tell me a long story about the sea.", "What do you like most?")


@dataclass(frozen=True)
class Client:
    program: str
    environment: str | None
    """Under .venv/clients; None for our own, or Node."""
    url: str
    """Where it is pointed, as its users would."""

    def command(self) -> list[str]:
        """How it is started; skips where it is not installed."""
        if self.program.endswith(".mjs"):
            runner = shutil.which("node")
            is_there = runner is not None and (HERE / "node_modules" / "openai").is_dir()
        elif self.environment is None:
            runner, is_there = sys.executable, True
        else:
            python = Path(sys.prefix, "clients", self.environment, "bin", "python")
            runner, is_there = str(python), python.is_file()
        if runner is None or not is_there:
            pytest.skip(f"{self.program} has no client to run; `sh tests/clients/install.sh`")
        return [runner, str(HERE / self.program)]


REALTIME = "ws://{}/v1/realtime?model=hoshi"
CLIENTS = [
    Client("openai_python.py", None, "http://{}/v1"),
    Client("openai_javascript.mjs", None, "http://{}/v1"),
    Client("openai_agents.py", "openai-agents", REALTIME),
    Client("livekit_agents.py", "livekit-agents", "http://{}/v1"),
    Client("pipecat_events.py", "pipecat", REALTIME),
]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.program)
def test_two_turns_and_one_of_them_is_interrupted(client: Client, served: str) -> None:
    done = subprocess.run(
        [*client.command(), client.url.format(served), *QUESTIONS],
        capture_output=True, text=True, check=False, timeout=300,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # Where a client could not read an event it says so as a warning or an error.
    assert [line for line in done.stderr.splitlines() if "WARN" in line or "ERROR" in line] == []
    found = json.loads(done.stdout)
    assert found["errors"] == []
    check_events(found["events"], found["interrupted"])
    check_what_it_made_of_them(found)


def check_events(events: list[dict[str, Any]], interrupted: list[str]) -> None:
    types = [each["type"] for each in events]
    assert not any(each == "error" or each.startswith("idol.") for each in types)
    first, second = (each["response"] for each in events if each["type"] == "response.done")
    assert first["status"] == "cancelled"
    assert first["status_details"]["reason"] == "client_cancelled"
    assert second["status"] in ("completed", "incomplete")
    assert first["conversation_id"] == second["conversation_id"]
    [cut_short], [answer] = first["output"], second["output"]
    assert interrupted == [cut_short["id"]]
    [truncated] = (each for each in events if each["type"] == "conversation.item.truncated")
    assert truncated["item_id"] == cut_short["id"]
    assert 0 < truncated["audio_end_ms"] <= sound_of(events, cut_short["id"]) / 48
    for item in (cut_short, answer):
        assert len(item["content"][0]["transcript"].split()) >= 1
        assert sound_of(events, item["id"]) > 20_000
    for each in (each for each in events if each["type"] == "conversation.item.retrieved"):
        left = each["item"]["content"][0]["transcript"]
        assert cut_short["content"][0]["transcript"].startswith(left)
        assert left or truncated["audio_end_ms"] < 1000  # before her first word was out
    # The conversation goes on behind what was interrupted.
    said = {each["item"]["id"]: each for each in events if each["type"] == "conversation.item.done"}
    question = said[said[answer["id"]]["previous_item_id"]]
    assert question["item"]["content"][0]["text"] == QUESTIONS[1]
    assert question["previous_item_id"] == cut_short["id"]


def sound_of(events: list[dict[str, Any]], item_id: str) -> int:
    """Bytes of PCM16 at 24 kHz that came for an item."""
    return sum(
        len(base64.b64decode(each["delta"]))
        for each in events
        if each["type"] == "response.output_audio.delta" and each["item_id"] == item_id
    )


def check_what_it_made_of_them(found: dict[str, Any]) -> None:
    """What the client handed to the program that uses it."""
    assert len(found["sound"]) == 2
    assert min(found["sound"]) > 20_000
    said = json.dumps(found["said"])
    spoken: dict[str, str] = {}
    for each in found["events"]:
        if each["type"] == "response.done":
            [item] = each["response"]["output"]
        elif each["type"] == "conversation.item.retrieved":
            item = each["item"]  # what is left where it was truncated
        else:
            continue
        spoken[item["id"]] = item["content"][0]["transcript"] if item["role"] == "assistant" else ""
    for transcript in spoken.values():
        first_words = " ".join(transcript.split()[:2])
        assert json.dumps(first_words)[1:-1] in said


def test_the_page_shows_lines_of_the_programs() -> None:
    page = (HERE.parents[1] / "docs" / "connecting.md").read_text()
    _, section = page.split("### Other clients of the Realtime API\n")
    blocks = re.findall(r"^```(?:js|python)\n(.*?)^```$", section.split("\n### ")[0], re.M | re.S)
    programs = ("openai_javascript.mjs", "openai_agents.py", "livekit_agents.py")
    for block, name in zip(blocks, programs, strict=True):
        lines = {line.strip() for line in (HERE / name).read_text().splitlines()}
        shown = {line.strip() for line in block.splitlines()}
        assert {line for line in shown - lines if "127.0.0.1:8765" not in line} == set()
