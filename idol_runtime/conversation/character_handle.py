"""What a client's session holds of a character: messages in, frames and events out.

Nothing that can change is reached through it, so that the character may live in another process
or on another machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from idol_protocol.client_events import IdolActivitySet, IdolEmotionSet
from idol_protocol.items import Item as AnyItem
from idol_runtime.character import OPENAI_PREFIX, Action
from idol_runtime.conversation.events import ConversationEvent
from idol_runtime.conversation.items import NOBODY_KNOWN, Item, Speaker
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.world import Fact
from idol_runtime.timeline import Frame


@dataclass(frozen=True, slots=True)
class CharacterCard:
    """Who is met, and what a session begins with."""

    id: str
    """The name of the character's folder: `?model=` of the Realtime API."""
    name: str
    language: str
    greeting: str
    """As it is shown: without gesture tags."""
    gestures: tuple[str, ...]
    actions: tuple[Action, ...]
    """What it can do beyond its body, whoever is connected."""
    voice: str
    speed: float
    temperature: float | None
    instructions: str
    """The persona, for those who may put something in its place; empty for others."""
    may_instruct: bool
    """Whether this session may put something in the place of the persona."""
    is_shared: bool
    """Whether others see and hear the same character at the same time."""
    conversation_id: str
    is_watching: bool = False
    """Whether this session only looks at the newest session of another client."""

    def is_meant_by(self, model: object) -> bool:
        """Whether a client that has met it asks for nobody else: OpenAI's own names never do."""
        is_own_name = isinstance(model, str) and model.startswith(OPENAI_PREFIX)
        return is_own_name or model in (None, self.id)


class Viewer(Protocol):
    """Takes what a character does, in the event loop's thread; must not block."""

    def on_frame(self, frame: Frame) -> None: ...

    def on_event(self, event: ConversationEvent) -> None: ...


class CharacterHandle(Protocol):
    """A live character as one session has it; ends with `leave`.

    Every request raises `RequestError` where it cannot be done, also where this session is not of
    the character's audience.
    """

    @property
    def card(self) -> CharacterCard: ...

    async def watch(self, viewer: Viewer) -> None:
        """From now on frames and events go to `viewer`; an answer that is being given first."""
        ...

    async def now_us(self) -> int:
        """The character's media time."""
        ...

    async def voice(self, wanted: str) -> str:
        """The voice that a client's name for one means: OpenAI's own mean the character's."""
        ...

    async def add(self, message: AnyItem, after: str | None = None) -> None: ...

    async def delete(self, item_id: str) -> None: ...

    async def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Cuts an answer to what was heard of it; one that is still being spoken stops first."""
        ...

    async def item(self, item_id: str) -> Item: ...

    async def reply(self, options: ReplyOptions) -> None:
        """Begins an answer; one that `is_aside` is told to this session alone."""
        ...

    async def cancel(self, turn_id: str | None = None) -> None:
        """Stops an answer, by default the one that is being given, and returns when it has
        stopped.
        """
        ...

    async def settled(self) -> None:
        """Returns when no answer is being given."""
        ...

    async def played(self, pts_us: int) -> None:
        """How far a listener has played."""
        ...

    async def gesture(self, name: str, stroke_pts_us: int | None) -> None: ...

    async def set_activity(self, wish: IdolActivitySet) -> None: ...

    async def set_emotion(self, wish: IdolEmotionSet) -> None: ...

    async def update_world(self, facts: Mapping[str, Fact | None]) -> Mapping[str, Fact]:
        """Changes what is so in the host's world, and returns all that is so now."""
        ...

    def attend(self, is_here: bool) -> None:
        """Whether whoever watches is there, as who has lost its connection is not.

        A character that nobody attends to speaks no further than what it has prepared, makes no
        frames once it is silent, and ends its answer if that goes on for long. A shared one goes
        on.
        """
        ...

    async def leave(self) -> None:
        """Nothing more comes; a character that nobody else sees leaves the stage."""
        ...

    async def passed(self) -> None:
        """Returns when who watches is to enter again: the session that was watched has ended, or
        there is a newer one. Never returns where the session does not watch.
        """
        ...


class Cast(Protocol):
    """Who lives here."""

    def find(self, model: str | None) -> str | None:
        """The character that a client's `model` means, or None; the first one by default."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """In order; each is the name of a character's folder."""
        ...

    async def enter(
        self,
        name: str,
        *,
        is_host: bool,
        is_watching: bool = False,
        speaker: Speaker = NOBODY_KNOWN,
    ) -> CharacterHandle:
        """A session meets a character.

        Args:
            name: One of `names`.
            is_host: Whether it may speak to a character whose audience is its host alone.
            is_watching: It only looks on: at the shared character, or at the newest session of a
                private one, which is for the host alone. Until there is one it sees the character
                by itself.
            speaker: Who says what this session adds.

        Raises:
            RequestError: it may not watch.
        """
        ...
