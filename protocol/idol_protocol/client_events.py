"""Events a client sends: the OpenAI Realtime (GA) set that is served, then our `idol.*` superset.

Unknown fields are ignored, except in what sets a session or a response: there an `error` names
what is unknown or not supported, and the rest is done. A value that a supported field cannot have
is refused, and nothing of its event is done. A null leaves a setting as it is.
"""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from .idol_events import Emotion, GestureName
from .items import (
    MAX_TEXT_CHARS,
    Item,
    ItemReference,
    MaxTokens,
    MessageItem,
    Modality,
    Noun,
    Speed,
)

Identifier: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
Instructions: TypeAlias = Annotated[str, Meta(max_length=MAX_TEXT_CHARS)]
OneModality: TypeAlias = Annotated[list[Modality], Meta(min_length=1, max_length=1)]
Temperature: TypeAlias = Annotated[float, Meta(ge=0.0, le=2.0)]
Metadata: TypeAlias = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
    Meta(max_length=16),
]
VoiceName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
Pts: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class ClientEvent(Struct, tag_field="type", kw_only=True, frozen=True):
    """Anything a client sends as a text message."""

    event_id: Annotated[str, Meta(max_length=512)] | None = None
    """Chosen by the client; comes back in the `error` that the event causes."""


class CustomVoice(Noun, kw_only=True, frozen=True):
    """A voice by its id, as the Realtime API writes custom ones."""

    id: VoiceName


class OutputWish(Noun, kw_only=True, frozen=True):
    """How an answer is to sound."""

    format: Any = None
    """PCM16 at 24 kHz alone is supported."""
    voice: VoiceName | CustomVoice | None = None
    """A voice of the character's speech model, such as `af_heart`, or with Kokoro a blend such as
    `af_heart:0.6+bf_emma:0.4`. OpenAI's own names (`alloy`, `marin`, ...) mean the character's."""
    speed: Speed | None = None
    """Speaking rate, 1 is normal; from 0.5."""


class InputWish(Noun, kw_only=True, frozen=True):
    """How a user is to be heard. Not supported yet: whatever is not null is answered by `error`."""

    format: Any = None
    noise_reduction: Any = None
    transcription: Any = None
    turn_detection: Any = None


class ResponseAudio(Noun, kw_only=True, frozen=True):
    output: OutputWish | None = None


class AudioPatch(ResponseAudio, kw_only=True, frozen=True):
    input: InputWish | None = None


class Settings(Noun, kw_only=True, frozen=True):
    """What a session and a response have in common; what is left out or null stays as it is."""

    instructions: Instructions | None = None
    """What the dialogue model reads before the conversation, in place of the character's persona;
    empty brings the persona back."""
    output_modalities: OneModality | None = None
    max_output_tokens: MaxTokens | None = None
    temperature: Temperature | None = None
    tools: Any = None
    """Functions that the character may call beside its own actions, as OpenAI writes them: `type`
    `function`, `name`, `description`, `parameters` (a JSON Schema)."""
    tool_choice: Any = None
    """`auto`, or `none` for no calls at all."""
    parallel_tool_calls: Any = None
    prompt: Any = None
    """Not supported, as all below."""
    reasoning: Any = None


class SessionPatch(Settings, kw_only=True, frozen=True):
    """Fields of the session to change."""

    type: Literal["realtime"] = "realtime"
    audio: AudioPatch | None = None
    model: Any = None
    """Told, not set: `?model=` of the connection chooses the character."""
    include: Any = None
    """Not supported yet, as all below."""
    tracing: Any = None
    truncation: Any = None


class SessionUpdate(ClientEvent, tag="session.update", kw_only=True, frozen=True):
    """Changes the session from the next response on. Answered by `session.updated`, which shows
    what is set now, then by one `error` if fields were left out.
    """

    session: SessionPatch


class ConversationItemCreate(
    ClientEvent, tag="conversation.item.create", kw_only=True, frozen=True
):
    """Adds a message, or what came of an action (`function_call_output`). Answered by
    `conversation.item.added` and `conversation.item.done`.
    """

    item: Item
    previous_item_id: str | None = None
    """Insert after this item; `root` inserts first; left out appends."""


