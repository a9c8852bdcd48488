"""One TCP connection: its bytes come in at the turnstile's pace, pages go out at the reader's."""

import asyncio
import select
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from http import HTTPStatus

from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import (
    HeaderLineTooLong,
    InvalidMessage,
    RequestLineTooLong,
    TooManyHeaders,
)
from websockets.frames import DATA_OPCODES, Frame
from websockets.http11 import Request, Response
from websockets.protocol import CONNECTING, Event
from websockets.server import ServerProtocol

from idol_runtime.server.budget import FRAME_COST, Budget
from idol_runtime.server.config import Limits
from idol_runtime.server.pages import sentence
from idol_runtime.server.turnstile import Turnstile

READ_BYTES = 4096
"""Read from the system at once."""
PARSE_BYTES = 512
"""Parsed in one turn: at most 85 frames, which take about a millisecond."""
MOST_UNREAD_BYTES = 128 * 1024
"""On their way to a client before its frames are parsed no more: pongs, which no outbox holds."""
WRITE_BYTES = 64 * 1024
"""Of a page, written at once."""
PING_TIMEOUT_S = 40.0
"""For the keepalive: a client that reads slowly has much to read before a ping."""
READ_QUEUE = (4, 1)
"""Frames that wait to be handled before no more are parsed, and before parsing goes on."""
STRANGERS_QUEUE = (0, 0)
"""One message of a stranger waits, and no more is parsed."""

Respond = Callable[["ClientSocket", Request], Awaitable[Response | None]]
"""Answers a request; None lets a WebSocket handshake go on."""


class ClientProtocol(ServerProtocol):
    """Answers whatever stands in a request by a sentence; its first message must be short."""

    max_request_bytes = 32 * 1024
    member_bytes: int | None = None
    """How long the messages behind the first may be."""

    def parse(self) -> Generator[None]:
        try:
            request = yield from Request.parse(self._read_line)
        except Exception as problem:  # nothing that a client sends may raise
            self.handshake_exc = InvalidMessage("no HTTP request")
            self.handshake_exc.__cause__ = problem
            if self.reader.eof:  # it has gone, and reads no answer
                self.send_eof()
                self.parser = self.discard()
                next(self.parser)
            else:
                self.send_response(_refusal(problem))
            yield
        self.events.append(request)
        yield from super(ServerProtocol, self).parse()

    def recv_frame(self, frame: Frame) -> None:
        super().recv_frame(frame)
        if frame.opcode in DATA_OPCODES and frame.fin:
            self.max_message_size = self.member_bytes

    def _read_line(
        self, limit: int, too_long: type[Exception] = RuntimeError
    ) -> Generator[None, None, bytearray]:
        line: bytearray = yield from self.reader.read_line(limit, too_long)
        self.max_request_bytes -= len(line)
        if self.max_request_bytes < 0:
            raise TooManyHeaders("the request is too long")
        return line


