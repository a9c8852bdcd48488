"""One client's view of a character on the Realtime protocol; outlives the connection."""

import secrets
from collections.abc import Callable

from idol_protocol.client_events import (
    ClientEvent,
    IdolAuthenticate,
    IdolClockPing,
    IdolPlaybackProgress,
    IdolResume,
    IdolStreamsConfigure,
)
from idol_protocol.frames import AudioChunk, FaceFrame, PoseFrame
from idol_protocol.idol_events import (
    CharacterInfo,
    IdolCharacter,
    IdolResumed,
    IdolResumeToken,
)
from idol_protocol.items import MAX_TEXT_CHARS, SessionAudio, SessionObject
from idol_protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemTruncated,
    ServerEvent,
    SessionCreated,
)
from idol_runtime.conversation.character_handle import CharacterHandle
from idol_runtime.conversation.declared import shown
from idol_runtime.conversation.events import (
    ConversationEvent,
    ItemAdded,
    ItemDeleted,
    ItemTruncated,
    ReplyText,
    TurnEnded,
    TurnStarted,
)
from idol_runtime.conversation.items import new_id
from idol_runtime.mind.memory.own import OwnMemories
from idol_runtime.server.config import Limits
from idol_runtime.server.cues import event_of
from idol_runtime.server.journal import Journal
from idol_runtime.server.metrics import ServerMetrics
from idol_runtime.server.outbox import Outbox
from idol_runtime.server.own_events import OwnEvents
from idol_runtime.server.response import Response, audio_output
from idol_runtime.server.settings import initial_settings
from idol_runtime.server.streams import Streams
from idol_runtime.timeline import (
    Cue,
    Frame,
    UtteranceStarted,
)

_PASSING = (
    IdolAuthenticate,
    IdolClockPing,
    IdolPlaybackProgress,
    IdolResume,
    IdolStreamsConfigure,
)
"""Events after which there is still nothing to come back to."""


