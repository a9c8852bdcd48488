"""The door: accepts connections at the turnstile's pace and keeps few that are not in yet."""

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, Final, Literal

from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from idol_runtime.server.client_socket import ClientProtocol, ClientSocket, Respond
from idol_runtime.server.config import ServerConfig
from idol_runtime.server.metrics import ServerMetrics
from idol_runtime.server.turnstile import Turnstile

resource: ModuleType | None
try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None

log = logging.getLogger(__name__)

BACKLOG: Final = 512
"""Connections that the system keeps until they are accepted."""
OTHER_FILES: Final = 128
"""Open files that are not connections: models, workers, pages, outputs."""
RETRY_S: Final = 0.1
"""After which a file may be free that nobody gave back here."""
TELL_EVERY_S: Final = 60.0
_NO_ROOM: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_Kind = Literal["silent", "unknown", "page"]
Enter = Callable[[ClientSocket], Awaitable[None]]
"""Serves a connection that has become a WebSocket, until it ends."""
SelectSubprotocol = Callable[[ServerProtocol, Any], Any]


class Door(WebSocketServer):
    """Listens, shakes hands, and hands over who comes in."""

    def __init__(
        self,
        config: ServerConfig,
        metrics: ServerMetrics,
        *,
        respond: Respond,
        enter: Enter,
        select_subprotocol: SelectSubprotocol,
        subprotocols: list[Any],
    ) -> None:
        """A closed door; needs a running event loop."""
        super().__init__(self._bind, self._welcome, _quiet())
        limits = config.limits
        self.turns = Turnstile(limits.client_share)
        self.max_members, self.max_strangers = places(
            limits.max_connections, limits.max_strangers, _open_files()
        )
        """How many may be here at once, with as many open files as the system allows."""
        if self.max_members < limits.max_connections:
            log.warning(
                "the system allows too few open files for all connections; raise its limit "
                "(`ulimit -n`)",
                extra={"connections": self.max_members},
            )
        self._config = config
        self._metrics = metrics
        self._respond = respond
        self._enter = enter
        self._select = select_subprotocol
        self._subprotocols = subprotocols
        self._strangers: dict[ClientSocket, None] = {}
        self._members: set[ClientSocket] = set()
        self._accepting: list[asyncio.Task[None]] = []
        self._told_s = -TELL_EVERY_S

    async def open(self) -> None:
        """Listens; raises `OSError` where that cannot be."""
        self.server = await self._bind()
        listening = [each.dup() for each in self.server.sockets]
        for each in listening:
            each.setblocking(False)
            each.listen(BACKLOG)
        self._accepting = [asyncio.create_task(self._accept(each)) for each in listening]

    def is_serving(self) -> bool:
        return any(not each.done() for each in self._accepting)

    def close(self, close_connections: bool = True, code: int = 1001, reason: str = "") -> None:
        for each in self._accepting:
            each.cancel()
        for stranger in tuple(self._strangers):
            if stranger.protocol.state is not OPEN:
                stranger.transport.abort()
        super().close(close_connections, code, reason)

    def admit(self, client: ClientSocket) -> bool:
        """Gives a stranger a place for as long as it is connected; False where none is free."""
        if client in self._members:
            return True
        if len(self._members) >= self.max_members and not self._free_a_place():
            return False
        self._strangers.pop(client, None)
        self._members.add(client)
        self._count()
        return True

    # One connection

    async def _welcome(self, connection: ServerConnection) -> None:
        assert isinstance(connection, ClientSocket)
        self._strangers[connection] = None
        self._count()
        try:
            await connection.shake_hands(self._respond)
            if connection.protocol.state is OPEN:
                await self._serve(connection)
        except (TimeoutError, OSError):
            pass
        except Exception as error:
            log.error("a connection failed", extra={"error": type(error).__name__})
        finally:
            connection.transport.abort()
            self._strangers.pop(connection, None)
            self._members.discard(connection)
            self._count()
            task = asyncio.current_task()
            assert task is not None
            self.handler_tasks.discard(task)

    async def _serve(self, client: ClientSocket) -> None:
        self.all_connections.add(client)
        client.start_keepalive()
        try:
            async with client:
                await self._enter(client)
        finally:
            self.all_connections.discard(client)

    def _new(self) -> ClientSocket:
        limits = self._config.limits
        protocol = ClientProtocol(
            select_subprotocol=self._select,
            subprotocols=self._subprotocols,
            max_size=limits.stranger_bytes,
            logger=self.logger,
        )
        protocol.member_bytes = limits.max_message_bytes
        return ClientSocket(self, protocol, limits, self.turns)

    # All of them

    async def _bind(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            self._new, self._config.host, self._config.port, start_serving=False
        )

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self.turns.turn()
                try:
                    accepted, _ = await loop.sock_accept(listening)
                except OSError as error:
                    await self._could_not_accept(error)
                    continue
                with self.turns.working():
                    self._make_room()
                    await self._begin(accepted)
        finally:
            listening.close()

    async def _begin(self, accepted: socket.socket) -> None:
        try:
            loop = asyncio.get_running_loop()
            await loop.connect_accepted_socket(self._new, accepted)
        except Exception as error:  # one that fails must not close the door to all
            accepted.close()
            log.error("a connection could not begin", extra={"error": type(error).__name__})

    async def _could_not_accept(self, error: OSError) -> None:
        if error.errno not in _NO_ROOM:
            return  # the connection is gone again
        self._metrics.refused.labels("files").inc()
        if (now_s := time.monotonic()) - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            log.error(
                "the system lets this server open no more connections; raise its limit of open "
                "files (`ulimit -n`)"
            )
        if not self._displace():
            await asyncio.sleep(RETRY_S)

    def _make_room(self) -> None:
        if len(self._strangers) >= self.max_strangers:
            self._displace()

    def _displace(self) -> bool:
        """A stranger goes, if there is one: the oldest of the kind that most are of.

        So none of them can fill the house: not who asks for nothing, nor who never says who it is,
        nor who fetches a page and does not read it.
        """
        if not self._strangers:
            return False
        kinds: dict[_Kind, list[ClientSocket]] = {}
        for each in self._strangers:
            kinds.setdefault(_kind(each), []).append(each)
        oldest = max(kinds.values(), key=len)[0]
        self._strangers.pop(oldest)
        self._metrics.refused.labels("displaced").inc()
        oldest.transport.abort()
        return True

    def _free_a_place(self) -> bool:
        """The member that has asked for more than is its share for longest goes, if one has."""
        slowest = max(self._members, key=lambda each: each.behind_s)
        if slowest.behind_s < self._config.limits.max_behind_s:
            return False
        self._members.discard(slowest)
        self._metrics.refused.labels("displaced").inc()
        slowest.transport.abort()
        return True

    def _count(self) -> None:
        self._metrics.strangers.set(len(self._strangers))


def _kind(stranger: ClientSocket) -> _Kind:
    if stranger.request is None:
        return "silent"
    return "unknown" if stranger.protocol.state is OPEN else "page"


def places(max_members: int, max_strangers: int, open_files: int | None) -> tuple[int, int]:
    """How many of each the system's limit of open files allows."""
    if open_files is None:
        return max_members, max_strangers
    sockets = max(open_files - OTHER_FILES, open_files // 2)
    strangers = max(min(max_strangers, max(sockets - max_members, sockets // 4)), 1)
    return max(min(max_members, sockets - strangers), 1), strangers


def _open_files() -> int | None:
    """The limit of this process, or None where there is none."""
    if resource is None:
        return None
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if files == resource.RLIM_INFINITY else files


def _quiet() -> logging.Logger:
    """What websockets logs: no messages of users, and a line where it would log a traceback."""
    quiet = logging.getLogger(f"{__name__}.websockets")
    quiet.setLevel(logging.WARNING)  # at DEBUG it would log every message
    if not quiet.filters:
        quiet.addFilter(_without_traceback)
    return quiet


def _without_traceback(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[0] is not None:
        record.error = record.exc_info[0].__name__
        record.exc_info = None
    return True
