"""Sessions whose connection broke, until their client comes back or their time is over."""

import asyncio

from idol_runtime.server.config import Limits
from idol_runtime.server.session import Session


class WaitingRoom:
    def __init__(self, limits: Limits) -> None:
        self.is_closed = False
        self._limits = limits
        self._sessions: dict[str, Session] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._sessions)

    def admit(self, session: Session) -> None:
        """Lets a session wait; the one that has waited longest leaves if the room is full."""
        if len(self._sessions) >= self._limits.max_waiting_sessions:
            self._expire(next(iter(self._sessions)))
        token = session.resume_token
        self._sessions[token] = session
        loop = asyncio.get_running_loop()
        self._timers[token] = loop.call_later(self._limits.resume_s, self._expire, token)

    def take(self, token: str) -> Session | None:
        """The session that waits for this token; it does not wait any more."""
        if timer := self._timers.pop(token, None):
            timer.cancel()
        return self._sessions.pop(token, None)

    async def aclose(self) -> None:
        """Ends every session that waits and admits no other."""
        self.is_closed = True
        for token in list(self._sessions):
            self._expire(token)
        if self._ending:
            await asyncio.wait(self._ending)

    def _expire(self, token: str) -> None:
        if session := self.take(token):
            task = asyncio.create_task(session.aclose())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
