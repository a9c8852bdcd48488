"""Events of ours that a server sends; a plain Realtime client gets none before it sends one."""

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from .items import Noun
from .server_events import ServerEvent

StreamKind: TypeAlias = Literal["audio", "face", "pose"]
GestureName: TypeAlias = Literal[
    "wave", "bow", "point", "shrug", "cheer", "heart", "clap", "think", "nod", "shake"
]
GazeName: TypeAlias = Literal["left", "right", "up", "down", "away", "you"]
Level: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
SignedLevel: TypeAlias = Annotated[float, Meta(ge=-1, le=1)]
ActivityName: TypeAlias = Literal["idle", "listen", "think", "speak", "dance"]
Dtype: TypeAlias = Literal["pcm16", "f32", "f16", "u8", "json"]


class CharacterInfo(Noun, kw_only=True, frozen=True):
    """Who is speaking."""

    name: str
    language: str
    greeting: str
    avatar_url: str | None = None
    """Where the VRM file is, relative to the server."""
    actions: list[str]
    gestures: list[str]
    """What its body does when a reply or `idol.gesture.create` asks for it."""


class IdolCharacter(ServerEvent, tag="idol.character", kw_only=True, frozen=True):
    """Who this connection talks to; follows `session.created`, or the first event of ours."""

    character: CharacterInfo


class IdolStreamOpened(ServerEvent, tag="idol.stream.opened", kw_only=True, frozen=True):
    """A media stream begins; says once how its payloads read."""

    stream_id: int
    kind: StreamKind
    dtype: Dtype
    """`json`: frames come as `idol.face.delta` or `idol.pose.delta`, audio as Realtime deltas."""
    rate_hz: int | None = None
    """Audio: samples a second."""
    fps: int | None = None
    """Face and pose: frames a second; frame i of a message is i/fps after its `pts_us`."""
    channels: list[str]
    """Audio: `mono`. Face: 59 names in wire order. Pose: 22 bones, then `hipsTranslation`."""
    layout: str
    """The payload of one frame in a sentence, for people."""


class IdolStreamClosed(ServerEvent, tag="idol.stream.closed", kw_only=True, frozen=True):
    stream_id: int


class IdolAudioSkipped(ServerEvent, tag="idol.audio.skipped", kw_only=True, frozen=True):
    """This client read too slowly for its sound: what plays from `pts_us` on was left out.

    Sound goes on with the next utterance.
    """

    stream_id: int
    pts_us: int


class IdolActivity(ServerEvent, tag="idol.activity", kw_only=True, frozen=True):
    """The character turns to something else: `idle`, `listen`, `think`, `speak` or `dance`."""

    pts_us: int
    activity: ActivityName


