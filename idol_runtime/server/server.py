"""The server: one port for WebSocket sessions, the stage page, health and metrics."""

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path

from websockets.exceptions import NegotiationError
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from idol_runtime.conversation.character_handle import Cast
from idol_runtime.conversation.items import Speaker
from idol_runtime.errors import ConfigError
from idol_runtime.mind.memory.keeping import Keeper
from idol_runtime.mind.memory.own import OwnMemories
from idol_runtime.mind.memory.remembering import whose_of
from idol_runtime.server.access import (
    TOKEN_SUBPROTOCOL,
    is_token,
    refuse_headers,
    refuse_origin,
    subprotocols_of,
    tokens_of,
)
from idol_runtime.server.avatars import Avatars
from idol_runtime.server.client_socket import ClientSocket
from idol_runtime.server.config import ServerConfig, check_config, is_loopback
from idol_runtime.server.connection import BINARY_SUBPROTOCOL, FULL, JSON_SUBPROTOCOL, Connection
from idol_runtime.server.door import Door
from idol_runtime.server.memory import FreedMemory
from idol_runtime.server.metrics import ServerMetrics
from idol_runtime.server.pages import (
    WEB,
    Pages,
    answer,
    is_watching,
    model_of,
    path_of,
    sentence,
    without_body,
)
from idol_runtime.server.resumption import Sessions
from idol_runtime.server.session import Session
from idol_runtime.server.who import refuse_user, speaker_of, user_of

log = logging.getLogger(__name__)

ENDPOINT = "/v1/realtime"


