"""What is on its way to one client: what it was sent, and how much of that it has read.

A client that reads slowly is not to find seconds of stale frames in the kernels' buffers, its own
among them, where nothing can replace them. That bytes have left says little of that. The answer to
a ping says all: it comes when everything before the ping has been read.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

MAX_WINDOW: Final = 64 * 1024
"""Sent and not known to be read; more waits where it can still be dropped."""
MIN_WINDOW: Final = 2 * 1024
FIRST_WINDOW: Final = 16 * 1024
"""Before a client has said anything of how fast it reads."""
PATIENCE_S: Final = 0.6
"""A client whose answers take so much longer than its quickest is sent no more than it can read in
`LATE_S`."""
LATE_S: Final = 0.5
PROBE_S: Final = 1.0
"""Between two pings to a client that is sent little."""
MAX_PROBES: Final = 64
SILENT_S: Final = 10.0
"""A client that has not answered its first ping by then answers none: the kernel alone says how it
fares."""


class Downlink:
    def __init__(self, connection: ServerConnection, *, unsent_bytes: int) -> None:
        """Takes a connection that nothing else writes messages to.

        Args:
            connection: Whose transport asks to wait as soon as the kernel does not take all.
            unsent_bytes: What the kernel may hold back unsent, where it has such a limit.
        """
        self.on_change: Callable[[], None] = lambda: None
        """Called when the client has read something."""
        self._connection = connection
        self._now_s = asyncio.get_running_loop().time
        self._written = 0
        self._read = 0
        self._read_s = self._now_s()
        self._window = FIRST_WINDOW
        """How much may be on its way for frames to be worth sending."""
        self._quickest_s: float | None = None
        """About the time that an answer takes where nothing waits before it."""
        self._probes: deque[float] = deque()
        """When each ping was sent that has no answer yet."""
        self._probed = 0
        self._probed_s = self._now_s()
        self._raw: socket.socket | None = connection.transport.get_extra_info("socket")
        self._limit_unsent(unsent_bytes)

    @property
    def is_clogged(self) -> bool:
        """Whether the kernel has not taken all that was written."""
        return self._connection.transport.get_write_buffer_size() > 0

    @property
    def is_free(self) -> bool:
        """Whether what must arrive can be sent now."""
        limit = max(FIRST_WINDOW, self._window)
        return not self.is_clogged and (self._is_silent or self._unread < limit)

    @property
    def is_prompt(self) -> bool:
        """Whether frames that are sent now are read while they are worth something."""
        return self._is_silent or self._unread < self._window

    @property
    def taken(self) -> int:
        """Grows for as long as the client takes anything at all."""
        held = self._connection.transport.get_write_buffer_size() + self._held_by_kernel()
        return self._written - held + self._read

    def write(self, messages: Sequence[str | bytes]) -> bool:
        """Sends messages in one go; False if the connection is not open any more."""
        protocol = self._connection.protocol
        if protocol.state is not State.OPEN:
            return False
        for message in messages:
            if isinstance(message, str):
                protocol.send_text(message.encode())
            else:
                protocol.send_binary(message)
        data = protocol.data_to_send()
        self._written += sum(map(len, data))
        self._connection.transport.writelines(data)
        return True

    async def drained(self) -> None:
        """Returns when the kernel has all that was written."""
        await self._connection.drain()

    async def probe(self) -> None:
        """Asks how far the client has read, now and then.

        Raises:
            ConnectionClosed: it is closed.
        """
        unprobed = self._written - self._probed
        is_due = unprobed >= self._window // 4 or self._now_s() - self._probed_s >= PROBE_S
        if unprobed and is_due and len(self._probes) < MAX_PROBES:
            self._probed, self._probed_s = self._written, self._now_s()
            self._probes.append(self._probed_s)
            answer = asyncio.ensure_future(await self._connection.ping())
            answer.add_done_callback(partial(self._answered, self._probed))

    def abort(self) -> None:
        """Drops the client, also one that reads nothing."""
        self._connection.transport.abort()

    @property
    def _unread(self) -> int:
        return self._written - self._read

    @property
    def _is_silent(self) -> bool:
        has_answered = self._quickest_s is not None
        waits_s = self._now_s() - self._probes[0] if self._probes else 0.0
        return not has_answered and waits_s > SILENT_S

    def _answered(self, written: int, answer: "asyncio.Future[float]") -> None:
        if answer.cancelled() or answer.exception() is not None:
            return
        now_s = self._now_s()
        took_s = now_s - self._probes.popleft()
        rate = (written - self._read) / max(now_s - self._read_s, 1e-3)
        self._read, self._read_s = written, now_s
        quickest_s = took_s if self._quickest_s is None else self._quickest_s
        # It creeps up, so that a way that has become longer is not taken for a client that is late.
        self._quickest_s = min(took_s, quickest_s + 0.02 * (took_s - quickest_s))
        if took_s - self._quickest_s < PATIENCE_S:
            self._window = min(self._window + self._window // 8, MAX_WINDOW)
        else:
            self._window = max(MIN_WINDOW, min(self._window, round(rate * LATE_S)))
        self.on_change()

    def _held_by_kernel(self) -> int:
        """What the other end has not acknowledged, where this kernel says it."""
        with suppress(ImportError, AttributeError, OSError, ValueError):
            import fcntl
            import termios

            if self._raw is not None:
                count = fcntl.ioctl(self._raw.fileno(), termios.TIOCOUTQ, bytes(4))
                held: int = struct.unpack("i", count)[0]
                return held
        return 0

    def _limit_unsent(self, unsent_bytes: int) -> None:
        """Keeps stale frames out of the kernel's buffers, where nothing can replace them."""
        option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        if self._raw is not None and option is not None:
            with suppress(OSError):  # not every system has it
                self._raw.setsockopt(socket.IPPROTO_TCP, option, unsent_bytes)
