"""The files of docs/deploy in front of a real server, as far as their programs are installed."""

import asyncio
import itertools
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from idol_runtime.cli.main import build_parser
from idol_runtime.cli.serve_settings import settings_of
from tests.server.conftest import OpenScene, Scene

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
PAGE = DEPLOY.parent / "deploying.md"
ORIGIN = "https://idol.example"
WHOLE_NGINX = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    include {folder}/idol.conf;
}}
"""


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        what = "systemd" if name.startswith("systemd") else "a program the tests need"
        pytest.skip(f"{what} is not installed: {name}")
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def replaced(text: str, changes: dict[str, str]) -> str:
    """Each of these must occur, so that the test changes what it believes to change."""
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(folder: Path, port: int, server_port: int) -> Iterator[str]:
    command = program("nginx")
    subprocess.run(
        [
            *(program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=idol.example", "-keyout", "privkey.pem", "-out", "fullchain.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    changes = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/letsencrypt/live/idol.example": str(folder),
        "127.0.0.1:8765": f"127.0.0.1:{server_port}",
    }
    (folder / "idol.conf").write_text(replaced((DEPLOY / "nginx.conf").read_text(), changes))
    whole = folder / "nginx.conf"
    whole.write_text(WHOLE_NGINX.format(folder=folder))
    start = [command, "-c", str(whole), "-e", str(folder / "error.log")]
    done = subprocess.run(start, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    try:
        yield "https"  # it listens before it goes into the background
    finally:
        subprocess.run([*start, "-s", "stop"], check=True)


@contextmanager
def caddy(folder: Path, port: int, server_port: int) -> Iterator[str]:
    command = program("caddy")
    changes = {
        "idol.example": f"http://idol.example:{port}",  # its certificates are its own affair
        "127.0.0.1:8765": f"127.0.0.1:{server_port}",
    }
    config, pid = folder / "Caddyfile", folder / "pid"
    site = replaced((DEPLOY / "Caddyfile").read_text(), changes)
    config.write_text("{\n\tadmin off\n}\n" + site)
    done = subprocess.run(
        [command, "start", "--adapter", "caddyfile", "--config", config, "--pidfile", pid],
        env=os.environ | {"HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # a pipe would stay open as long as Caddy runs
        check=False,
    )
    assert done.returncode == 0
    try:
        yield "http"  # it listens before `caddy start` returns
    finally:
        os.kill(int(pid.read_text()), signal.SIGTERM)


@pytest.mark.parametrize("proxy", [nginx, caddy])
async def test_a_proxy_carries_pages_and_sessions_and_hides_metrics(
    open_scene: OpenScene,
    tmp_path: Path,
    proxy: Callable[[Path, int, int], AbstractContextManager[str]],
) -> None:
    web, folder = tmp_path / "web", tmp_path / "proxy"
    for each in (web, folder):
        os.mkdir(each)
    scene: Scene = await open_scene(token="viewers", allowed_origins=(ORIGIN,), web=web)
    port = free_port()
    with proxy(folder, port, scene.server.port) as scheme:
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        async with httpx.AsyncClient(
            base_url=f"{scheme}://127.0.0.1:{port}", headers={"Host": "idol.example"}, verify=tls
        ) as client:
            for path, status in (("/livez", 200), ("/readyz", 503), ("/", 404), ("/metrics", 404)):
                response = await client.get(path, extensions={"sni_hostname": "idol.example"})
                assert response.status_code == status, path
                assert b"idol_" not in response.content
        for origin, token, refused in (
            (ORIGIN, "viewers", None),
            (ORIGIN, "wrong", 401),
            ("https://evil.example", "viewers", 403),
        ):
            session = connect(
                f"{'wss' if scheme == 'https' else 'ws'}://idol.example:{port}/v1/realtime",
                host="127.0.0.1",
                port=port,
                ssl=tls if scheme == "https" else None,
                origin=Origin(origin),
                additional_headers={"Authorization": f"Bearer {token}"},
                proxy=None,
            )
            if refused is None:
                async with asyncio.timeout(20), session as socket:
                    assert json.loads(await socket.recv())["type"] == "session.created"
            else:
                with pytest.raises(InvalidStatus) as error:
                    await session
                assert error.value.response.status_code == refused


def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    command = program("systemd-analyze")
    unit = tmp_path / "idol.service"
    text = (DEPLOY / "idol.service").read_text()
    unit.write_text(replaced(text, {"/opt/idol/bin/idol": shutil.which("true") or "/bin/true"}))
    done = subprocess.run(
        [command, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_image_starts_a_server_that_its_settings_allow() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    [command] = [json.loads(line.removeprefix("CMD ")) for line in lines if line.startswith("CMD ")]
    options = build_parser().parse_args(command)
    assert settings_of(options, {"IDOL_TOKEN": "viewers"}).server.host == "0.0.0.0"
    copied = [line.split()[1:-1] for line in lines if re.match("COPY (?!--)", line)]
    for source in (DEPLOY.parents[1] / each for each in itertools.chain(*copied)):
        assert source.exists(), source


@pytest.mark.parametrize("file", ["idol.service", "nginx.conf", "Caddyfile", "Dockerfile"])
def test_the_page_shows_each_file_as_it_is(file: str) -> None:
    assert (DEPLOY / file).read_text() in PAGE.read_text(encoding="utf-8")
