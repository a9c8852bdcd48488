"""One WebSocket connection: who it is, the session it carries, and what it reads."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Final, Protocol

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from idol_protocol.client_events import ClientEvent, IdolAuthenticate, IdolResume
from idol_protocol.errors import ProtocolError
from idol_protocol.events import encode_event, is_ours, parse_client_event
from idol_protocol.idol_events import IdolGoaway
from idol_protocol.server_events import Error
from idol_runtime.errors import RequestError
from idol_runtime.server.access import is_host, is_token
from idol_runtime.server.budget import cost_of
from idol_runtime.server.client_socket import ClientSocket
from idol_runtime.server.config import ServerConfig
from idol_runtime.server.downlink import Downlink
from idol_runtime.server.metrics import ServerMetrics
from idol_runtime.server.outbox import Outbox
from idol_runtime.server.requests import answer, error_object, refuse, report_defect
from idol_runtime.server.resumption import Sessions
from idol_runtime.server.session import Session
from idol_runtime.server.who import tenant_of

BINARY_SUBPROTOCOL = "idol.v1"
JSON_SUBPROTOCOL = "realtime"
UNAUTHORIZED = 4401
"""Close code of a connection that did not prove who it is."""
FORBIDDEN = 4403
"""Close code of a connection that may not do what its address asks for."""
PASSED = 1012
"""Close code of a connection that watches and is to look again."""
TAKEN_OVER = 4409
"""Close code of a connection whose session another one went on with."""
FULL = "The server holds as many sessions as it may; try again later."
TELL_EVERY_S: Final = 60.0
"""How often a client is told that it sends too fast."""
_FINISHED_CODES = (CloseCode.NORMAL_CLOSURE, CloseCode.NO_STATUS_RCVD)
"""Of a client that closed its connection. One that reloads its page goes away (1001), and a
connection that broke has no code at all (1006): those come back."""

log = logging.getLogger(__name__)


class NewSession(Protocol):
    async def __call__(self, *, is_host: bool, tenant: str) -> Session: ...


class Connection:
    def __init__(
        self,
        socket: ClientSocket,
        config: ServerConfig,
        metrics: ServerMetrics,
        sessions: Sessions,
        new_session: NewSession,
        admit: Callable[[], bool],
    ) -> None:
        self._socket = socket
        self._config = config
        self._metrics = metrics
        self._sessions = sessions
        self._new_session = new_session
        self._admit = admit
        downlink = Downlink(socket, unsent_bytes=config.limits.unsent_bytes)
        self._outbox = Outbox(downlink, config.limits, metrics)
        self._session: Session | None = None
        """None before it has one, and once another connection has taken it over."""
        self._beside: set[asyncio.Task[None]] = set()
        self._told_s = -TELL_EVERY_S

    async def run(self, tokens: Sequence[str], *, is_trusted: bool) -> None:
        """Serves the connection until it ends.

        Args:
            tokens: What the handshake carried.
            is_trusted: Whether the handshake already proved who this is.
        """
        if not is_trusted:
            token = await self._authenticate()
            if token is None:
                return
            tokens = [token]
        if not self._admit():
            full = ProtocolError(FULL, code="full")
            await self._turn_away(full, CloseCode.TRY_AGAIN_LATER, "no place is free")
            return
        self._socket.admit()
        try:
            session = await self._new_session(
                is_host=is_host(tokens, self._config), tenant=tenant_of(tokens, self._config)
            )
        except RequestError as refusal:
            problem = ProtocolError(str(refusal), code=refusal.code)
            await self._turn_away(problem, FORBIDDEN, "this is for the host")
            return
        self._sessions.enter(session, self)
        self._carry(session)
        if not is_trusted:
            session.tell_ours()  # the client said who it is by an event of ours
        writing = asyncio.create_task(self._outbox.run())
        passing = asyncio.create_task(self._close_when_passed(session))
        try:
            await session.begin()
            await self._read()
        finally:
            self._part()
            writing.cancel()
            passing.cancel()
            await asyncio.wait([writing, passing, *self._beside])

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
            async with asyncio.timeout(self._config.limits.answer_s):
                await self._outbox.flushed()
                await self._socket.close(code, reason)
        except TimeoutError:
            self._socket.transport.abort()

    def let_go(self) -> None:
        """Closes: another connection carries the session now."""
        self._session = None
        self._outbox.stop()
        self._start(self.close(TAKEN_OVER, "another connection went on with the session"))

    async def _read(self) -> None:
        is_first = True
        with suppress(ConnectionClosed):
            async for message in self._socket:
                await self._socket.turns.turn()
                session = self._session
                if session is None:  # another connection has it
                    return
                with self._socket.turns.working():
                    is_first = await self._take(session, message, is_first=is_first)
                await self._keep_to_budget()

    async def _take(self, session: Session, message: str | bytes, *, is_first: bool) -> bool:
        """Does what one message asks; whether the next may still begin by resuming a session."""
        try:
            event = self._parse(message)
        except ProtocolError as problem:
            self._socket.budget.spend(cost_of(None, len(message)))
            refuse(session, problem)
            return is_first
        self._socket.budget.spend(cost_of(event, len(message)))
        session.note(event)
        try:
            if is_first and isinstance(event, IdolResume):
                await self._resume(session, event)
            else:
                if is_ours(event):
                    session.tell_ours()
                await answer(session, event, message)
        except Exception as error:  # nothing that a client sends may end its connection
            log.error("an event failed", extra={"error": type(error).__name__})
            report_defect(session, event)
        # Saying who one is does not yet begin anything.
        return is_first and isinstance(event, IdolAuthenticate)

    async def _keep_to_budget(self) -> None:
        """Reads on only when the client has something left to spend."""
        if (debt_s := self._socket.budget.debt_s) <= 0:
            return
        self._metrics.throttled_s.inc(debt_s)
        if (now_s := time.monotonic()) - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            self._metrics.throttled.inc()
            if self._session is not None:
                refuse(self._session, _too_fast(self._config.limits.units_per_s))
        await self._socket.solvent()

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
        await self._turn_away(problem, UNAUTHORIZED, "a valid token is required")
        return None

    async def _turn_away(self, problem: ProtocolError, code: int, reason: str) -> None:
        self._metrics.refused.labels(problem.code).inc()
        with suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(self._config.limits.answer_s):
                await self._socket.send(encode_event(Error(error=error_object(problem))))
        await self._socket.close(code, reason)

    async def _close_when_passed(self, session: Session) -> None:
        if session.character.card.is_watching:
            await session.character.passed()
            if self._session is session:
                await self.close(PASSED, "the session that was watched has ended, or one is newer")

    def _carry(self, session: Session) -> None:
        session.attach(self._outbox, binary=self._socket.subprotocol == BINARY_SUBPROTOCOL)
        self._session = session

    async def _resume(self, fresh: Session, event: IdolResume) -> None:
        try:
            session = await self._sessions.resume(event.token, fresh, self)
        except ProtocolError as problem:
            problem.event_id = event.event_id
            fresh.tell_ours()
            refuse(fresh, problem)
            return
        fresh.detach()  # its streams share the way out that is now the other's
        self._carry(session)
        session.catch_up(event.last_event_id)
        self._start(self._confirm(session))
        await fresh.aclose()

    async def _confirm(self, session: Session) -> None:
        """Notices that the client has its new token: its answer to a ping is behind that."""
        if await self._outbox.written():
            with suppress(ConnectionClosed):
                await (await self._socket.ping())
                self._sessions.token_arrived(session, self)

    def _part(self) -> None:
        """A session that a client may come back to waits for it; any other ends."""
        if self._session is not None:
            is_finished = self._socket.close_code in _FINISHED_CODES
            may_return = self._session.can_be_resumed and not is_finished
            self._sessions.part(self._session, may_return=may_return)
            self._session = None

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


def _too_fast(units_per_s: float) -> ProtocolError:
    return ProtocolError(
        f"Expected events worth at most {units_per_s:g} units a second on average (a clock ping is "
        "one, an answer 200), found more; what comes is read more slowly, so send less.",
        code="rate_limit_exceeded",
    )