class ConversationItemDelete(
    ClientEvent, tag="conversation.item.delete", kw_only=True, frozen=True
):
    """Removes an item from the conversation. Answered by `conversation.item.deleted`."""

    item_id: Identifier


class ConversationItemRetrieve(
    ClientEvent, tag="conversation.item.retrieve", kw_only=True, frozen=True
):
    """Asks for an item as the server has it. Answered by `conversation.item.retrieved`."""

    item_id: Identifier


class ConversationItemTruncate(
    ClientEvent, tag="conversation.item.truncate", kw_only=True, frozen=True
):
    """Cuts a spoken item to what was heard; one that is being spoken stops first.

    Answered by `conversation.item.truncated`, after the `response.done` of what it stopped.
    """

    item_id: Identifier
    content_index: int
    """Always 0: a spoken item has one content part."""
    audio_end_ms: Annotated[int, Meta(ge=0)]
    """How much of the item's audio was played; more than there is is an error."""


class ResponseParams(Settings, kw_only=True, frozen=True):
    """Settings for this response alone; a field that is left out follows the session."""

    audio: ResponseAudio | None = None
    metadata: Metadata | None = None
    """Comes back with the response, also in its `response.done`."""
    conversation: Annotated[str, Meta(max_length=64)] | None = None
    """`auto`, or `none` for an answer that does not join the conversation."""
    input: Annotated[list[MessageItem | ItemReference], Meta(max_length=1000)] | None = None
    """What is answered in place of the conversation."""


class ResponseCreate(ClientEvent, tag="response.create", kw_only=True, frozen=True):
    """Asks the character to answer; to an empty conversation it answers with its greeting."""

    response: ResponseParams | None = None


class ResponseCancel(ClientEvent, tag="response.cancel", kw_only=True, frozen=True):
    """Stops the response within one token. Answered by `idol.playback.cut` and `response.done`."""

    response_id: str | None = None


class InputAudioBufferAppend(
    ClientEvent, tag="input_audio_buffer.append", kw_only=True, frozen=True
):
    """Sound from a user. Not supported yet: the first one is answered by an `error`, those that
    follow by nothing.
    """

    audio: str


class InputAudioBufferCommit(
    ClientEvent, tag="input_audio_buffer.commit", kw_only=True, frozen=True
):
    """Answered by an `error` for now: audio input is not supported yet."""


class InputAudioBufferClear(ClientEvent, tag="input_audio_buffer.clear", kw_only=True, frozen=True):
    """Answered by an `error` for now: audio input is not supported yet."""


class AudioWish(Noun, kw_only=True, frozen=True):
    """Audio as the client wants it."""

    dtype: Literal["pcm16"] = "pcm16"


class FaceWish(Noun, kw_only=True, frozen=True):
    """Face frames as the client wants them."""

    dtype: Literal["f32", "f16", "u8"] = "f32"
    fps: int = 30
    """60 or a divisor of it. Characters move at 30: what is between is interpolated."""


class PoseWish(Noun, kw_only=True, frozen=True):
    """Pose frames as the client wants them."""

    dtype: Literal["f32", "f16"] = "f32"
    fps: int = 30
    """60 or a divisor of it. Characters move at 30: what is between is interpolated."""


class IdolStreamsConfigure(ClientEvent, tag="idol.streams.configure", kw_only=True, frozen=True):
    """Opens, changes or (with null) closes media streams; a stream left out stays as it is.

    Answered by `idol.stream.opened` and `idol.stream.closed`. With the `realtime` subprotocol
    face and pose arrive as `idol.face.delta` and `idol.pose.delta`, and `dtype` is ignored.
    """

    audio: AudioWish | UnsetType | None = UNSET
    face: FaceWish | UnsetType | None = UNSET
    pose: PoseWish | UnsetType | None = UNSET


class IdolClockPing(ClientEvent, tag="idol.clock.ping", kw_only=True, frozen=True):
    """Asks for the media clock. Answered by `idol.clock.pong`."""

    id: Annotated[int, Meta(ge=0, le=2**53)]
    client_us: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    """The client's own clock; comes back as it was."""


class IdolPlaybackProgress(ClientEvent, tag="idol.playback.progress", kw_only=True, frozen=True):
    """Says how far the client has played. A cancelled answer keeps what was played of it."""

    pts_us: Pts


