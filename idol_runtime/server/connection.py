"""One WebSocket connection: who it is, the session it carries, and what it reads."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from idol_protocol.client_events import ClientEvent, IdolAuthenticate, IdolResume
from idol_protocol.errors import ProtocolError
from idol_protocol.events import encode_event, parse_client_event
from idol_protocol.idol_events import IdolGoaway
from idol_protocol.server_events import Error
from idol_runtime.errors import RequestError
from idol_runtime.server.access import is_host, is_token
from idol_runtime.server.config import ServerConfig
from idol_runtime.server.metrics import ServerMetrics
from idol_runtime.server.outbox import Outbox
from idol_runtime.server.requests import answer, error_object, refuse
from idol_runtime.server.session import Session
from idol_runtime.server.waiting import WaitingRoom

BINARY_SUBPROTOCOL = "idol.v1"
JSON_SUBPROTOCOL = "realtime"
UNAUTHORIZED = 4401
"""Close code of a connection that did not prove who it is."""
FORBIDDEN = 4403
"""Close code of a connection that may not do what its address asks for."""
PASSED = 1012
"""Close code of a connection that watches and is to look again."""
_FINISHED_CODES = (CloseCode.NORMAL_CLOSURE, CloseCode.NO_STATUS_RCVD)
"""Of a client that closed its connection. One that reloads its page goes away (1001), and a
connection that broke has no code at all (1006): those come back."""


class NewSession(Protocol):
    async def __call__(self, *, is_host: bool) -> Session: ...


class Connection:
    def __init__(
        self,
        socket: ServerConnection,
        config: ServerConfig,
        metrics: ServerMetrics,
        waiting: WaitingRoom,
        new_session: NewSession,
    ) -> None:
        self._socket = socket
        self._config = config
        self._metrics = metrics
        self._waiting = waiting
        self._new_session = new_session
        self._outbox = Outbox(socket, config.limits, metrics)
        self._session: Session | None = None

    async def run(self, tokens: Sequence[str], *, is_trusted: bool) -> None:
        """Serves the connection until it ends.

        Args:
            tokens: What the handshake carried.
            is_trusted: Whether the handshake already proved who this is.
        """
        self._limit_unsent()
        if not is_trusted:
            token = await self._authenticate()
            if token is None:
                return
            tokens = [token]
        try:
            session = self._carry(await self._new_session(is_host=is_host(tokens, self._config)))
        except RequestError as refusal:
            await self._turn_away(refusal)
            return
        writing = asyncio.create_task(self._outbox.run())
        passing = asyncio.create_task(self._close_when_passed(session))
        try:
            await session.begin()
            await self._read()
        finally:
            writing.cancel()
            passing.cancel()
            await asyncio.wait([writing, passing])
            await self._part()

    async def replied(self) -> None:
        """Returns when no answer is being given."""
        if self._session is not None:
            await self._session.character.settled()

    def go_away(self, reason: str, in_ms: int) -> None:
        if self._session is not None:
            self._session.emit(IdolGoaway(reason=reason, in_ms=in_ms))

    async def close(self, code: int, reason: str) -> None:
        """Writes what is queued, then closes; a client that does not read is dropped."""
        try:
            async with asyncio.timeout(self._config.limits.stall_s):
                await self._outbox.flushed()
                await self._socket.close(code, reason)
        except TimeoutError:
            self._socket.transport.abort()

    async def _read(self) -> None:
        is_first = True
        with suppress(ConnectionClosed):
            async for message in self._socket:
                assert self._session is not None
                try:
                    event = self._parse(message)
                except ProtocolError as problem:
                    refuse(self._session, problem)
                else:
                    if is_first and isinstance(event, IdolResume):
                        await self._resume(event)
                    else:
                        await answer(self._session, event)
                    # Saying who one is does not yet begin anything.
                    is_first = is_first and isinstance(event, IdolAuthenticate)

    def _parse(self, message: str | bytes) -> ClientEvent:
        if isinstance(message, bytes):
            raise ProtocolError(
                "Expected a text message with a JSON event, found a binary one; "
                "binary messages only go from the server to the client.",
                code="binary_not_accepted",
            )
        limit = self._config.limits.max_event_bytes
        size = len(message) if message.isascii() else len(message.encode())
        if size > limit:
            raise ProtocolError(
                f"Expected an event of at most {limit} bytes, found {size}; send less at a time.",
                code="message_too_large",
            )
        return parse_client_event(message)

    async def _authenticate(self) -> str | None:
        """The token, if the first event gave one in time; the connection is closed if not."""
        problem = ProtocolError(
            "Expected the server's token in the Authorization header, in an "
            "`openai-insecure-api-key.` subprotocol, or in `idol.authenticate` as the first event.",
            code="unauthorized",
        )
        try:
            async with asyncio.timeout(self._config.limits.authenticate_s):
                event = self._parse(await self._socket.recv())
            if isinstance(event, IdolAuthenticate) and is_token(event.token, self._config):
                return event.token
        except ConnectionClosed:
            return None
        except TimeoutError:
            pass
        except ProtocolError as unreadable:
            problem = unreadable
        self._metrics.refused.labels("unauthorized").inc()
        with suppress(ConnectionClosed):
            await self._socket.send(encode_event(Error(error=error_object(problem))))
        await self._socket.close(UNAUTHORIZED, "a valid token is required")
        return None

    async def _turn_away(self, refusal: RequestError) -> None:
        self._metrics.refused.labels(refusal.code).inc()
        problem = ProtocolError(str(refusal), code=refusal.code)
        with suppress(ConnectionClosed):
            await self._socket.send(encode_event(Error(error=error_object(problem))))
        await self._socket.close(FORBIDDEN, "this is for the host")

    async def _close_when_passed(self, session: Session) -> None:
        if session.character.card.is_watching:
            await session.character.passed()
            await self.close(PASSED, "the session that was watched has ended, or one is newer")

    def _carry(self, session: Session) -> Session:
        session.attach(self._outbox, binary=self._socket.subprotocol == BINARY_SUBPROTOCOL)
        self._session = session
        return session

    async def _resume(self, event: IdolResume) -> None:
        fresh = self._session
        assert fresh is not None
        session = self._waiting.take(event.token)
        if session is None:
            problem = ProtocolError(
                "No session waits for this token: it was never given, is used already, or its "
                f"{self._config.limits.resume_s:g} seconds are over. Go on with this new session.",
                code="session_not_found",
                param="token",
                event_id=event.event_id,
            )
            refuse(fresh, problem)
            return
        self._outbox.lanes.clear()
        await fresh.aclose()
        self._carry(session).catch_up(event.last_event_id)

    async def _part(self) -> None:
        """A session whose connection broke waits for its client; any other ends."""
        session = self._session
        if session is None:
            return
        session.detach()
        is_broken = self._socket.close_code not in _FINISHED_CODES
        if is_broken and session.is_used and not self._waiting.is_closed:
            self._waiting.admit(session)
        else:
            await session.aclose()

    def _limit_unsent(self) -> None:
        """Keeps stale frames out of the kernel's buffers, where nothing can replace them."""
        option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        raw = self._socket.transport.get_extra_info("socket")
        if raw is not None and option is not None:
            with suppress(OSError):  # not every system has it
                raw.setsockopt(socket.IPPROTO_TCP, option, self._config.limits.unsent_bytes)
