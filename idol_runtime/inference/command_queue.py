"""Commands that wait to be written to a child, by a thread: the event loop never writes."""

import threading
from dataclasses import dataclass
from typing import Generic

from idol_runtime.inference.messages import Cancel, Command, Start, Taken
from idol_runtime.inference.service import Request


@dataclass(slots=True)
class _Unsaid(Generic[Request]):
    """What the child has not been told of one stream."""

    start: Start[Request] | None = None
    taken: int = 0
    is_cancelled: bool = False


class CommandQueue(Generic[Request]):
    """At most one entry for each stream, however long the child does not read."""

    def __init__(self) -> None:
        self._unsaid: dict[int, _Unsaid[Request]] = {}
        self._changed = threading.Condition()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._unsaid)

    def start(self, number: int, request: Request) -> None:
        self._put(number, _Unsaid(Start(number, request)))

    def taken(self, number: int, items: int) -> None:
        with self._changed:
            self._entry(number).taken += items
            self._changed.notify()

    def cancel(self, number: int) -> bool:
        """True when the child had not been told of the stream and never will be."""
        with self._changed:
            entry = self._entry(number)
            if entry.start is not None:
                del self._unsaid[number]
                return True
            entry.is_cancelled = True
            self._changed.notify()
            return False

    def forget(self, number: int) -> None:
        """The stream has ended: there is nothing more to say of it."""
        with self._changed:
            self._unsaid.pop(number, None)

    def close(self) -> None:
        """Whoever waits in `next` is told that nothing more comes."""
        with self._changed:
            self._is_closed = True
            self._unsaid.clear()
            self._changed.notify()

    def next(self) -> list[Command[Request]] | None:
        """Waits for something to say of the stream that has waited longest; None when closed."""
        with self._changed:
            while not self._unsaid and not self._is_closed:
                self._changed.wait()
            if self._is_closed:
                return None
            number = next(iter(self._unsaid))
            entry = self._unsaid.pop(number)
        if entry.is_cancelled:
            return [Cancel(number)]
        commands: list[Command[Request]] = [entry.start] if entry.start is not None else []
        if entry.taken:
            commands.append(Taken(number, entry.taken))
        return commands

    def _put(self, number: int, entry: _Unsaid[Request]) -> None:
        with self._changed:
            self._unsaid[number] = entry
            self._changed.notify()

    def _entry(self, number: int) -> _Unsaid[Request]:
        return self._unsaid.setdefault(number, _Unsaid())
