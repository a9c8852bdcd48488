"""Sessions by their tokens: a client that comes back goes on with its own.

It finds it whether the server has noticed that the old connection broke or not: a session that
waits is taken, one that is carried still is taken over. Each return gives a new token. The one
that was used stays good until the new one is known to have arrived, because a connection can break
before it did.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Final, Protocol

from idol_protocol.errors import ProtocolError
from idol_runtime.server.config import Limits
from idol_runtime.server.metrics import ServerMetrics
from idol_runtime.server.session import Session

REMEMBERED_TOKENS: Final = 1024
"""Of sessions that are over: who comes with one is told why."""


class Carrier(Protocol):
    """The connection that carries a session."""

    def let_go(self) -> None:
        """Another connection carries the session now: nothing more of it is sent on this one."""
        ...


@dataclass(eq=False)
class _Held:
    session: Session
    carrier: Carrier | None
    """None while it waits."""
    tokens: set[str]
    """All that open it: its own, and those that its own has not replaced for certain."""
    token_arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Or the connection that it was sent on is gone."""
    timer: asyncio.TimerHandle | None = None


class Sessions:
    """All sessions of a server that have a token."""

    def __init__(self, limits: Limits, metrics: ServerMetrics) -> None:
        self.is_closed = False
        self._limits = limits
        self._metrics = metrics
        self._by_token: dict[str, _Held] = {}
        self._held: dict[Session, _Held] = {}
        self._waiting: dict[_Held, int] = {}
        """Those that no connection carries, the longest first, and the bytes that each keeps."""
        self._over: dict[str, str] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def enter(self, session: Session, carrier: Carrier) -> None:
        """A session that has just begun."""
        held = _Held(session, carrier, {session.resume_token})
        held.token_arrived.set()
        self._held[session] = held
        self._by_token[session.resume_token] = held

    async def resume(self, token: str, fresh: Session, carrier: Carrier) -> Session:
        """The session of this token, which `carrier` carries from now on.

        Args:
            token: Of `idol.resume`.
            fresh: The session that the connection began with; the caller ends it. Its token opens
                the other one now, too: a client may have kept it in the place of the one it sent.
            carrier: The connection that it came on.

        Raises:
            ProtocolError: there is no such session any more; the sentence says why.
        """
        held = await self._find(token)
        if held is None or held.session is fresh:
            raise ProtocolError(
                f"{self._over.get(token, 'No session has this token')}. Go on with this new "
                "session.",
                code="session_not_found",
                param="token",
            )
        if held.carrier is not None:
            held.carrier.let_go()
            held.session.detach()
        self._stop_waiting(held)
        held.carrier = carrier
        given = self._forget(self._held[fresh])
        held.session.resume_token = secrets.token_urlsafe(24)
        self._accept(held, {token, *given, held.session.resume_token})
        held.token_arrived = asyncio.Event()
        return held.session

    def token_arrived(self, session: Session, carrier: Carrier) -> None:
        """The client has the token that it was given on this connection: no other opens now."""
        held = self._held.get(session)
        if held is not None and held.carrier is carrier:
            for old in held.tokens - {session.resume_token}:
                self._remember(old, "A newer token has been given for this session")
            self._accept(held, {session.resume_token})
            held.token_arrived.set()

    def part(self, session: Session, *, may_return: bool) -> None:
        """The connection that carried it is gone: it waits for its client, or ends."""
        session.detach()
        held = self._held[session]
        held.carrier = None
        held.token_arrived.set()
        if not may_return:
            self._end(held, "Its client closed the connection, which ended the session")
        elif self.is_closed:
            self._end(held, "The server is shutting down")
        else:
            self._wait(held)

    def close(self) -> None:
        """Ends every session that waits and lets no other wait."""
        self.is_closed = True
        for held in list(self._waiting):
            self._end(held, "The server is shutting down")

    async def ended(self) -> None:
        """Returns when all sessions that have ended have left their characters."""
        while self._ending:
            await asyncio.wait(self._ending)

    async def _find(self, token: str) -> _Held | None:
        """Whose token it is.

        A token that was replaced opens only if the connection that was given the new one does not
        answer: of two that come with the same token at once, the first has it.
        """
        while (held := self._by_token.get(token)) and token != held.session.resume_token:
            carrier, arrived = held.carrier, held.token_arrived
            if carrier is None:
                break
            try:
                async with asyncio.timeout(self._limits.answer_s):
                    await arrived.wait()
            except TimeoutError:
                if held.carrier is carrier:
                    break
        return held

    def _wait(self, held: _Held) -> None:
        self._waiting[held] = held.session.kept_bytes
        limit = self._limits.max_waiting_sessions or self._limits.max_connections
        while len(self._waiting) > limit or (
            len(self._waiting) > 1 and sum(self._waiting.values()) > self._limits.max_waiting_bytes
        ):
            self._end(
                next(iter(self._waiting)),
                "More sessions waited than the server keeps, and this one had waited longest",
            )
        if held in self._waiting:
            loop = asyncio.get_running_loop()
            resume_s = self._limits.resume_s
            reason = f"The {resume_s:g} seconds in which it could be resumed are over"
            held.timer = loop.call_later(resume_s, self._end, held, reason)
        self._metrics.sessions_waiting.set(len(self._waiting))

    def _stop_waiting(self, held: _Held) -> None:
        if held.timer is not None:
            held.timer.cancel()
            held.timer = None
        self._waiting.pop(held, None)
        self._metrics.sessions_waiting.set(len(self._waiting))

    def _end(self, held: _Held, reason: str) -> None:
        self._stop_waiting(held)
        for token in self._forget(held):
            self._remember(token, reason)
        task = asyncio.create_task(held.session.aclose())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _accept(self, held: _Held, tokens: set[str]) -> None:
        for token in held.tokens - tokens:
            del self._by_token[token]
        held.tokens = tokens
        self._by_token.update(dict.fromkeys(tokens, held))

    def _forget(self, held: _Held) -> set[str]:
        """The tokens that opened it."""
        tokens = held.tokens
        self._accept(held, set())
        self._held.pop(held.session, None)
        return tokens

    def _remember(self, token: str, reason: str) -> None:
        self._over[token] = reason
        if len(self._over) > REMEMBERED_TOKENS:
            del self._over[next(iter(self._over))]
