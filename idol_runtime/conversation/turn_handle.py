"""The handle of one turn: it can be awaited, cancelled, and asked what was heard."""

import asyncio
import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias

from idol_protocol.frames import AudioChunk
from idol_protocol.items import MessageItem, OutputAudio, OutputText
from idol_runtime.conversation.hooks import Occasion
from idol_runtime.conversation.items import Item, Speech, SpokenClause, words_of, written_of
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.turn import run_aside, run_turn
from idol_runtime.conversation.turn_metrics import TurnMetrics
from idol_runtime.conversation.turn_request import TurnRequest
from idol_runtime.errors import IdolError
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.utterance import Line, line_of
from idol_runtime.timeline import Call, Frame, UtteranceStarted

log = logging.getLogger(__name__)

Ending: TypeAlias = Literal["completed", "cancelled", "incomplete", "failed"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a turn ended, and what is left of it."""

    status: Ending
    """`incomplete`: the reply came to its token limit."""
    item: Item
    """What was said: of a spoken answer that was cancelled or failed, only what was heard."""
    metrics: TurnMetrics | None = None
    error: Exception | None = None
    calls: tuple[Call, ...] = ()
    """The actions that were called, in order; of an answer that was cut, those in what is left."""

    def result(self) -> TurnMetrics:
        """What the turn cost, or raises what made it fail."""
        if self.error is not None:
            raise self.error
        if self.metrics is None:
            raise IdolError("Expected a whole turn, but it was cancelled; ask again.")
        return self.metrics


class Turn:
    """One answer of a character while it is given."""

    def __init__(
        self,
        request: TurnRequest,
        item_id: str,
        models: Models,
        performer: Performer | None,
        on_show: Callable[["Turn", str], None],
        on_end: Callable[["Turn", Ended], None],
    ) -> None:
        """Begins it.

        Args:
            request: What to answer.
            item_id: The item it becomes.
            models: Write and speak the reply.
            performer: Says it; None for an answer in text, off the stage.
            on_show: Called with the reply piece by piece, without tags.
            on_end: Called once with how it ended, before whoever awaits the turn goes on.
        """
        self.id = request.id
        self.item_id = item_id
        self.played_us: int | None = None
        """Media time up to which a listener says to have played it; None if nobody says."""
        self._request = request
        self._performer = performer
        self._on_show = on_show
        self._on_end = on_end
        self._shown: list[str] = []
        self._lines: list[Line] = []
        self._begun: list[tuple[UtteranceStarted, int]] = []
        """Each clause, with the samples before it."""
        self._num_samples = 0
        self._ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        if performer is None:
            running = run_aside(request, models, self)
        else:
            performer.attach(self)
            running = run_turn(request, models, performer, self)
        self._task = asyncio.create_task(running)
        # A callback, not a `finally` in the task: a task cancelled before its first step runs none.
        self._task.add_done_callback(self._finish)

    def __await__(self) -> Generator[Any, None, Ended]:
        # Whoever waits may be cancelled; the turn goes on.
        return asyncio.shield(self._ended).__await__()

    @property
    def occasion(self) -> Occasion:
        return self._request.occasion

    @property
    def options(self) -> ReplyOptions:
        return self._request.options

    @property
    def heard(self) -> tuple[Line, ...]:
        """The clauses a listener heard so far."""
        return self._speech.until_pts(self.played_us).lines

    def cancel(self) -> None:
        """Stops it within one token and one chunk of sound; awaiting it waits for that."""
        if not self._task.cancelling():  # a second one would break off what the first one ends
            self._task.cancel()

    # The reply as it is made

    def show(self, text: str) -> None:
        self._shown.append(text)
        self._on_show(self, text)

    def add(self, line: Line) -> None:
        self._lines.append(line)

    def on_frame(self, frame: Frame) -> None:
        """Keeps what is handed to the outputs."""
        if isinstance(frame, AudioChunk):
            self._num_samples += len(frame.samples)
        elif isinstance(frame, UtteranceStarted):
            self._begun.append((frame, self._num_samples))

    def can_be_cut(self, item_id: str, content_index: int, audio_end_ms: int) -> bool:
        """Whether this is the answer with that item, and it has that much sound by now."""
        return (
            self.item_id == item_id
            and content_index == 0
            and self.options.spoken
            and audio_end_ms <= self._speech.audio_ms
        )

    # The end

    @property
    def _speech(self) -> Speech:
        edges = pairwise([*(start for _, start in self._begun), self._num_samples])
        clauses = (
            SpokenClause(line_of(begun), begun.pts_us, start, end)
            for (begun, _), (start, end) in zip(self._begun, edges, strict=True)
        )
        return Speech(tuple(clauses), self._num_samples)

    def _finish(self, task: "asyncio.Task[TurnMetrics]") -> None:
        ended = self._ending(task)
        try:
            if self._performer is not None:
                self._performer.detach(self)
                self._performer.activity = "idle"
                if ended.status in ("cancelled", "failed"):
                    self._performer.cut()
            self._on_end(self, ended)
        finally:
            self._ended.set_result(ended)

    def _ending(self, task: "asyncio.Task[TurnMetrics]") -> Ended:
        if task.cancelled():
            return self._ended_as("cancelled")
        error = task.exception()
        if error is None:
            metrics = task.result()
            status: Ending = "incomplete" if metrics.finish_reason == "length" else "completed"
            return self._ended_as(status, metrics)
        if not isinstance(error, Exception):  # the loop itself is being ended
            raise error
        if not isinstance(error, IdolError):
            # The message may quote what was said, so only its type is logged.
            log.error("turn failed", extra={"error": type(error).__name__})
        return self._ended_as("failed", error=error)

    def _ended_as(
        self,
        status: Ending,
        metrics: TurnMetrics | None = None,
        error: Exception | None = None,
    ) -> Ended:
        shown, lines = "".join(self._shown).strip(), tuple(self._lines)
        speech = self._speech if self.options.spoken else None
        if speech is not None and status in ("cancelled", "failed"):
            speech = speech.until_pts(self.played_us)
            lines = speech.lines
            shown = words_of(lines)
        message = MessageItem(
            id=self.item_id,
            status="completed" if status == "completed" else "incomplete",
            role="assistant",
            content=[OutputText(text=shown) if speech is None else OutputAudio(transcript=shown)],
        )
        calls = tuple(call for line in lines for call in line.calls)
        return Ended(status, Item(message, written_of(lines), speech), metrics, error, calls)
