"""Plain HTTP on the same port: the stage page, avatars, health and metrics."""

import email.utils
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from idol_runtime.server.avatars import CONTENT_TYPE, FOLDER, Avatars
from idol_runtime.server.file_cache import FileCache

WEB: Final = Path(__file__).parents[1] / "web"
CONTENT_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
"""Only files of these kinds are served."""
NOT_SERVED: Final = frozenset({"node_modules"})


class Pages:
    """The files of the stage page, and the avatars it shows."""

    def __init__(self, web: Path, avatars: Avatars) -> None:
        """Takes the folder of the page and the characters' VRM files."""
        self._web = web.resolve()
        self._avatars = avatars
        self._cache = FileCache()

    async def respond(self, path: str) -> Response:
        """The file a page asked for, or 404."""
        if path.startswith(FOLDER):
            vrm = await self._avatars.content(path)
            if vrm is None:
                return sentence(HTTPStatus.NOT_FOUND, "No character here has that avatar.")
            return answer(HTTPStatus.OK, vrm, CONTENT_TYPE)
        if path == "/favicon.ico" and not (self._web / "favicon.ico").is_file():
            return answer(HTTPStatus.NO_CONTENT, b"", "image/x-icon")
        file = self._file(path)
        content = await self._cache.content(file) if file else None
        if file is None or content is None:
            return sentence(
                HTTPStatus.NOT_FOUND,
                "The stage page is not set up; run `make setup`."
                if path == "/"
                else "There is nothing here; the stage page is at /.",
            )
        return answer(HTTPStatus.OK, content, CONTENT_TYPES[file.suffix])

    def _file(self, path: str) -> Path | None:
        """The file of a URL path, if it is one of the page's own."""
        parts = PurePosixPath(unquote(path).lstrip("/") or "index.html").parts
        if any(each in NOT_SERVED or each.startswith(".") or "\\" in each for each in parts):
            return None
        try:
            file = self._web.joinpath(*parts).resolve()
        except (OSError, ValueError):  # a null byte or a name no file can have
            return None
        inside = file.is_relative_to(self._web)  # also when a link leads elsewhere
        return file if inside and file.suffix in CONTENT_TYPES else None


def path_of(request: Request) -> str | None:
    """The path a request asks for; None where what it asks for is no URL, as `//[` is none."""
    try:
        return urlsplit(request.path).path
    except ValueError:
        return None


def model_of(request: Request) -> str | None:
    """The `model` of the query of a request that has a path, if it names one."""
    return parse_qs(urlsplit(request.path).query).get("model", [None])[0]


def is_watching(request: Request) -> bool:
    """Whether a request that has a path asks, by `watch` in its query, only to look on."""
    return "watch" in parse_qs(urlsplit(request.path).query, keep_blank_values=True)


def sentence(status: HTTPStatus, text: str) -> Response:
    return answer(status, f"{text}\n".encode(), "text/plain; charset=utf-8")


def answer(status: HTTPStatus, body: bytes, content_type: str) -> Response:
    headers = Headers(
        [
            ("Date", email.utils.formatdate(usegmt=True)),
            ("Connection", "close"),
            ("Content-Length", str(len(body))),
            ("Content-Type", content_type),
            ("Cache-Control", "no-cache"),
            ("X-Content-Type-Options", "nosniff"),
        ]
    )
    return Response(status.value, status.phrase, headers, body)


def without_body(response: Response) -> Response:
    """What HEAD gets."""
    return Response(response.status_code, response.reason_phrase, response.headers, b"")
