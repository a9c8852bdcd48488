"""One answer of the character as Realtime events, from `response.created` to `response.done`."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from msgspec.structs import asdict, replace

from idol_protocol.idol_events import IdolTurnMetrics
from idol_protocol.items import (
    AudioConfig,
    AudioOutput,
    ContentPart,
    Item,
    MessageItem,
    PcmFormat,
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
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
    ServerEvent,
)
from idol_runtime.conversation.character_handle import CharacterCard
from idol_runtime.conversation.events import TurnEnded, TurnStarted
from idol_runtime.conversation.items import call_item
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.turn_handle import Ended, Ending
from idol_runtime.conversation.turn_metrics import TurnMetrics
from idol_runtime.errors import IdolError, RequestError
from idol_runtime.timeline import Call

MAX_ERROR_CHARS = 3_000

Emit: TypeAlias = Callable[[ServerEvent], None]


class Response:
    """The events of one answer, in order."""

    def __init__(self, started: TurnStarted, card: CharacterCard, emit: Emit) -> None:
        self.id = started.turn_id
        self.item_id = started.item.id
        self._is_text = not started.options.spoken
        self._joins = started.options.joins
        self._resource = _resource(started, card)
        self._emit = emit
        self._begin(started.item.message, started.previous_id)

    def write(self, delta: str) -> None:
        """The answer went on."""
        kind = ResponseOutputTextDelta if self._is_text else ResponseOutputAudioTranscriptDelta
        self._emit(kind(response_id=self.id, item_id=self.item_id, delta=delta))

    def end(self, event: TurnEnded) -> None:
        """Closes the item, reports what it cost, and closes the response."""
        ended, item = event.ended, event.ended.item.message
        assert isinstance(item, MessageItem)
        text = ended.item.text
        about: dict[str, Any] = {"response_id": self.id, "item_id": self.item_id}
        if self._is_text:
            self._emit(ResponseOutputTextDone(**about, text=text))
        else:
            self._emit(ResponseOutputAudioDone(**about))
            self._emit(ResponseOutputAudioTranscriptDone(**about, transcript=text))
        self._emit(ResponseContentPartDone(**about, part=self._part(text)))
        if self._joins:
            self._emit(ConversationItemDone(previous_item_id=event.previous_id, item=item))
        self._emit(ResponseOutputItemDone(response_id=self.id, item=item))
        output: list[Item] = [item]
        for call in ended.calls:
            output.append(self._call(call, len(output), previous_id=output[-1].id))
        usage = None
        if ended.metrics is not None:
            self._emit(IdolTurnMetrics(response_id=self.id, **asdict(ended.metrics)))
            usage = usage_of(ended.metrics)
        done = replace(
            self._resource,
            status=ended.status,
            status_details=_details(ended),
            output=output,
            usage=usage,
        )
        self._emit(ResponseDone(response=done))

    def _begin(self, item: Item, previous_id: str | None) -> None:
        self._emit(ResponseCreated(response=self._resource))
        self._emit(ResponseOutputItemAdded(response_id=self.id, item=item))
        if self._joins:
            self._emit(ConversationItemAdded(previous_item_id=previous_id, item=item))
        self._emit(
            ResponseContentPartAdded(response_id=self.id, item_id=self.item_id, part=self._part(""))
        )

    def _call(self, call: Call, index: int, previous_id: str | None) -> Item:
        """The events of an action that was called."""
        begun, made = call_item(call, "in_progress"), call_item(call)
        begun = replace(begun, arguments="")
        at: dict[str, Any] = {"response_id": self.id, "output_index": index}
        about = at | {"item_id": made.id, "call_id": call.id}
        self._emit(ResponseOutputItemAdded(**at, item=begun))
        if self._joins:
            self._emit(ConversationItemAdded(previous_item_id=previous_id, item=begun))
        self._emit(ResponseFunctionCallArgumentsDelta(**about, delta=call.arguments))
        self._emit(
            ResponseFunctionCallArgumentsDone(**about, name=call.name, arguments=call.arguments)
        )
        if self._joins:
            self._emit(ConversationItemDone(previous_item_id=previous_id, item=made))
        self._emit(ResponseOutputItemDone(**at, item=made))
        return made

    def _part(self, text: str) -> ContentPart:
        if self._is_text:
            return ContentPart(type="text", text=text)
        return ContentPart(type="audio", transcript=text)


def audio_output(voice: str, speed: float) -> AudioOutput:
    """The sound of an answer; its speed within the limits of the Realtime API."""
    return AudioOutput(format=PcmFormat(), voice=voice, speed=min(1.5, max(0.25, speed)))


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


def _resource(started: TurnStarted, card: CharacterCard) -> ResponseObject:
    options: ReplyOptions = started.options
    return ResponseObject(
        id=started.turn_id,
        status="in_progress",
        conversation_id=card.conversation_id if options.joins else None,
        output_modalities=["audio" if options.spoken else "text"],
        max_output_tokens="inf" if options.max_tokens is None else options.max_tokens,
        audio=AudioConfig(
            output=audio_output(options.voice or card.voice, options.speed or card.speed)
        ),
        metadata=None if options.metadata is None else dict(options.metadata),
    )


def _details(ended: Ended) -> StatusDetails:
    return StatusDetails(type=ended.status, reason=_reason(ended.status), error=_error(ended.error))


def _reason(status: Ending) -> Literal["client_cancelled", "max_output_tokens"] | None:
    match status:
        case "cancelled":
            return "client_cancelled"
        case "incomplete":
            return "max_output_tokens"
        case _:
            return None


def _error(error: Exception | None) -> StatusError | None:
    if error is None:
        return None
    if isinstance(error, IdolError):
        code = error.code if isinstance(error, RequestError) else type(error).__name__
        return StatusError(type="server_error", code=code, message=str(error)[:MAX_ERROR_CHARS])
    return StatusError(
        type="server_error",
        code="internal_error",
        message="The answer failed by a defect of the server; please report it.",
    )
