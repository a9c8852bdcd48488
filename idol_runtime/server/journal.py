"""Numbers a session's events and keeps the last control events for a client that comes back."""

import logging
from collections import deque
from typing import Final

from msgspec.structs import replace

from idol_protocol.codec import MAX_MESSAGE_BYTES
from idol_protocol.events import encode_event
from idol_protocol.idol_events import (
    IdolAudioSkipped,
    IdolClockPong,
    IdolFaceDelta,
    IdolPoseDelta,
    IdolResumed,
    IdolResumeToken,
    IdolStreamClosed,
    IdolStreamOpened,
)
from idol_protocol.items import ErrorObject
from idol_protocol.server_events import Error, ResponseOutputAudioDelta, ServerEvent

log = logging.getLogger(__name__)

FLEETING: Final = (
    ResponseOutputAudioDelta,
    IdolFaceDelta,
    IdolPoseDelta,
    IdolAudioSkipped,
    IdolClockPong,
    IdolStreamOpened,
    IdolStreamClosed,
    IdolResumeToken,
    IdolResumed,
)
"""Events that belong to one connection or one moment: media, its streams, the clock, the return."""


class Journal:
    def __init__(self, max_events: int, max_bytes: int) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._kept: deque[tuple[int, str]] = deque()
        self.kept_bytes = 0
        """Of the events that are kept, as they are sent."""
        self._count = 0
        self._lost_up_to = 0

    def note(self, event: ServerEvent) -> str:
        """The event as it is sent, with its number as `event_id`."""
        self._count += 1
        text = self._encoded(event)
        if not isinstance(event, FLEETING):
            self._kept.append((self._count, text))
            self.kept_bytes += len(text)
            while len(self._kept) > self._max_events or self.kept_bytes > self._max_bytes:
                self._lost_up_to, lost = self._kept.popleft()
                self.kept_bytes -= len(lost)
        return text

    def _encoded(self, event: ServerEvent) -> str:
        """The event, or an `error` in its place where no message can hold it."""
        text = encode_event(replace(event, event_id=f"event_{self._count}"))
        size = len(text) if text.isascii() else len(text.encode())
        if size <= MAX_MESSAGE_BYTES:
            return text
        name = type(event).__struct_config__.tag
        log.error("an event is too long to be sent", extra={"event": name, "bytes": size})
        problem = ErrorObject(
            type="server_error",
            code="message_too_large",
            message=f"An event `{name}` of {size} bytes was left out: a message holds at most "
            f"{MAX_MESSAGE_BYTES}.",
        )
        return encode_event(Error(event_id=f"event_{self._count}", error=problem))

    def after(self, last_event_id: str | None) -> tuple[list[str], bool]:
        """The control events after `last_event_id`, and whether they are all there."""
        last = _number(last_event_id)
        missed = [text for number, text in self._kept if number > last]
        return missed, self._lost_up_to <= last


def _number(event_id: str | None) -> int:
    digits = (event_id or "").removeprefix("event_")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else 0
