"""A real HTTP server whose files can misbehave, and package archives built on the spot."""

import base64
import gzip
import hashlib
import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Served:
    """What one address gives."""

    content: bytes
    headers: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    """Answered first, one a request, before the content."""
    cuts: list[int] = field(default_factory=list)
    """Bytes after which a transfer breaks, one a request, before it works."""
    has_ranges: bool = True
    has_length: bool = True
    token: str = ""
    """What a Bearer header must say, when it takes one."""
    login: str = ""
    """`user:password`, when it takes one."""
    redirect: str = ""
    """Where every request is sent instead."""
    before_body: Callable[[int], None] | None = None
    """Called with the number of bytes about to be sent, after the first half of them is out."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    range: str


class FileServer:
    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.requests: list[Request] = []
        self.tokens: list[tuple[str, str]] = []
        """The path and the Authorization header of each request."""
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def serve(self, path: str, content: bytes, **behaviour: Any) -> str:
        self.files[path] = Served(content, **behaviour)
        return self.url + path

    def gets(self, path: str) -> list[str]:
        """The Range header of each GET of `path`."""
        return [r.range for r in self.requests if (r.method, r.path) == ("GET", path)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of some tests."""


class _Handler(BaseHTTPRequestHandler):
    owner: FileServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer("HEAD")

    def do_GET(self) -> None:
        self._answer("GET")

    def _answer(self, method: str) -> None:
        wanted = self.headers.get("Range", "")
        self.owner.requests.append(Request(method, self.path, wanted))
        served = self.owner.files.get(self.path)
        if served is None:
            return self._refuse(404)
        self.owner.tokens.append((self.path, self.headers.get("Authorization", "")))
        if served.token and self.headers.get("Authorization") != f"Bearer {served.token}":
            return self._refuse(401, **{"X-Error-Code": "GatedRepo"})
        if served.redirect:
            return self._refuse(302, Location=served.redirect, **served.headers)
        if served.statuses:
            return self._refuse(served.statuses.pop(0))
        token = base64.b64encode(served.login.encode()).decode()
        if served.login and self.headers.get("Authorization") != f"Basic {token}":
            return self._refuse(401)
        start, end = 0, len(served.content)
        if wanted and served.has_ranges and (found := re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)):
            start, end = int(found[1]), min(end, int(found[2]) + 1) if found[2] else end
            if start >= len(served.content):
                return self._refuse(416)
        body, total = served.content[start:end], len(served.content)
        is_part = len(body) < total
        self.send_response(206 if is_part else 200)
        if is_part:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{total}")
        if served.has_length:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.close_connection = True
            self.send_header("Connection", "close")
        for name, value in served.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if method == "GET":
            self._send(served, body)

    def _send(self, served: Served, body: bytes) -> None:
        try:
            if served.cuts:
                self.wfile.write(body[: served.cuts.pop(0)])
                self.close_connection = True
                return
            half = len(body) // 2
            self.wfile.write(body[:half])
            self.wfile.flush()
            if served.before_body is not None:
                served.before_body(len(body))
            self.wfile.write(body[half:])
        except OSError:
            self.close_connection = True  # the client went away, as some tests want

    def _refuse(self, status: int, **headers: str) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="files"')
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel(package: str, version: str, members: Mapping[str, bytes]) -> bytes:
    """A wheel that pip accepts."""
    info = f"{package.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
    everything = {
        **members,
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in everything.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarball(members: Mapping[str, bytes]) -> bytes:
    """An npm package's archive."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