class IdolGestureCreate(ClientEvent, tag="idol.gesture.create", kw_only=True, frozen=True):
    """Makes the character gesture, whatever it is doing. Answered by `idol.gesture`."""

    gesture: GestureName
    stroke_pts_us: Pts | None = None
    """Media time on which its stroke is to fall, at most a minute ahead; where that is too soon,
    or left out, the gesture begins at once."""


class IdolActivitySet(ClientEvent, tag="idol.activity.set", kw_only=True, frozen=True):
    """Sets what the character does while nothing is said, until it is set again.

    `dance` goes on while it listens, thinks and speaks. Answered by `idol.activity` when that
    changes what it does.
    """

    activity: Literal["idle", "listen", "think", "dance"]
    bpm: Annotated[float, Meta(ge=40, le=240)] | None = None
    """With `dance`: the beats a minute of the music; 120 where left out."""
    first_beat_pts_us: Pts | None = None
    """With `dance`: media time of the first beat of a bar, past or to come; now where left out."""
    intensity: Annotated[float, Meta(ge=0, le=1)] | None = None
    """With `dance`: how loud and driving the music is; 0.7 where left out."""


class IdolEmotionSet(ClientEvent, tag="idol.emotion.set", kw_only=True, frozen=True):
    """Turns what the character feels to `emotion` from now on. Answered by `idol.emotion`."""

    emotion: Emotion
    rise_s: Annotated[float, Meta(ge=0.1, le=60)] = 0.4
    """How long it takes to get there."""
    fall_s: Annotated[float, Meta(ge=0.1, le=3600)] = 8.0
    """How long it takes from there back to the character's baseline."""


class IdolWorldUpdate(ClientEvent, tag="idol.world.update", kw_only=True, frozen=True):
    """Says what is so in the client's world, such as a game: the character knows it from its next
    answer on. Answered by `idol.world.updated`. Of a shared character, the host alone may say it.
    """

    facts: Annotated[
        dict[
            Annotated[str, Meta(min_length=1, max_length=64)],
            Annotated[str, Meta(max_length=500)] | int | float | bool | None,
        ],
        Meta(max_length=200),
    ]
    """By names of the client's own, such as `shop.open`. A text is a sentence that the character
    is told as it is (`The shop is open.`), another value is told with its name (`gold: 50`);
    a null takes the fact away, and what is left out stays."""


class IdolMemoryList(ClientEvent, tag="idol.memory.list", kw_only=True, frozen=True):
    """Asks what the character remembers of this session's user. Answered by `idol.memory.items`.

    A session has a user when its address says who it is, by `?user=ID` or the header
    `OpenAI-Safety-Identifier`; it never reaches what is remembered of anybody else.
    """


class IdolMemorySet(ClientEvent, tag="idol.memory.set", kw_only=True, frozen=True):
    """Puts right what is remembered of the user, or adds to it. Answered by `idol.memory.items`."""

    text: Annotated[str, Meta(min_length=1, max_length=199)]
    """What the user does: `lives in Rome`. A new one may also be as they say it: `I live in Rome`.
    """
    id: Identifier | None = None
    """Of the memory that is put right; left out adds one."""


class IdolMemoryErase(ClientEvent, tag="idol.memory.erase", kw_only=True, frozen=True):
    """Erases what is remembered of the user for good. Answered by `idol.memory.items`."""

    ids: Annotated[list[Identifier], Meta(max_length=1000)] | None = None
    """Which memories; left out erases all."""


class IdolResume(ClientEvent, tag="idol.resume", kw_only=True, frozen=True):
    """Goes on with a session of an earlier connection; only as the first event of a connection.

    Answered by every control event after `last_event_id`, `idol.resumed`, and a new token. An
    earlier connection that is open still is closed with 4409.
    """

    token: Annotated[str, Meta(max_length=256)]
    """From `idol.resume.token` of the lost connection."""
    last_event_id: str | None = None
    """The last event that arrived; left out replays all that are kept."""


class IdolAuthenticate(ClientEvent, tag="idol.authenticate", kw_only=True, frozen=True):
    """Gives the server's token; the first event where headers cannot be set, ignored otherwise."""

    token: Annotated[str, Meta(max_length=4096)]
