"""One answer of the character as Realtime events, from `response.created` to `response.done`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from msgspec.structs import asdict, replace

from idol_protocol.frames import AUDIO_RATE_HZ, AudioChunk
from idol_protocol.idol_events import IdolTurnMetrics
from idol_protocol.items import (
    ContentPart,
    MessageItem,
    OutputAudio,
    OutputText,
    ResponseObject,
    StatusDetails,
    StatusError,
    TokenDetails,
    Usage,
)
from idol_protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDone,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseCreated,
    ResponseDone,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
    ServerEvent,
)
from idol_runtime.conversation.turn_metrics import TurnMetrics
from idol_runtime.server.items import ItemList
from idol_runtime.stage.utterance import Line, line_of
from idol_runtime.timeline import UtteranceStarted

Emit: TypeAlias = Callable[[ServerEvent], None]
Ending: TypeAlias = Literal["completed", "cancelled", "incomplete", "failed"]


@dataclass(frozen=True, slots=True)
class Spoken:
    """One utterance of an answer, at its place in the answer's sound."""

    line: Line
    pts_us: int
    start: int
    """Samples of the answer before its first one; pauses between utterances do not count."""


class Response:
    """The events of one answer, in order; holds what was said so far."""

    def __init__(self, resource: ResponseObject, item_id: str, items: ItemList, emit: Emit) -> None:
        self.id = resource.id
        self.item_id = item_id
        self.spoken: list[Spoken] = []
        self.num_samples = 0
        self._resource = resource
        self._is_text = resource.output_modalities == ["text"]
        self._items = items
        self._emit = emit
        self._written: list[str] = []

    @property
    def is_text(self) -> bool:
        return self._is_text

    def begin(self) -> None:
        item = MessageItem(id=self.item_id, status="in_progress", role="assistant", content=[])
        self._emit(ResponseCreated(response=self._resource))
        self._emit(ResponseOutputItemAdded(response_id=self.id, item=item))
        item, previous = self._items.insert(item)
        self._emit(ConversationItemAdded(previous_item_id=previous, item=item))
        self._emit(
            ResponseContentPartAdded(response_id=self.id, item_id=self.item_id, part=self._part(""))
        )

    def write(self, delta: str) -> None:
        """The dialogue model went on."""
        self._written.append(delta)
        kind = ResponseOutputTextDelta if self._is_text else ResponseOutputAudioTranscriptDelta
        self._emit(kind(response_id=self.id, item_id=self.item_id, delta=delta))

    def start_utterance(self, cue: UtteranceStarted) -> None:
        self.spoken.append(Spoken(line_of(cue), cue.pts_us, self.num_samples))

    def sound(self, chunk: AudioChunk) -> None:
        self.num_samples += len(chunk.samples)

    def said(self, played_us: int | None) -> list[Line]:
        """What a listener heard of an answer that was cut short.

        Args:
            played_us: How far the client says it played; None if it never said.
        """
        return [each.line for each in self.spoken if played_us is None or each.pts_us < played_us]

    def end(
        self,
        status: Ending,
        *,
        text: str | None = None,
        remembered: str | None = None,
        error: StatusError | None = None,
    ) -> "Ended":
        """Closes the item; `Ended.done` closes the response.

        Args:
            status: How it ended.
            text: What was said, if that is less than what was written.
            remembered: The same as the dialogue model wrote it, with gesture tags.
            error: Why it failed.
        """
        text = "".join(self._written).strip() if text is None else text
        about: dict[str, Any] = {"response_id": self.id, "item_id": self.item_id}
        if self._is_text:
            self._emit(ResponseOutputTextDone(**about, text=text))
        else:
            self._emit(ResponseOutputAudioDone(**about))
            self._emit(ResponseOutputAudioTranscriptDone(**about, transcript=text))
        self._emit(ResponseContentPartDone(**about, part=self._part(text)))
        content = OutputText(text=text) if self._is_text else OutputAudio(transcript=text)
        item = MessageItem(
            id=self.item_id,
            status="completed" if status == "completed" else "incomplete",
            role="assistant",
            content=[content],
        )
        previous = self._items.put(item, remembered)
        self._emit(ConversationItemDone(previous_item_id=previous, item=item))
        self._emit(ResponseOutputItemDone(response_id=self.id, item=item))
        details = StatusDetails(type=status, reason=_reason(status), error=error)
        return Ended(replace(self._resource, status=status, status_details=details, output=[item]))

    def _part(self, text: str) -> ContentPart:
        if self._is_text:
            return ContentPart(type="text", text=text)
        return ContentPart(type="audio", transcript=text)


@dataclass(frozen=True, slots=True)
class Ended:
    """A response whose item is final."""

    resource: ResponseObject

    def announce(self, emit: Emit, metrics: TurnMetrics | None) -> None:
        """Sends what it cost, then `response.done`."""
        if metrics is not None:
            emit(IdolTurnMetrics(response_id=self.resource.id, **asdict(metrics)))
        usage = usage_of(metrics) if metrics is not None else None
        emit(ResponseDone(response=replace(self.resource, usage=usage)))


def usage_of(metrics: TurnMetrics) -> Usage:
    return Usage(
        total_tokens=metrics.prompt_tokens + metrics.reply_tokens,
        input_tokens=metrics.prompt_tokens,
        output_tokens=metrics.reply_tokens,
        input_token_details=TokenDetails(
            text_tokens=metrics.prompt_tokens, cached_tokens=metrics.cached_tokens
        ),
        output_token_details=TokenDetails(text_tokens=metrics.reply_tokens),
    )


def heard_until(spoken: list[Spoken], num_samples: int, audio_end_ms: int) -> list[Line]:
    """The clauses within the first `audio_end_ms` of an answer's sound.

    An utterance that was cut keeps the share of its words that fits its share of the sound.
    """
    limit = audio_end_ms * AUDIO_RATE_HZ // 1000
    ends = [each.start for each in spoken[1:]] + [num_samples]
    heard = []
    for each, end in zip(spoken, ends, strict=True):
        if limit >= end:
            heard.append(each.line)
        elif limit > each.start:
            words = each.line.text.split(" ")
            kept = words[: len(words) * (limit - each.start) // (end - each.start)]
            heard.append(each.line.until(len(" ".join(kept))))
    return [line for line in heard if line.text]


def words_of(lines: list[Line]) -> str:
    """What is shown of clauses."""
    return " ".join(line.text for line in lines)


def written_of(lines: list[Line]) -> str:
    """What the dialogue model remembers of clauses, with gesture tags."""
    return " ".join(line.written for line in lines)


def _reason(
    status: Ending,
) -> Literal["client_cancelled", "max_output_tokens"] | None:
    return {"cancelled": "client_cancelled", "incomplete": "max_output_tokens"}.get(status)  # type: ignore[return-value]
