"""The loop inside a worker process."""

import contextlib
import ctypes
import logging
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final, Generic

from idol_runtime import errors
from idol_runtime.errors import IdolError, RequestError, WorkerError
from idol_runtime.inference.messages import (
    BEAT_S,
    Cancel,
    Command,
    Heartbeat,
    Made,
    NotOpened,
    Ready,
    Report,
    Start,
    StreamEnded,
    Taken,
)
from idol_runtime.inference.service import Capabilities, Item, Request, Service, Stream, StreamEnd

log = logging.getLogger(__name__)

ENVIRONMENT: Final = {
    # In huge pages the attention state of a short reply takes the memory of the longest one.
    "NUMPY_MADVISE_HUGEPAGE": "0",
}
"""Of a worker process alone, where the user has not set it. This file imports no numpy."""
_PR_SET_PDEATHSIG = 1


def run_child(connection: Connection, open_service: bytes, window: int, niceness: int) -> None:
    """Opens the service, a pickled callable, and serves until the parent is gone."""
    _end_with_parent()
    # The parent decides when to stop; a Ctrl-C in the terminal reaches the whole process group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(niceness)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    reports = Reports(connection)
    heart = Heart(reports)
    heart.start()
    with contextlib.suppress(EOFError, OSError):  # the parent is gone
        try:
            opened: Callable[[], Service[Any, Any, Any, Any]] = pickle.loads(open_service)
            service = opened()
            reports.send(Ready(service.capabilities))
        except Exception as error:  # whatever the model's libraries raise is reported once
            reports.send(NotOpened(portable(error)))
            return
        StreamLoop(connection, reports, service, window, heart.work).run()


def _end_with_parent() -> None:
    """Where the system can, it kills this process when the thread that keeps it is gone.

    Elsewhere the next beat finds nobody to send it to.
    """
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it went before that was asked for
            os._exit(1)


class Reports:
    """What goes to the parent, from the thread that works and from the one that beats."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, report: Report[Any, Any]) -> None:
        self.send_bytes(bytes(ForkingPickler.dumps(report)))

    def send_bytes(self, report: bytes) -> None:
        with self._lock:
            self._connection.send_bytes(report)


@dataclass(slots=True)
class Work:
    """How much was done, for the thread that tells the parent."""

    done: int = 0
    is_idle: bool = True


class Heart:
    """A thread that gives signs of life, and ends the process when nobody is left to hear them."""

    def __init__(self, reports: Reports) -> None:
        self.work = Work()
        self._reports = reports

    def start(self) -> None:
        threading.Thread(target=self._beat, name="heart", daemon=True).start()

    def _beat(self) -> None:
        pause = threading.Event()
        try:
            while not pause.wait(BEAT_S):
                self._reports.send(Heartbeat(None if self.work.is_idle else self.work.done))
        except OSError:
            os._exit(1)


@dataclass(slots=True)
class LiveStream(Generic[Stream]):
    """A stream until its reader has been sent its end."""

    number: int
    stream: Stream
    ahead: int = 0
    """Items sent that the reader has not taken."""
    waiting: deque[bytes] = field(default_factory=deque)
    """Reports of items that a step made beyond the window."""
    end: StreamEnded | None = None
    """Set once the service has closed the stream; sent after what is waiting."""


class StreamLoop(Generic[Request, Stream, Item, Capabilities]):
    """Steps all streams whose readers keep up, and obeys the parent between two steps."""

    def __init__(
        self,
        connection: Connection,
        reports: Reports,
        service: Service[Request, Stream, Item, Capabilities],
        window: int,
        work: Work,
    ) -> None:
        self.connection = connection
        self.reports = reports
        self.service = service
        self.window = window
        self.work = work
        self.live: dict[int, LiveStream[Stream]] = {}

    def run(self) -> None:
        while True:
            while not (due := self.due()) or self.connection.poll():
                self.work.is_idle = not due
                command = self.connection.recv()
                self.work.is_idle = False
                self.obey(command)
                self.work.done += 1
            self.step(due)

    def due(self) -> list[LiveStream[Stream]]:
        return [one for one in self.live.values() if one.ahead < self.window and one.end is None]

    def obey(self, command: Command[Request]) -> None:
        match command:
            case Start(stream=number, request=request):
                self.open(number, request)
            case Taken(stream=number, items=items) if one := self.live.get(number):
                one.ahead -= items
                self.send_waiting(one)
            case Cancel(stream=number) if one := self.live.pop(number, None):
                if one.end is None:
                    self.close(one)
                self.reports.send(StreamEnded(number))

    def open(self, number: int, request: Request) -> None:
        try:
            stream = self.service.open(request)
        except Exception as error:  # one request's failure must not end the others
            self.reports.send(StreamEnded(number, portable(error)))
        else:
            self.live[number] = LiveStream(number, stream)

    def step(self, due: Sequence[LiveStream[Stream]]) -> None:
        given = {one.stream: one for one in due}
        try:
            for stream, item in self.service.step(list(given)):
                self.work.done += 1
                if (one := given[stream]).end is None:
                    self.report(one, item)
        except Exception as error:  # a batch that fails ends its own streams, no others
            for one in due:
                if one.end is None:
                    self.report(one, StreamEnd(error))
        for one in due:
            if one.end is not None:
                self.close(one)

    def report(self, one: LiveStream[Stream], item: Item | StreamEnd) -> None:
        """Sends what a stream made, as soon as its reader has room."""
        if not isinstance(item, StreamEnd):
            try:
                one.waiting.append(bytes(ForkingPickler.dumps(Made(one.number, item))))
            except Exception as error:  # whatever pickle finds in a foreign item
                item = StreamEnd(error)
        if isinstance(item, StreamEnd):
            one.end = StreamEnded(one.number, None if item.error is None else portable(item.error))
        self.send_waiting(one)

    def send_waiting(self, one: LiveStream[Stream]) -> None:
        while one.waiting and one.ahead < self.window:
            self.reports.send_bytes(one.waiting.popleft())
            one.ahead += 1
        if one.end is not None and not one.waiting:
            self.reports.send(one.end)
            del self.live[one.number]

    def close(self, one: LiveStream[Stream]) -> None:
        try:
            self.service.close(one.stream)
        except Exception as error:  # its reader has gone
            log.warning("stream not closed", extra={"error": str(portable(error))})


def portable(error: Exception) -> IdolError:
    """An error that can cross to the parent: ours as it is, another's by its type and place.

    A foreign message may quote what a user said, so it stays behind. An engine's own subclass of
    an error of ours becomes that error: the parent may not have its class.
    """
    if isinstance(error, IdolError):
        ours = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
        if isinstance(error, RequestError):
            return RequestError(str(error), code=error.code, param=error.param)
        return error if type(error) is ours else ours(str(error))
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (
        f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        if trace
        else "an unknown place"
    )
    return WorkerError(
        f"The model failed with {type(error).__name__} at {place}; this is a defect, please "
        "report it with the output of `idol doctor`."
    )
