"""Conversation items and responses: the nouns of the OpenAI Realtime (GA) event set."""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

MAX_TEXT_CHARS = 8_000
"""Longest text of one conversation item, and of `instructions`, in characters."""
MAX_ITEM_BYTES = 28_000
"""Longest conversation item, and `instructions`, as JSON: it has to fit into one message, where a
sign can take six bytes."""
MAX_REPLY_BYTES = 20_000
"""An answer whose text is longer, as JSON, ends there: its last event holds the metadata, too."""
MAX_METADATA_BYTES = 10_000
"""Longest `metadata` of a response as JSON."""

Role: TypeAlias = Literal["user", "assistant", "system"]
ItemStatus: TypeAlias = Literal["completed", "incomplete", "in_progress"]
Modality: TypeAlias = Literal["text", "audio"]
ResponseState: TypeAlias = Literal["in_progress", "completed", "cancelled", "incomplete", "failed"]
MaxTokens: TypeAlias = Annotated[int, Meta(ge=1, le=4096)] | Literal["inf"]
Speed: TypeAlias = Annotated[float, Meta(ge=0.25, le=1.5)]


class Noun(Struct, frozen=True):
    """A part of an event. Unknown fields are ignored: a newer peer may send more."""


class InputText(Noun, tag_field="type", tag="input_text", kw_only=True, frozen=True):
    """What a user or the system says."""

    text: str


class OutputText(Noun, tag_field="type", tag="output_text", kw_only=True, frozen=True):
    """What the character wrote, when the response was text."""

    text: str


class OutputAudio(Noun, tag_field="type", tag="output_audio", kw_only=True, frozen=True):
    """What the character said aloud. The sound itself is never sent back."""

    transcript: str | None = None


class InputAudio(Noun, tag_field="type", tag="input_audio", kw_only=True, frozen=True):
    """Sound from a user. Refused for now: audio input is not supported yet."""

    audio: str | None = None
    """Base64 PCM16 at 24 kHz."""
    transcript: str | None = None


Content: TypeAlias = InputText | OutputText | OutputAudio | InputAudio


class MessageItem(Noun, tag_field="type", tag="message", kw_only=True, frozen=True):
    """One message of the conversation."""

    id: str | None = None
    """Given by the client or by the server; at most 64 characters."""
    object: Literal["realtime.item"] = "realtime.item"
    status: ItemStatus | None = None
    role: Role
    content: list[Content]
    speaker: str | UnsetType = UNSET
    """The name of another character who said it, in a scene of several; set by the server."""


class FunctionCallItem(Noun, tag_field="type", tag="function_call", kw_only=True, frozen=True):
    """An action that the character called in an answer."""

    id: str | None = None
    object: Literal["realtime.item"] = "realtime.item"
    status: ItemStatus | None = None
    call_id: str | None = None
    name: str
    arguments: str
    """A JSON object, valid against the action's schema."""


class FunctionCallOutputItem(
    Noun, tag_field="type", tag="function_call_output", kw_only=True, frozen=True
):
    """What came of an action; the character knows it in its next answer."""

    id: str | None = None
    object: Literal["realtime.item"] = "realtime.item"
    status: ItemStatus | None = None
    call_id: str
    """Of the call."""
    output: str
    """In words or as JSON."""


Item: TypeAlias = MessageItem | FunctionCallItem | FunctionCallOutputItem


class ItemReference(Noun, tag_field="type", tag="item_reference", kw_only=True, frozen=True):
    """An item of the conversation, by its id."""

    id: str


class ContentPart(Noun, kw_only=True, frozen=True):
    """A part of an assistant message while it is being made."""

    type: Modality
    text: str | None = None
    transcript: str | None = None


class PcmFormat(Noun, kw_only=True, frozen=True):
    """The one audio format: PCM16, little-endian, mono."""

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[24000] = 24000


class AudioOutput(Noun, kw_only=True, frozen=True):
    format: PcmFormat | None = None
    voice: str | None = None
    """A voice of the character's speech model, such as `af_heart`."""
    speed: Speed | None = None
    """Speaking rate, 1 is normal."""


class AudioConfig(Noun, kw_only=True, frozen=True):
    output: AudioOutput | None = None


class AudioInput(Noun, kw_only=True, frozen=True):
    """What is heard of a user: nothing yet, so that all of it is null."""

    format: PcmFormat | None = None
    noise_reduction: None = None
    transcription: None = None
    turn_detection: None = None


class SessionAudio(Noun, kw_only=True, frozen=True):
    input: AudioInput = AudioInput()
    output: AudioOutput


class SessionObject(Noun, kw_only=True, frozen=True):
    """What a session is set to. Sent whole in `session.created` and `session.updated`."""

    id: str
    object: Literal["realtime.session"] = "realtime.session"
    type: Literal["realtime"] = "realtime"
    model: str
    """The character that answers: the name of its folder, as `?model=` chooses it."""
    instructions: str
    """What the dialogue model reads before the conversation: the character's persona, or what the
    client has put in its place. Empty for those who only watch a shared character."""
    output_modalities: list[Modality]
    audio: SessionAudio
    max_output_tokens: MaxTokens
    temperature: float | None = None
    tools: list[dict[str, Any]] = []
    """The functions that this client has declared; the character's own are in `idol.character`."""
    tool_choice: Literal["auto", "none"] = "auto"
    expires_at: int | None = None


class TokenDetails(Noun, kw_only=True, frozen=True):
    text_tokens: int = 0
    audio_tokens: int = 0
    cached_tokens: int = 0


class Usage(Noun, kw_only=True, frozen=True):
    total_tokens: int
    input_tokens: int
    output_tokens: int
    input_token_details: TokenDetails = TokenDetails()
    output_token_details: TokenDetails = TokenDetails()


class StatusError(Noun, kw_only=True, frozen=True):
    type: str
    code: str
    message: str


class StatusDetails(Noun, kw_only=True, frozen=True):
    type: Literal["completed", "cancelled", "incomplete", "failed"]
    reason: (
        Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"] | None
    ) = None
    error: StatusError | None = None


class ResponseObject(Noun, kw_only=True, frozen=True):
    """One answer of the character."""

    id: str
    object: Literal["realtime.response"] = "realtime.response"
    status: ResponseState
    status_details: StatusDetails | None = None
    output: list[Item] = []
    conversation_id: str | None = None
    output_modalities: list[Modality]
    max_output_tokens: MaxTokens = "inf"
    audio: AudioConfig | None = None
    usage: Usage | None = None
    metadata: dict[str, str] | None = None


class ErrorObject(Noun, kw_only=True, frozen=True):
    type: Literal["invalid_request_error", "server_error"]
    code: str
    message: str
    """A sentence: what was expected, what came, what to do."""
    param: str | None = None
    event_id: str | None = None
    """The `event_id` of the client event that caused the error, if it had one."""
