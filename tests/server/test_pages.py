"""Plain HTTP on the same port."""

from pathlib import Path

import httpx
import pytest


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
async def http(open_scene, web: Path):
    scene = await open_scene(web=web, avatar=lambda: b"glTF-of-the-idol")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{scene.server.port}") as client:
        client.scene = scene  # type: ignore[attr-defined]
        yield client


@pytest.mark.parametrize(
    ("path", "kind", "content"),
    [
        ("/", "text/html", "<title>stage</title>"),
        ("/?overlay", "text/html", "<title>stage</title>"),
        ("/index.html", "text/html", "<title>stage</title>"),
        ("/stage.js", "text/javascript", "export {};"),
        ("/vendor/three.module.js", "text/javascript", "export const three = 1;"),
        ("/avatar.vrm", "model/gltf-binary", "glTF-of-the-idol"),
    ],
)
async def test_the_stage_page_and_its_files_are_served(http, path, kind, content) -> None:
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
        "/" + "a" * 3_000 + ".js",
    ],
)
async def test_nothing_else_is_served(http, path: str) -> None:
    import asyncio

    reader, writer = await asyncio.open_connection("127.0.0.1", http.scene.server.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"secret" not in answer


async def test_without_a_page_the_root_says_what_to_do(open_scene, tmp_path: Path) -> None:
    scene = await open_scene(web=tmp_path)
    async with httpx.AsyncClient() as client:
        response = await client.get(scene.server.url)
    assert response.status_code == 404
    assert "make setup" in response.text


async def test_the_avatar_is_made_once(open_scene, web: Path) -> None:
    made = []
    scene = await open_scene(web=web, avatar=lambda: made.append(1) or b"vrm")
    async with httpx.AsyncClient(base_url=scene.server.url) as client:
        assert (await client.get("avatar.vrm")).content == b"vrm"
        assert (await client.get("avatar.vrm")).content == b"vrm"
    assert made == [1]


async def test_health_follows_the_server(http) -> None:
    server = http.scene.server
    assert (await http.get("/livez")).text == "alive\n"
    cold = await http.get("/readyz")
    assert (cold.status_code, cold.text) == (503, "warming up\n")
    server.is_warm = True
    assert (await http.get("/readyz")).status_code == 200
    server.is_draining = True
    draining = await http.get("/readyz")
    assert (draining.status_code, draining.text) == (503, "draining\n")
    server.is_draining = False


async def test_metrics_are_prometheus_text(http) -> None:
    async with http.scene.client() as client:
        await client.ask("Hi.")
        page = (await http.get("/metrics")).text
    assert "idol_ws_connections 1.0" in page
    assert 'idol_turns_total{status="completed"} 1.0' in page
    assert "idol_first_audio_seconds_count 1.0" in page


async def test_head_is_get_without_a_body(http) -> None:
    response = await http.head("/stage.js")
    assert response.status_code == 200
    assert response.headers["content-length"] == "10"
    assert response.content == b""


async def test_other_methods_are_refused(http) -> None:
    assert (await http.post("/livez")).status_code == 405


async def test_the_endpoint_without_an_upgrade_says_so(http) -> None:
    response = await http.get("/v1/realtime")
    assert response.status_code == 426


async def test_a_websocket_elsewhere_is_refused(http) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://127.0.0.1:{http.scene.server.port}/v2"):
            pass
    assert refused.value.response.status_code == 404
