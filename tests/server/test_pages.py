"""Plain HTTP on the same port."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.server.conftest import OpenScene, Scene


@pytest.fixture
def web(tmp_path: Path) -> Path:
    folder = tmp_path / "web"
    (folder / "vendor").mkdir(parents=True)
    (folder / "node_modules").mkdir()
    (folder / "index.html").write_text("<title>stage</title>")
    (folder / "stage.js").write_text("export {};")
    (folder / "vendor" / "three.module.js").write_text("export const three = 1;")
    (folder / "node_modules" / "left.js").write_text("secret")
    (folder / "package.json").write_text("secret")
    (folder / ".hidden.js").write_text("secret")
    (tmp_path / "outside.js").write_text("secret")
    (folder / "link.js").symlink_to(tmp_path / "outside.js")
    return folder


@pytest.fixture
def vrm(tmp_path: Path) -> Path:
    file = tmp_path / "looks" / "hoshi.vrm"
    file.parent.mkdir()
    file.write_bytes(b"glTF-of-hoshi")
    file.with_name("aki.vrm").write_bytes(b"glTF-of-aki")
    file.with_name("secret.vrm").write_bytes(b"secret")
    return file


@pytest.fixture
async def pages(open_scene: OpenScene, web: Path, vrm: Path) -> Scene:
    avatars = {"hoshi": vrm, "aki & co": vrm.with_name("aki.vrm")}
    scene: Scene = await open_scene(web=web, avatars=avatars)
    return scene


@pytest.fixture
async def http(pages: Scene) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{pages.server.port}") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "kind", "content"),
    [
        ("/", "text/html", "<title>stage</title>"),
        ("/?overlay", "text/html", "<title>stage</title>"),
        ("/index.html", "text/html", "<title>stage</title>"),
        ("/stage.js", "text/javascript", "export {};"),
        ("/vendor/three.module.js", "text/javascript", "export const three = 1;"),
        ("/avatars/hoshi.vrm", "model/gltf-binary", "glTF-of-hoshi"),
        ("/avatars/aki%20%26%20co.vrm", "model/gltf-binary", "glTF-of-aki"),
    ],
)
async def test_the_stage_page_and_its_files_are_served(
    http: httpx.AsyncClient, path: str, kind: str, content: str
) -> None:
    response = await http.get(path)
    assert (response.status_code, response.text) == (200, content)
    assert response.headers["content-type"].startswith(kind)


@pytest.mark.parametrize(
    "path",
    [
        "/outside.js",
        "/../outside.js",
        "/%2e%2e/outside.js",
        "/vendor/..%2f..%2foutside.js",
        "/..%5coutside.js",
        "//etc/passwd",
        "/link.js",
        "/.hidden.js",
        "/package.json",
        "/node_modules/left.js",
        "/nothing.js",
        "/vendor/",
        "/%00.js",
        "/avatars/",
        "/avatars/hoshi",
        "/avatars/secret.vrm",
        "/avatars/looks/hoshi.vrm",
        "/avatars/../looks/secret.vrm",
        "/avatars/%2e%2e%2flooks%2fsecret.vrm",
        "/avatars/..%5csecret.vrm",
        "/avatars//etc/passwd",
        "/avatars/%00.vrm",
        "/avatars/" + "a" * 3_000 + ".vrm",
        "/" + "a" * 3_000 + ".js",
    ],
)
async def test_nothing_else_is_served(pages: Scene, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", pages.server.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"secret" not in answer


async def test_without_a_page_the_root_says_what_to_do(
    open_scene: OpenScene, tmp_path: Path
) -> None:
    scene = await open_scene(web=tmp_path)
    async with httpx.AsyncClient() as client:
        response = await client.get(scene.server.url)
    assert response.status_code == 404
    assert "make setup" in response.text


def rewrite(file: Path, content: bytes, modified_s: int) -> None:
    file.write_bytes(content)
    os.utime(file, (modified_s, modified_s))


async def test_an_avatar_is_read_again_only_when_it_has_changed(
    http: httpx.AsyncClient, vrm: Path
) -> None:
    seen = []
    for content, modified_s in ((b"one", 1_000), (b"two", 1_000), (b"three", 1_001)):
        rewrite(vrm, content, modified_s)
        seen.append((await http.get("/avatars/hoshi.vrm")).content)
    assert seen == [b"one", b"one", b"three"]


async def test_an_avatar_whose_file_is_gone_is_not_found(
    http: httpx.AsyncClient, vrm: Path
) -> None:
    os.unlink(vrm)
    response = await http.get("/avatars/hoshi.vrm")
    assert (response.status_code, response.text) == (404, "No character here has that avatar.\n")


async def test_a_session_is_told_where_the_avatar_is(pages: Scene) -> None:
    async with pages.client("idol.v1") as client:
        events = await client.until("idol.character")
    assert events[-1]["character"]["avatar_url"] == "/avatars/hoshi.vrm"


async def test_a_session_is_told_that_there_is_no_avatar(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        events = await client.until("idol.character")
    assert events[-1]["character"].get("avatar_url") is None


async def test_health_follows_the_server(pages: Scene, http: httpx.AsyncClient) -> None:
    server = pages.server
    assert (await http.get("/livez")).text == "alive\n"
    cold = await http.get("/readyz")
    assert (cold.status_code, cold.text) == (503, "warming up\n")
    server.is_warm = True
    assert (await http.get("/readyz")).status_code == 200
    server.is_draining = True
    draining = await http.get("/readyz")
    assert (draining.status_code, draining.text) == (503, "draining\n")
    server.is_draining = False


async def test_metrics_are_prometheus_text(pages: Scene, http: httpx.AsyncClient) -> None:
    async with pages.client() as client:
        await client.ask("Hi.")
        page = (await http.get("/metrics")).text
    assert "idol_ws_connections 1.0" in page
    assert 'idol_turns_total{status="completed"} 1.0' in page
    assert "idol_first_audio_seconds_count 1.0" in page


@pytest.mark.parametrize(("path", "length"), [("/stage.js", "10"), ("/avatars/hoshi.vrm", "13")])
async def test_head_is_get_without_a_body(http: httpx.AsyncClient, path: str, length: str) -> None:
    response = await http.head(path)
    assert response.status_code == 200
    assert response.headers["content-length"] == length
    assert response.content == b""


async def test_other_methods_are_refused(http: httpx.AsyncClient) -> None:
    assert (await http.post("/livez")).status_code == 405


async def test_the_endpoint_without_an_upgrade_says_so(http: httpx.AsyncClient) -> None:
    response = await http.get("/v1/realtime")
    assert response.status_code == 426


async def test_a_websocket_elsewhere_is_refused(pages: Scene) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://127.0.0.1:{pages.server.port}/v2"):
            pass
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize("target", ["//[x", "http://[x/"])
async def test_what_is_no_url_is_refused_in_a_sentence(
    scene: Scene, caplog: pytest.LogCaptureFixture, target: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.server.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    async with asyncio.timeout(10):
        sent = await reader.read()
    assert sent.startswith(b"HTTP/1.1 400 ")
    assert sent.endswith(b"Expected a path, found no URL.\n")
    assert not caplog.records
    writer.close()
    await writer.wait_closed()
