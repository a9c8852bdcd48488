"""Events a server sends: names, fields and meanings of the OpenAI Realtime (GA) set."""

from msgspec import Struct

from .items import ContentPart, ErrorObject, Item, ResponseObject, SessionObject


class ServerEvent(Struct, tag_field="type", kw_only=True, frozen=True):
    """Anything a server sends as a text message."""

    event_id: str = ""
    """`event_N`, N counting up within a session; set when the event is sent."""


class Error(ServerEvent, tag="error", kw_only=True, frozen=True):
    """Something the client sent could not be done. The session goes on."""

    error: ErrorObject


class SessionCreated(ServerEvent, tag="session.created", kw_only=True, frozen=True):
    """The first event of every connection."""

    session: SessionObject


class SessionUpdated(ServerEvent, tag="session.updated", kw_only=True, frozen=True):
    """Answers `session.update` with what is in effect now."""

    session: SessionObject


class ConversationItemAdded(ServerEvent, tag="conversation.item.added", kw_only=True, frozen=True):
    """An item joined the conversation; an answer's item joins empty."""

    previous_item_id: str | None = None
    item: Item


class ConversationItemDone(ServerEvent, tag="conversation.item.done", kw_only=True, frozen=True):
    """An item is final."""

    previous_item_id: str | None = None
    item: Item


class ConversationItemRetrieved(
    ServerEvent, tag="conversation.item.retrieved", kw_only=True, frozen=True
):
    """Answers `conversation.item.retrieve`."""

    item: Item


class ConversationItemDeleted(
    ServerEvent, tag="conversation.item.deleted", kw_only=True, frozen=True
):
    """Answers `conversation.item.delete`."""

    item_id: str


class ConversationItemTruncated(
    ServerEvent, tag="conversation.item.truncated", kw_only=True, frozen=True
):
    """Answers `conversation.item.truncate`: the transcript now ends where listening did."""

    item_id: str
    content_index: int
    audio_end_ms: int


class ResponseCreated(ServerEvent, tag="response.created", kw_only=True, frozen=True):
    """A response began; its status is `in_progress`."""

    response: ResponseObject


class ResponseDone(ServerEvent, tag="response.done", kw_only=True, frozen=True):
    """A response ended, however it ended. Always the last event of a response."""

    response: ResponseObject


class ItemEvent(ServerEvent, kw_only=True, frozen=True):
    """What happens to an item of a response."""

    response_id: str
    output_index: int = 0


class ResponseOutputItemAdded(
    ItemEvent, tag="response.output_item.added", kw_only=True, frozen=True
):
    item: Item


class ResponseOutputItemDone(ItemEvent, tag="response.output_item.done", kw_only=True, frozen=True):
    item: Item


class PartEvent(ItemEvent, kw_only=True, frozen=True):
    """What happens to the content part of an item."""

    item_id: str
    content_index: int = 0


class ResponseContentPartAdded(
    PartEvent, tag="response.content_part.added", kw_only=True, frozen=True
):
    part: ContentPart


class ResponseContentPartDone(
    PartEvent, tag="response.content_part.done", kw_only=True, frozen=True
):
    part: ContentPart


class ResponseOutputTextDelta(
    PartEvent, tag="response.output_text.delta", kw_only=True, frozen=True
):
    """More text, when the response is text."""

    delta: str


class ResponseOutputTextDone(PartEvent, tag="response.output_text.done", kw_only=True, frozen=True):
    text: str


class CallEvent(ItemEvent, kw_only=True, frozen=True):
    """What happens to an item of the type `function_call`."""

    item_id: str
    call_id: str


class ResponseFunctionCallArgumentsDelta(
    CallEvent, tag="response.function_call_arguments.delta", kw_only=True, frozen=True
):
    """The arguments of a call, all at once."""

    delta: str


class ResponseFunctionCallArgumentsDone(
    CallEvent, tag="response.function_call_arguments.done", kw_only=True, frozen=True
):
    """The arguments of a call; it is the host's to carry out."""

    name: str
    arguments: str


class ResponseOutputAudioDelta(
    PartEvent, tag="response.output_audio.delta", kw_only=True, frozen=True
):
    """More sound, with the `realtime` subprotocol; `idol.v1` sends it as binary messages."""

    delta: str
    """Base64 PCM16, little-endian, 24 kHz mono."""


class ResponseOutputAudioDone(
    PartEvent, tag="response.output_audio.done", kw_only=True, frozen=True
):
    pass


class ResponseOutputAudioTranscriptDelta(
    PartEvent, tag="response.output_audio_transcript.delta", kw_only=True, frozen=True
):
    """More of what is being said; runs ahead of the sound."""

    delta: str


class ResponseOutputAudioTranscriptDone(
    PartEvent, tag="response.output_audio_transcript.done", kw_only=True, frozen=True
):
    transcript: str
    """What was said. After `response.cancel`: only what was spoken."""