class ClientSocket(ServerConnection, asyncio.BufferedProtocol):
    """A WebSocket connection, or a request for a page, that asks the turnstile before it works."""

    protocol: ClientProtocol

    def __init__(
        self, server: WebSocketServer, protocol: ClientProtocol, limits: Limits, turns: Turnstile
    ) -> None:
        """A connection that is not yet made."""
        super().__init__(
            protocol,
            server,
            ping_timeout=PING_TIMEOUT_S,
            close_timeout=limits.answer_s,
            max_queue=STRANGERS_QUEUE,
            write_limit=(0, 0),  # what waits does so in the outbox
        )
        self.turns = turns
        self.budget = Budget(limits.stranger_units / limits.authenticate_s, limits.stranger_units)
        """What may be asked for now; larger once it is known who asks."""
        self._limits = limits
        self._buffer = bytearray(READ_BYTES)
        self._unparsed = b""
        self._is_full = False
        self._is_queued = False
        self._behind_since_s: float | None = None

    # From the system, called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # The reading of the transport stops and goes on by what is parsed, not by this alone.
        self.recv_messages.pause = self._fill_up
        self.recv_messages.resume = self._make_room

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._unparsed = bytes(memoryview(self._buffer)[:nbytes])
        if nbytes < READ_BYTES:
            self._behind_since_s = None  # that was all there was
        elif self._behind_since_s is None:
            self._behind_since_s = self.loop.time()
        self.transport.pause_reading()
        self._go_on()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._go_on()

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame):
            is_data = event.opcode in DATA_OPCODES
            if not (is_data and event.fin):
                self.budget.spend(FRAME_COST)
            if is_data and self._is_hanging_up:
                return  # nobody reads what comes after our goodbye
        super().process_event(event)

    def admit(self) -> None:
        """It is known who this is, who may ask for more from now on."""
        limits = self._limits
        self.budget = Budget(limits.units_per_s, limits.units_at_once)
        self.protocol.max_message_size = limits.max_message_bytes
        self.recv_messages.high, self.recv_messages.low = READ_QUEUE
        self.recv_messages.maybe_resume()

    @property
    def behind_s(self) -> float:
        """For how long more of it has come than was read; a killed process leaves megabytes."""
        since_s = self._behind_since_s
        return 0.0 if since_s is None else self.loop.time() - since_s

    # To the system

    async def shake_hands(self, respond: Respond) -> None:
        """Answers the request, by a page or by opening the WebSocket connection."""
        async with asyncio.timeout(self._limits.handshake_s):
            await asyncio.wait(
                [self.request_rcvd, self.connection_lost_waiter],
                return_when=asyncio.FIRST_COMPLETED,
            )
            if self.request is None:
                return
            await self.turns.turn()
            with self.turns.working():
                response = await respond(self, self.request)
        if response is None:
            response = self.protocol.accept(self.request)
        if self.protocol.state is not CONNECTING:
            return
        self.response = response
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            async with self.send_context(expected_state=CONNECTING):
                self.protocol.send_response(response)
        else:
            await self._send_page(response)

    def send_data(self) -> None:
        """All at once: a part that is parsed may be answered by many pongs."""
        parts = self.protocol.data_to_send()
        if self.transport.is_closing():
            return
        if data := b"".join(parts):
            self.transport.write(data)
        if b"" in parts and self.transport.can_write_eof():
            with suppress(OSError, RuntimeError):
                self.transport.write_eof()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.loop.call_soon(self._go_on)
        await super().close(code, reason)

    async def solvent(self) -> None:
        """Returns when the budget has something left, or the connection is gone."""
        if (debt_s := self.budget.debt_s) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(debt_s):
                    await self.wait_closed()
            self._leave_if_gone()

    async def _send_page(self, response: Response) -> None:
        """Writes as fast as the client reads; one that reads nothing is dropped."""
        body = memoryview(response.body)
        response.body = b""
        self.protocol.send_response(response)
        head = self.protocol.data_to_send()[0]
        self.transport.write(head)
        for start in range(0, len(body), WRITE_BYTES):
            await self.turns.turn()
            if self.transport.is_closing():
                return
            with self.turns.working():
                self.transport.write(body[start : start + WRITE_BYTES])
            async with asyncio.timeout(self._limits.stall_s):
                await self.drain()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        async with asyncio.timeout(self._limits.stall_s):
            await self.wait_closed()

    def _leave_if_gone(self) -> None:
        """Drops a connection whose client is not there any more.

        Nothing else notices while what it sent before is read slowly, and it would hold its place.
        """
        raw = self.transport.get_extra_info("socket")
        if sys.platform != "linux" or raw is None or raw.fileno() < 0:
            return  # elsewhere the next ping notices
        poll = select.poll()
        poll.register(raw.fileno(), select.POLLRDHUP)
        if poll.poll(0):
            self.transport.abort()

    # Between the two

    @property
    def _is_hanging_up(self) -> bool:
        return self.protocol.close_sent is not None and self.protocol.close_rcvd is None

    @property
    def _must_wait(self) -> bool:
        # It does not read the pongs it asked for; who reads media slowly may still say "stop".
        if self.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            return True
        return not self._is_hanging_up and self._is_full

    def _fill_up(self) -> None:
        self._is_full = True

    def _make_room(self) -> None:
        self._is_full = False
        self._go_on()

    def _go_on(self) -> None:
        if self._is_queued or self.transport.is_closing() or self._must_wait:
            return
        if not self._unparsed:
            self.transport.resume_reading()
        elif (debt_s := self.budget.debt_s) > 0:
            self._leave_if_gone()
            self._is_queued = True
            self.loop.call_later(debt_s, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        self._is_queued = True
        self.turns.queue(self._parse)

    def _parse(self) -> None:
        self._is_queued = False
        if self.transport.is_closing() or self._must_wait:
            return
        part, self._unparsed = self._unparsed[:PARSE_BYTES], self._unparsed[PARSE_BYTES:]
        self.data_received(part)
        self._go_on()


def _refusal(problem: Exception) -> Response:
    match problem:
        case RequestLineTooLong():
            return sentence(
                HTTPStatus.REQUEST_URI_TOO_LONG, "Expected a short request line, found a long one."
            )
        case HeaderLineTooLong() | TooManyHeaders():
            return sentence(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Expected few and short headers, found more; leave some out.",
            )
        case _:
            return sentence(
                HTTPStatus.BAD_REQUEST,
                "Expected an HTTP/1.1 request without a body, found something else.",
            )