class Session:
    """What one client sees of one character: its frames and its conversation as events."""

    def __init__(
        self,
        character: CharacterHandle,
        limits: Limits,
        metrics: ServerMetrics,
        avatar_url: str | None,
        *,
        memories: OwnMemories | None = None,
        on_left: Callable[[], None] = lambda: None,
    ) -> None:
        self.id = new_id("sess")
        self.resume_token = secrets.token_urlsafe(24)
        """Opens the session to a later connection, which gets another."""
        self.character = character
        self.metrics = metrics
        self.settings = initial_settings(character.card)
        self.streams: Streams | None = None
        """Of the connection that carries the session now, if one does."""
        self.memories = memories
        """What is remembered of the user; None where nobody knows who that is."""
        self._is_used = False
        self.knows_it_is_deaf = False
        """Whether this connection was told that sound is not listened to."""
        self._own = OwnEvents()
        self._limits = limits
        self._avatar_url = avatar_url
        self._on_left = on_left
        self._journal = Journal(limits.journal_events, limits.journal_bytes)
        self._outbox: Outbox | None = None
        self._response: Response | None = None
        """The answer that is being given on the stage."""
        self._responses: dict[str, Response] = {}
        """All answers that are being given."""

    @property
    def kept_bytes(self) -> int:
        """What it holds for a client that comes back."""
        return self._journal.kept_bytes

    @property
    def can_be_resumed(self) -> bool:
        """Whether there is anything to come back to, and the client was given the token for it."""
        return self._is_used and self._own.is_open

    def describe(self) -> SessionObject:
        settings = self.settings
        return SessionObject(
            id=self.id,
            model=self.character.card.id,
            instructions=settings.instructions or _shown(self.character.card.instructions),
            output_modalities=[settings.modality],
            audio=SessionAudio(output=audio_output(settings.voice, settings.speed)),
            max_output_tokens=settings.max_output_tokens,
            temperature=settings.temperature,
            tools=shown(settings.tools),
            tool_choice=settings.tool_choice,
        )

    def attach(self, outbox: Outbox, *, binary: bool) -> None:
        """Carries the session on a connection."""
        self._outbox = outbox
        self.character.attend(is_here=True)
        self.knows_it_is_deaf = False
        self.streams = Streams(outbox, self._journal, self.emit, self.metrics, binary=binary)
        if binary:
            self.tell_ours()

    def tell_ours(self) -> None:
        """The client knows our events: it is told what it was not, and all that comes."""
        for event in self._own.open():
            self.emit(event)

    def detach(self) -> None:
        """The connection is gone; events are kept for a while, media is not."""
        self._outbox = None
        self.character.attend(is_here=False)
        if self.streams is not None:
            self.streams.drop()
        self.streams = None

    async def begin(self) -> None:
        """The events a connection begins with, then all that the character does."""
        self.emit(SessionCreated(session=self.describe()))
        card = self.character.card
        info = CharacterInfo(
            name=card.name,
            language=card.language,
            greeting=card.greeting,
            avatar_url=self._avatar_url,
            actions=[each.name for each in card.actions],
            gestures=list(card.gestures),
        )
        self.emit(IdolCharacter(character=info))
        self._open()
        await self.character.watch(self)

    def catch_up(self, last_event_id: str | None) -> None:
        """The events a resumed connection begins with: what it missed, then what is new."""
        assert self._outbox is not None
        missed, complete = self._journal.after(last_event_id)
        self._outbox.repeat(missed)
        self.emit(IdolResumed(replayed=len(missed), complete=complete))
        self._open()

    def note(self, event: ClientEvent) -> None:
        """The client asked for something."""
        if not isinstance(event, _PASSING):
            self._use()

    def emit(self, event: ServerEvent) -> None:
        """Sends an event, or has it ready for when the client comes back; ours only if it asked."""
        if not self._own.passes(event):
            return
        text = self._journal.note(event)
        if self._outbox is not None:
            self._outbox.put(text)

    def on_event(self, event: ConversationEvent) -> None:
        """Takes what happens in the conversation."""
        self._use()
        match event:
            case ItemAdded(item=item, previous_id=previous):
                self.emit(ConversationItemAdded(previous_item_id=previous, item=item.message))
                self.emit(ConversationItemDone(previous_item_id=previous, item=item.message))
            case ItemDeleted(item_id=item_id):
                self.emit(ConversationItemDeleted(item_id=item_id))
            case ItemTruncated(item_id=item_id, audio_end_ms=end_ms):
                self.emit(
                    ConversationItemTruncated(item_id=item_id, content_index=0, audio_end_ms=end_ms)
                )
            case TurnStarted():
                response = Response(event, self.character.card, self.emit)
                self._responses[event.turn_id] = response
                if not event.options.is_aside:
                    self._response = response
            case ReplyText(turn_id=turn_id, text=text) if turn_id in self._responses:
                self._responses[turn_id].write(text)
            case TurnEnded(turn_id=turn_id) if turn_id in self._responses:
                response = self._responses.pop(turn_id)
                if response is self._response:
                    self._response = None
                response.end(event)

    def on_frame(self, frame: Frame) -> None:
        """Takes the character's timeline."""
        match frame:
            case AudioChunk():
                if self.streams is not None:
                    self.streams.sound(frame, self._response)
            case FaceFrame():
                if self.streams is not None:
                    self.streams.move("face", frame)
            case PoseFrame():
                if self.streams is not None:
                    self.streams.move("pose", frame)
            case _:
                self._cue(frame)

    async def aclose(self) -> None:
        """Leaves the character."""
        self.detach()
        await self.character.leave()
        self._on_left()

    def _use(self) -> None:
        self._is_used = not self.character.card.is_watching  # who watches just looks again

    def _open(self) -> None:
        assert self.streams is not None
        self.emit(IdolResumeToken(token=self.resume_token, valid_s=int(self._limits.resume_s)))
        self.streams.open_defaults()

    def _cue(self, cue: Cue) -> None:
        response = self._response
        if isinstance(cue, UtteranceStarted) and response is not None and self.streams is not None:
            self.streams.utterance_begins()
        if (event := event_of(cue, response)) is not None:
            self.emit(event)


def _shown(persona: str) -> str:
    """What a message can hold of a character's persona, which the files may make long."""
    return (
        persona if len(persona) <= MAX_TEXT_CHARS // 2 else persona[: MAX_TEXT_CHARS // 2] + "..."
    )
