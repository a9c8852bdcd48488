"""Who a session's user is, and what they see and change of what is remembered of them."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from idol_runtime.mind.memory.keeping import Keeper
from idol_runtime.mind.memory.remembering import memory_hooks
from idol_runtime.mind.memory.settings import MemorySettings
from idol_runtime.mind.memory.sqlite_store import SqliteStore
from tests.server.conftest import Client, Event, OpenScene, Scene

TOKEN, HOST = "viewers-know-this", "the-host-knows-this"


@pytest.fixture
async def keeper(tmp_path: Path) -> AsyncIterator[Keeper]:
    store = SqliteStore(tmp_path / "memory.sqlite3")
    keeper = Keeper(store, MemorySettings(answer_s=30), lambda: None, lambda: 1_772_452_800.0)
    yield keeper
    await keeper.aclose()


async def remembering(open_scene: OpenScene, keeper: Keeper, **options: Any) -> Scene:
    return await open_scene(
        make_hooks=lambda meeting: memory_hooks(meeting, keeper), keeper=keeper, **options
    )


async def told(client: Client, text: str) -> str:
    done = (await client.ask(text, output_modalities=["text"]))[-1]
    answer: str = done["response"]["output"][0]["content"][0]["text"]
    return answer


async def remembered(client: Client, **ask: object) -> list[Event]:
    await client.send({"type": "idol.memory.list"} | ask)
    items: list[Event] = (await client.until("idol.memory.items"))[-1]["items"]
    return items


async def test_who_says_who_they_are_is_known_in_the_next_session(
    open_scene: OpenScene, keeper: Keeper
) -> None:
    scene = await remembering(open_scene, keeper)
    async with scene.client(query="?user=u1") as client:
        await told(client, "Hi, I'm Wolfgang and I live in Graz.")
    header = {"OpenAI-Safety-Identifier": "u1"}
    async with scene.client(additional_headers=header) as client:
        assert "Wolfgang" in await told(client, "What is my name?")
        assert "Graz" in await told(client, "Where do I live?")


async def test_who_comes_back_is_greeted_by_name(open_scene: OpenScene, tmp_path: Path) -> None:
    now_s = 1_772_452_800.0
    store = SqliteStore(tmp_path / "memory.sqlite3")
    keeper = Keeper(store, MemorySettings(answer_s=30), lambda: None, lambda: now_s)
    scene = await remembering(open_scene, keeper)

    async def greeting(query: str) -> str:
        async with scene.client(query=query) as client:
            await client.send({"type": "response.create"})
            done = (await client.until("response.done"))[-1]
            text: str = done["response"]["output"][0]["content"][0]["transcript"]
            return text

    async with scene.client(query="?user=u1") as client:
        await told(client, "Hi, I'm Wolfgang.")
    now_s += 60
    assert "Wolfgang" in await greeting("?user=u1")
    assert "Wolfgang" not in await greeting("?user=u2")
    assert await greeting("") == await greeting("?user=u2")
    await keeper.aclose()


async def test_nobody_else_is_taken_for_them(open_scene: OpenScene, keeper: Keeper) -> None:
    scene = await remembering(open_scene, keeper, token=TOKEN, host_token=HOST)
    viewer, host = ({"Authorization": f"Bearer {each}"} for each in (TOKEN, HOST))
    async with scene.client(query="?user=u1", additional_headers=viewer) as client:
        await told(client, "Hi, I'm Wolfgang.")
    for query, headers in (
        ("", viewer),
        ("?user=u2", viewer),
        ("?user=u1", host),
        ("?user=", viewer),
    ):
        async with scene.client("idol.v1", query=query, additional_headers=headers) as client:
            assert "Wolfgang" not in await told(client, "What is my name?")
            await client.send({"type": "idol.memory.list"})
            answer = await client.next()
            while answer["type"] not in ("idol.memory.items", "error"):
                answer = await client.next()
            assert "Wolfgang" not in str(answer)
    async with scene.client(query="?user=u1", additional_headers=viewer) as client:
        assert "Wolfgang" in await told(client, "What is my name?")


def found_in(folder: Path, text: bytes) -> bool:
    return any(text in each.read_bytes() for each in folder.iterdir() if each.is_file())


async def test_a_user_sees_puts_right_adds_and_erases(
    open_scene: OpenScene, keeper: Keeper, tmp_path: Path
) -> None:
    scene = await remembering(open_scene, keeper)
    async with scene.client("idol.v1", query="?user=u1") as client:
        await told(client, "I'm Sam. I live in Xanthippopolis.")
        name, place = sorted(await remembered(client), key=lambda each: str(each["kind"]))
        assert name == {
            "id": name["id"], "kind": "name", "text": "is called Sam", "said_at": 1_772_452_800,
        }  # fmt: skip
        edit = {"type": "idol.memory.set", "id": place["id"], "text": "lives in Rome"}
        assert "lives in Rome" in [each["text"] for each in await remembered(client, **edit)]
        assert "Rome" in await told(client, "Where do I live?")
        add = {"type": "idol.memory.set", "text": "I have a dog named Rex"}
        assert "has a dog named Rex" in [each["text"] for each in await remembered(client, **add)]
        erase = {"type": "idol.memory.erase", "ids": [name["id"]]}
        assert "name" not in [each["kind"] for each in await remembered(client, **erase)]
        assert "Sam" not in await told(client, "What is my name?")
        assert await remembered(client, type="idol.memory.erase") == []
    with sqlite3.connect(tmp_path / "memory.sqlite3") as connection:
        assert connection.execute("SELECT COUNT(*) FROM idol_memories").fetchone() == (0,)
    connection.close()
    assert not found_in(tmp_path, b"Xanthippopolis")


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "idol.memory.set", "id": "mem_none", "text": "is a king"}, "memory_not_found"),
        ({"type": "idol.memory.set", "text": ""}, "invalid_field"),
        ({"type": "idol.memory.set", "text": "   "}, "invalid_field"),
        ({"type": "idol.memory.erase", "ids": [7]}, "invalid_field"),
    ],
)
async def test_what_cannot_be_done_is_one_error(
    open_scene: OpenScene, keeper: Keeper, event: Event, code: str
) -> None:
    scene = await remembering(open_scene, keeper)
    async with scene.client("idol.v1", query="?user=u1") as client:
        await client.send(event)
        assert (await client.error())["code"] == code
        await client.alive()


async def test_a_session_of_nobody_has_no_memory_to_see(
    open_scene: OpenScene, keeper: Keeper
) -> None:
    scene = await remembering(open_scene, keeper)
    async with scene.client("idol.v1") as client:
        await client.send({"type": "idol.memory.list"})
        assert (await client.error())["code"] == "no_memory"


async def test_an_id_that_is_too_long_is_refused_in_the_handshake(scene: Scene) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with scene.client(query="?user=" + "u" * 129):
            pass
    assert refused.value.response.status_code == 400
    assert b"at most 128 characters" in (refused.value.response.body or b"")


async def test_a_store_that_fails_is_counted_and_answers_are_given(
    open_scene: OpenScene, tmp_path: Path
) -> None:
    broken = tmp_path / "memory.sqlite3"
    broken.write_text("no database " * 100)
    keeper = Keeper(SqliteStore(broken), MemorySettings(answer_s=30), lambda: None, lambda: 1e9)
    scene = await remembering(open_scene, keeper)
    keeper.on_failure = scene.server.metrics.memory_failures.inc
    async with scene.client("idol.v1", query="?user=u1") as client:
        assert await told(client, "I'm Sam.")
        assert "Sam" in await told(client, "What is my name?")
        await client.send({"type": "idol.memory.list"})
        assert (await client.error())["code"] == "memory_unavailable"
    assert b"idol_memory_failures_total 0.0" not in scene.server.metrics.page()
    await keeper.aclose()
