"""`idol serve --config`: two characters on one server, each with its own avatar, and two tokens."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from export.avatar import AvatarStyle, build_avatar
from idol_runtime.character import DEFAULT_CHARACTER
from tests.serving import serving

pytestmark = pytest.mark.models

CONFIG = """
[server]
port = 0
[engine]
threads = 1
[[cast]]
character = "hoshi"
[[cast]]
character = "people/aki"
shared = true
"""
VIEWERS, HOST = "the-word-of-viewers", "the-word-of-the-host"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An idol.toml and, beside it, a character whose host alone may speak to her."""
    folder = tmp_path_factory.mktemp("house")
    aki = folder / "people" / "aki"
    aki.mkdir(parents=True)
    text = (DEFAULT_CHARACTER / "character.toml").read_text(encoding="utf-8")
    text = text.replace('name = "Hoshi"', 'name = "Aki"\naudience = "host"')
    (aki / "character.toml").write_text(text.replace("hoshi.vrm", "aki.vrm"), encoding="utf-8")
    (aki / "aki.vrm").write_bytes(build_avatar(AvatarStyle(name="Aki", twin_tails=False)))
    (folder / "idol.toml").write_text(CONFIG, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """`host:port` of the server."""
    tokens = {"IDOL_TOKEN": VIEWERS, "IDOL_HOST_TOKEN": HOST}
    with serving(folder, "--config", str(folder / "idol.toml"), env=tokens) as server:
        assert server.ready.startswith("Hoshi and Aki are ready: ")
        yield server.address
    assert "the-word-of" not in server.log.read_text()


async def conversation(address: str, query: str, token: str, text: str) -> list[dict[str, Any]]:
    """The events up to the end of an answer, or to an error."""
    events: list[dict[str, Any]] = []
    headers = {"Authorization": f"Bearer {token}"}
    url = f"ws://{address}/v1/realtime{query}"
    async with (
        asyncio.timeout(300),
        connect(url, additional_headers=headers, subprotocols=[Subprotocol("idol.v1")]) as socket,
    ):
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await socket.send(json.dumps({"type": "response.create"}))
        while not events or events[-1]["type"] not in ("response.done", "error"):
            if isinstance(message := await socket.recv(), str):
                events.append(json.loads(message))
    return events


@pytest.mark.parametrize(
    ("query", "token", "name", "end"),
    [
        ("", VIEWERS, "Hoshi", "response.done"),
        ("?model=gpt-realtime", VIEWERS, "Hoshi", "response.done"),
        ("?model=aki", HOST, "Aki", "response.done"),
        ("?model=aki", VIEWERS, "Aki", "error"),
    ],
)
async def test_clients_choose_whom_they_meet_and_the_host_alone_speaks_to_aki(
    address: str, folder: Path, query: str, token: str, name: str, end: str
) -> None:
    events = await conversation(address, query, token, "Who are you?")
    [card] = [event["character"] for event in events if event["type"] == "idol.character"]
    assert (card["name"], events[-1]["type"]) == (name, end)
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        served = (await client.get(card["avatar_url"])).content
    own = DEFAULT_CHARACTER if name == "Hoshi" else folder / "people" / "aki"
    assert served == (own / f"{name.lower()}.vrm").read_bytes()


async def test_a_character_that_does_not_live_here_is_refused_by_name(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await conversation(address, "?model=nobody", VIEWERS, "Hello?")
    assert refused.value.response.status_code == 404
    assert b"hoshi, aki" in (refused.value.response.body or b"")