class Server:
    """Serves the characters of a cast."""

    def __init__(
        self,
        config: ServerConfig,
        cast: Cast,
        *,
        avatars: Mapping[str, Path] | None = None,
        web: Path = WEB,
        metrics: ServerMetrics | None = None,
        memory: FreedMemory | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        """Checks the configuration; `start` listens.

        Args:
            config: Where to listen and who may connect.
            cast: Who answers.
            avatars: The VRM files that the stage page shows, by the name of the character's folder.
            web: The folder of the stage page.
            metrics: Where to count.
            memory: Told when a session has left.
            keeper: Of what characters remember of their users; None where they do not.

        Raises:
            ConfigError: a configuration that is not safe or not possible.
        """
        check_config(config)
        self.metrics = metrics or ServerMetrics()
        self.is_warm = False
        """Set when the models have run once; `/readyz` says 503 until then."""
        self.problem: Callable[[], str | None] = lambda: None
        """Asked by `/readyz` when warm: why no turn can be served now, as a sentence."""
        self.is_draining = False
        self._config = config
        self._memory = memory or FreedMemory()
        self._cast = cast
        self._keeper = keeper
        self._avatars = Avatars(avatars or {})
        self._pages = Pages(web, self._avatars)
        self._sessions = Sessions(config.limits, self.metrics)
        self._connections: set[Connection] = set()
        self._door: Door | None = None

    @property
    def port(self) -> int:
        assert self._door is not None
        port: int = self._door.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The stage page, as a browser on this machine reaches it."""
        host = self._config.host
        if host in ("0.0.0.0", "::", ""):
            host = "127.0.0.1"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    async def start(self) -> None:
        """Listens.

        Raises:
            ConfigError: the address is in use, not this machine's, or not allowed.
        """
        door = Door(
            self._config,
            self.metrics,
            respond=self._respond,
            enter=self._serve,
            select_subprotocol=_select_subprotocol,
            subprotocols=[Subprotocol(BINARY_SUBPROTOCOL), Subprotocol(JSON_SUBPROTOCOL)],
        )
        try:
            await door.open()
        except OSError as error:
            raise _cannot_listen(error, self._config) from None
        self._door = door

    async def shutdown(self, reason: str = "the server is shutting down") -> None:
        """Says goodbye, lets answers end within `Limits.drain_s`, and closes."""
        if self._door is None or self.is_draining:
            return
        self.is_draining = True
        log.info("server draining")
        drain_s = self._config.limits.drain_s
        for connection in self._connections:
            connection.go_away(reason, int(drain_s * 1000))
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s * 0.7):
                await asyncio.gather(*(each.replied() for each in self._connections))
        await asyncio.gather(*(each.close(1012, reason) for each in tuple(self._connections)))
        self._sessions.close()
        self._door.close(code=1012, reason=reason)
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_s * 0.2):
                await self._door.wait_closed()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._config.limits.answer_s):
                await self._sessions.ended()

    async def _serve(self, socket: ClientSocket) -> None:
        assert socket.request is not None
        assert self._door is not None
        name = self._cast.find(model_of(socket.request))
        assert name is not None  # the handshake was refused otherwise
        new_session = partial(
            self._new_session,
            name,
            is_watching=is_watching(socket.request),
            user=user_of(socket.request),
        )
        admit = partial(self._door.admit, socket)
        connection = Connection(
            socket, self._config, self.metrics, self._sessions, new_session, admit
        )
        self._connections.add(connection)
        self.metrics.connections.inc()
        try:
            tokens = _tokens(socket.request)
            is_trusted = self._config.token is None or bool(tokens)
            await connection.run(tokens, is_trusted=is_trusted)
        finally:
            self.metrics.connections.dec()
            self._connections.discard(connection)

    async def _new_session(
        self, name: str, *, is_host: bool, is_watching: bool, user: str, tenant: str
    ) -> Session:
        speaker = speaker_of(tenant, user)
        character = await self._cast.enter(
            name, is_host=is_host, is_watching=is_watching, speaker=speaker
        )
        return Session(
            character,
            self._config.limits,
            self.metrics,
            self._avatars.url(name),
            memories=self._memories(speaker, name),
            on_left=self._memory.give_back_soon,
        )

    def _memories(self, speaker: Speaker, name: str) -> OwnMemories | None:
        whose = whose_of(speaker, name)
        return None if self._keeper is None or whose is None else OwnMemories(self._keeper, whose)

    async def _respond(self, socket: ClientSocket, request: Request) -> Response | None:
        """Answers plain HTTP; None lets a WebSocket handshake go on."""
        path = path_of(request)
        if path is None:
            return sentence(HTTPStatus.BAD_REQUEST, "Expected a path, found no URL.")
        if refusal := refuse_headers(request.headers):
            return self._refuse("headers", HTTPStatus.BAD_REQUEST, refusal)
        if refusal := refuse_origin(request.headers, self._config):
            return self._refuse("origin", HTTPStatus.FORBIDDEN, refusal)
        if path == ENDPOINT:
            return self._check_handshake(socket, request)
        if request.method not in ("GET", "HEAD"):
            return sentence(HTTPStatus.METHOD_NOT_ALLOWED, "Expected GET or HEAD.")
        response = self._health(socket, request, path) or await self._pages.respond(path)
        return without_body(response) if request.method == "HEAD" else response

    def _check_handshake(self, socket: ClientSocket, request: Request) -> Response | None:
        if self.is_draining:
            return self._refuse(
                "draining", HTTPStatus.SERVICE_UNAVAILABLE, "The server is shutting down."
            )
        given = _tokens(request)
        if given and not any(is_token(each, self._config) for each in given):
            return self._refuse(
                "unauthorized", HTTPStatus.UNAUTHORIZED, "Expected the server's token."
            )
        if refusal := refuse_user(request):
            return self._refuse("user", HTTPStatus.BAD_REQUEST, refusal)
        if self._cast.find(model_of(request)) is None:
            return self._refuse(
                "model",
                HTTPStatus.NOT_FOUND,
                f"Expected ?model= to name one of {', '.join(self._cast.names)}, found another; "
                "choose one of them, or leave it out for the first.",
            )
        assert self._door is not None
        if (given or self._config.token is None) and not self._door.admit(socket):
            return self._refuse("full", HTTPStatus.SERVICE_UNAVAILABLE, FULL)
        return None

    def _health(self, socket: ClientSocket, request: Request, path: str) -> Response | None:
        match path:
            case "/livez":
                return sentence(HTTPStatus.OK, "alive")
            case "/readyz" if self.is_draining:
                return sentence(HTTPStatus.SERVICE_UNAVAILABLE, "draining")
            case "/readyz" if not self.is_warm:
                return sentence(HTTPStatus.SERVICE_UNAVAILABLE, "warming up")
            case "/readyz":
                problem = self.problem()
                if problem is not None:
                    return sentence(HTTPStatus.SERVICE_UNAVAILABLE, problem)
                return sentence(HTTPStatus.OK, "ready")
            case "/metrics":
                return self._metrics_page(socket, request)
        return None

    def _metrics_page(self, socket: ClientSocket, request: Request) -> Response:
        peer = socket.remote_address
        is_here = bool(peer) and is_loopback(str(peer[0]))
        given = tokens_of(request.headers, [])
        if not is_here and not any(is_token(each, self._config) for each in given):
            return self._refuse(
                "unauthorized", HTTPStatus.UNAUTHORIZED, "Expected the server's token."
            )
        return answer(HTTPStatus.OK, self.metrics.page(), "text/plain; version=0.0.4")

    def _refuse(self, reason: str, status: HTTPStatus, text: str) -> Response:
        self.metrics.refused.labels(reason).inc()
        return sentence(status, text)


@asynccontextmanager
async def open_server(server: Server) -> AsyncIterator[Server]:
    """A listening server; shut down at the end."""
    await server.start()
    try:
        yield server
    finally:
        await server.shutdown()


def _tokens(request: Request) -> list[str]:
    return tokens_of(request.headers, subprotocols_of(request.headers))


def _select_subprotocol(
    protocol: ServerProtocol, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    # Ours are known by name; a token may stand between them.
    names = [each for each in offered if not each.startswith(TOKEN_SUBPROTOCOL)]
    for name in names:
        if name in (BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL):
            return name
    if names:
        raise NegotiationError(
            f"expected the subprotocol {JSON_SUBPROTOCOL} or {BINARY_SUBPROTOCOL}, or none"
        )
    return None


def _cannot_listen(error: OSError, config: ServerConfig) -> ConfigError:
    where = f"{config.host}:{config.port}"
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"Another program listens on {where} already; stop it, or choose another port "
            "with `--port`."
        )
    if error.errno == errno.EACCES:
        return ConfigError(
            f"This user may not listen on {where}; choose a port over 1023 with `--port`."
        )
    return ConfigError(
        f"Cannot listen on {where}: {error.strerror or error}; choose an address of this machine "
        "with `--host`."
    )