class Emotion(Noun, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What a character feels; what is left out is as the character's own baseline has it."""

    valence: SignedLevel | UnsetType = UNSET
    """From unpleasant to pleasant."""
    arousal: SignedLevel | UnsetType = UNSET
    """From calm to excited."""
    happy: Level | UnsetType = UNSET
    angry: Level | UnsetType = UNSET
    sad: Level | UnsetType = UNSET
    relaxed: Level | UnsetType = UNSET
    surprised: Level | UnsetType = UNSET
    curious: Level | UnsetType = UNSET


class IdolEmotion(ServerEvent, tag="idol.emotion", kw_only=True, frozen=True):
    """What the character feels turns to `emotion`, and then wears off; its face and body show it.

    It eases there from `pts_us` on in `rise_s` seconds, then back to the character's baseline in
    `fall_s` seconds.
    """

    pts_us: int
    emotion: Emotion
    rise_s: float
    fall_s: float


class IdolWorldUpdated(ServerEvent, tag="idol.world.updated", kw_only=True, frozen=True):
    """All that is so in the client's world now, as `idol.world.update` has said it."""

    facts: dict[str, str | int | float | bool]


class IdolGaze(ServerEvent, tag="idol.gaze", kw_only=True, frozen=True):
    """The character looks somewhere from `pts_us` on, for `duration_us`, because its reply asks
    for it. The face and pose streams show it by themselves; this is for rigs that look by a way of
    their own.
    """

    pts_us: int
    gaze: GazeName
    """Its own left and right; `you` is who it talks to."""
    duration_us: int
    response_id: str | None = None


class IdolAction(ServerEvent, tag="idol.action", kw_only=True, frozen=True):
    """The character calls an action at `pts_us`, on its word of the answer: `[[actions]]` of its
    character.toml, or a tool of `session.update`.

    The same call is an item of `response.done`. What came of it is told by an item
    `function_call_output` with its `call_id`.
    """

    pts_us: int
    name: str
    arguments: str
    """A JSON object, valid against the action's schema."""
    call_id: str
    response_id: str | None = None


class UtteranceEvent(ServerEvent, kw_only=True, frozen=True):
    """What happens to one utterance: the clause that is spoken as a piece."""

    response_id: str
    item_id: str
    utterance_id: str
    pts_us: int


class IdolUtteranceStarted(UtteranceEvent, tag="idol.utterance.started", kw_only=True, frozen=True):
    """Sent with the first sound of the utterance, which plays at `pts_us`. For subtitles."""

    text: str


class IdolUtteranceEnded(UtteranceEvent, tag="idol.utterance.ended", kw_only=True, frozen=True):
    """The last sound of the utterance plays until `pts_us`."""


class PhonemeSpan(Noun, kw_only=True, frozen=True):
    symbol: str
    """IPA as the speech model writes it."""
    start_s: float
    """Seconds after the `pts_us` of the utterance."""
    end_s: float


class IdolPhonemes(ServerEvent, tag="idol.phonemes", kw_only=True, frozen=True):
    """All phonemes of an utterance, exact to the speech model's own durations."""

    utterance_id: str
    pts_us: int
    phonemes: list[PhonemeSpan]


class IdolGesture(ServerEvent, tag="idol.gesture", kw_only=True, frozen=True):
    """A gesture begins at `pts_us`, timed so that its stroke falls on its word.

    The pose stream moves by itself; this is for rigs that play a clip of their own. One that has
    not begun by the `pts_us` of an `idol.playback.cut` never does, and one that has fades there.
    """

    gesture: GestureName
    pts_us: int
    duration_us: int
    stroke_pts_us: int
    """When it is at its most telling."""
    response_id: str | None = None
    """The answer it belongs to; null where a client asked for it."""
    utterance_id: str | None = None


class IdolPlaybackCut(ServerEvent, tag="idol.playback.cut", kw_only=True, frozen=True):
    """The response was cancelled: drop its media later than `pts_us`."""

    response_id: str
    pts_us: int


class IdolClockPong(ServerEvent, tag="idol.clock.pong", kw_only=True, frozen=True):
    """Answers `idol.clock.ping`; `pts_us` is the media clock when it was read."""

    id: int
    client_us: int
    pts_us: int


class IdolTurnMetrics(ServerEvent, tag="idol.turn.metrics", kw_only=True, frozen=True):
    """What a turn cost. Times are milliseconds from its start; null when it never came to that."""

    response_id: str
    ttft_ms: float | None = None
    """Time to the first token's text."""
    first_clause_ms: float | None = None
    """Time to the first whole clause, ready to be spoken."""
    first_audio_ms: float | None = None
    """Time to the first sound handed to the connection."""
    first_face_ms: float | None = None
    """Time to the first face frame that belongs to that sound."""
    total_ms: float
    """Time to the last sound handed to the connection, which is paced by its playing time."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens that an earlier turn had already read."""
    reply_tokens: int = 0
    decode_tokens_per_s: float | None = None
    speech_s: float = 0.0
    """Seconds of sound."""
    speech_real_time_factor: float | None = None
    """Seconds of synthesis for each second of sound; under 1 is faster than real time."""
    finish_reason: str = "stop"
    """`stop`, `length` (the token limit) or `context` (the model's context is full)."""
    stale_clauses: int = 0
    """Clauses that were left out because they said nothing new."""


class IdolFaceDelta(ServerEvent, tag="idol.face.delta", kw_only=True, frozen=True):
    """One face frame as JSON, with the `realtime` subprotocol when asked for."""

    stream_id: int
    pts_us: int
    weights: list[float]
    """52 weights in [0, 1], in ARKit (Live Link Face) order."""
    head_eyes_deg: list[float]
    """7 angles in degrees."""


class IdolPoseDelta(ServerEvent, tag="idol.pose.delta", kw_only=True, frozen=True):
    """One pose frame as JSON, with the `realtime` subprotocol when asked for."""

    stream_id: int
    pts_us: int
    rotations: list[list[float]]
    """22 quaternions (x, y, z, w)."""
    hips_m: list[float]
    """3 metres."""


class MemoryItem(Noun, kw_only=True, frozen=True):
    """Something that a character remembers of somebody."""

    id: str
    kind: str
    """`name`, `place`, `age`, `birthday`, `job`, `like`, `dislike`, `pet`, `family`, `plan`,
    `promise`, `event`, `other`, `talk` (a long conversation in short) or `feeling` (how the
    character likes the user)."""
    text: str
    """What the user does: `lives in Oslo`, `has a dog named Rex`."""
    said_at: int
    """When it was last said, in seconds since 1970."""


class IdolMemoryItems(ServerEvent, tag="idol.memory.items", kw_only=True, frozen=True):
    """All that the character remembers of this session's user, the oldest first."""

    items: list[MemoryItem]


class IdolGoaway(ServerEvent, tag="idol.goaway", kw_only=True, frozen=True):
    """The server is about to close the connection (code 1012)."""

    reason: str
    in_ms: int


class IdolResumeToken(ServerEvent, tag="idol.resume.token", kw_only=True, frozen=True):
    """Lets a new connection go on with this session; replaces the token that came before."""

    token: str
    valid_s: int
    """How long after the connection broke."""


class IdolResumed(ServerEvent, tag="idol.resumed", kw_only=True, frozen=True):
    """Answers `idol.resume`, after the control events that were missed."""

    replayed: int
    complete: bool
    """False when the missed events were too many to keep, so some are lost."""
