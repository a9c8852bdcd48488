"""A real HTTP server with the paths of OpenAI's chat completions, whose answers a test writes."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """What one request for a reply gets."""

    lines: Sequence[str] = ()
    """Of the stream, each written at once."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/event-stream"
    waits: bool = False
    """After these lines nothing more comes until the server is closed or the client has gone."""


def told(*texts: str, finish: str | None = "stop") -> list[str]:
    """The lines of a reply in these pieces."""
    lines = [
        "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]})
        for text in texts
    ]
    if finish is not None:
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
        lines += ["data: " + json.dumps(end), "data: [DONE]"]
    return lines


class ChatServer:
    def __init__(self) -> None:
        self.answers: list[Answer] = []
        """One a request; the last stays."""
        self.models: list[str] | None = ["tiny"]
        """None: it has no such list."""
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.has_been_left = threading.Event()
        """A client has gone in the middle of a reply."""
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    owner: ChatServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.owner.keys.append(self.headers.get("Authorization", ""))
        if self.path != "/v1/models" or self.owner.models is None:
            return self._whole(404, b"no such path")
        listed = {"data": [{"id": name} for name in self.owner.models]}
        self._whole(200, json.dumps(listed).encode())

    def do_POST(self) -> None:
        self.owner.keys.append(self.headers.get("Authorization", ""))
        length = int(self.headers["Content-Length"])
        self.owner.bodies.append(json.loads(self.rfile.read(length)))
        answers = self.owner.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for line in answer.lines:
                self.wfile.write(f"{line}\n\n".encode())
                self.wfile.flush()
            if answer.waits:
                self._wait_for_its_end()
        except OSError:
            self.owner.has_been_left.set()

    def _wait_for_its_end(self) -> None:
        self.connection.settimeout(0.05)
        while not self.owner.closing.is_set():
            try:
                if self.connection.recv(1) == b"":
                    self.owner.has_been_left.set()
                    return
            except TimeoutError:
                continue

    def _whole(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
