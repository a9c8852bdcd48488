"""protocol/clients/idol.mjs holds conversations, in each Node that it says it runs in."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import OpenScene

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "tests" / "node_clients" / "node_modules"
NODES = {
    "system": shutil.which("node"),
    "18": MODULES / "node18" / "bin" / "node",
    "20": MODULES / "node20" / "bin" / "node",
}


@pytest.fixture(params=NODES)
def node(request: pytest.FixtureRequest) -> Path:
    found = NODES[request.param]
    if found is None or not Path(found).exists():
        pytest.skip(f"Node {request.param} is not installed; `make test` brings 18 and 20 on Linux")
    if not (MODULES / "ws").is_dir():
        pytest.skip("The npm package `ws` is not installed; `make test` brings it")
    return Path(found)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the client, as a user copies it, and what `npm install ws` brings."""
    for client in (ROOT / "protocol" / "clients").glob("*.mjs"):
        shutil.copy(client, tmp_path)
    shutil.copy(Path(__file__).with_name("converse.mjs"), tmp_path)
    (tmp_path / "node_modules").symlink_to(MODULES)
    return tmp_path


async def converse(node: Path, desk: Path, *words: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        node, "converse.mjs", *words, cwd=desk, stdout=-1, stderr=-1
    )
    async with asyncio.timeout(120):
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return json.loads(out)


async def test_it_talks_through_a_connection_that_breaks(
    node: Path, desk: Path, open_scene: OpenScene
) -> None:
    scene = await open_scene(token="sesame")
    told = await converse(node, desk, f"ws://127.0.0.1:{scene.server.port}", "talk", "sesame")
    assert (told["first"], told["again"]) == ("completed", "completed")
    assert told["text"] == 2 * "Hello there. How are you?"
    events = told["events"]
    assert events.index("reconnecting") < events.index("response.done")
    assert events.count("idol.resumed") == 1
    assert told["media"]["audio"] > 0
    assert (told["media"]["face"], told["media"]["pose"]) == (59, 91)
    assert told["clock"]["round_trip_us"] > 0
    assert told["mediaTime"] > 0
    assert told["refused"] == "Error"
    assert told["closed"] in (1000, 1005)


async def test_it_stops_an_answer(node: Path, desk: Path, open_scene: OpenScene) -> None:
    scene = await open_scene()
    scene.stage.dialogue.never_ends = True
    told = await converse(node, desk, f"ws://127.0.0.1:{scene.server.port}", "cancel")
    assert told["status"] == "cancelled"
    assert told["pts_us"] >= 0


async def test_a_wrong_token_is_told(node: Path, desk: Path, open_scene: OpenScene) -> None:
    scene = await open_scene(token="sesame")
    told = await converse(node, desk, f"ws://127.0.0.1:{scene.server.port}", "refused")
    assert told["code"] == 4401
    assert "expected a valid token" in told["message"]


def test_without_a_websocket_it_says_what_to_install(desk: Path) -> None:
    old = MODULES / "node18" / "bin" / "node"
    if not old.exists():
        pytest.skip("Node 18 is not installed; `make test` brings it on Linux")
    (desk / "node_modules").unlink()
    script = 'import("./idol.mjs").then(({ connect }) => connect("ws://127.0.0.1:1"))'
    done = subprocess.run(
        [old, "-e", script], cwd=desk, capture_output=True, text=True, check=False
    )
    assert "before Node 22 run `npm install ws`" in done.stderr


@pytest.mark.parametrize("major", ["18", "20"])
def test_the_decoders_own_tests_pass_in_old_nodes(major: str) -> None:
    node = Path(str(NODES[major]))
    if not node.exists():
        pytest.skip(f"Node {major} is not installed; `make test` brings it on Linux")
    done = subprocess.run(
        [node, "--test", "protocol/clients/"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
