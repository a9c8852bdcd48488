"""Who lives here: characters by name, alive whoever is connected.

A private character is there anew for each session, and its host may watch the newest of them. A
shared one is there once, with one clock and one conversation, however many see it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from msgspec import UNSET
from msgspec.structs import asdict

from idol_protocol.client_events import IdolActivitySet, IdolEmotionSet
from idol_protocol.items import MessageItem
from idol_runtime.character import OPENAI_PREFIX, Character
from idol_runtime.conversation.character_handle import CharacterCard, Viewer
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.events import ConversationEvent, TurnEnded
from idol_runtime.conversation.hooks import MakeHooks, no_hooks
from idol_runtime.conversation.items import Item
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.reply_reader import read_gestures
from idol_runtime.conversation.turn_handle import Ended
from idol_runtime.engine.meetings import Meetings
from idol_runtime.errors import ConfigError, RequestError
from idol_runtime.music.metronome import Metronome
from idol_runtime.outputs.attachment import Attachment, attach
from idol_runtime.stage.performer import Performer
from idol_runtime.timeline import Output

MAX_AHEAD_US = 60_000_000
"""How long before its stroke a gesture can be asked for."""
DEFAULT_BPM = 120.0
DEFAULT_INTENSITY = 0.7
SETTLE_S = 0.4
"""How long a new session must last before those who watch move over to it."""


class PerformerStage(Protocol):
    """The part of the stage a cast needs."""

    def join(self, character: Character, seed: int) -> Performer: ...

    def leave(self, performer: Performer) -> None: ...

    def now_us(self, performer: Performer) -> int: ...


@dataclass(frozen=True, slots=True)
class Member:
    """A character of the cast."""

    name: str
    """The name of its folder."""
    character: Character
    models: Models
    is_shared: bool = False


class LiveCast:
    """The characters of one engine."""

    def __init__(
        self,
        stage: PerformerStage,
        members: Sequence[Member],
        make_hooks: MakeHooks = no_hooks,
        *,
        settle_s: float = SETTLE_S,
    ) -> None:
        """The shared ones come to life.

        Args:
            stage: Where they perform.
            members: At least one; the first is who is met where no name is given.
            make_hooks: Makes the hooks of each conversation.
            settle_s: How long a new session must last before those who watch move over to it.

        Raises:
            ConfigError: two of one name, or a style tag that a face does not know.
        """
        self.on_turn_ended: Callable[[Ended], None] = lambda ended: None
        """Called with every answer that ended, once."""
        self._stage = stage
        self._members = {member.name: member for member in members}
        if len(self._members) != len(members):
            raise ConfigError(
                "Expected characters whose folders have different names, found "
                f"{', '.join(sorted(member.name for member in members))}; rename one."
            )
        self._make_hooks = make_hooks
        self._joined = 0
        self._attachments: list[Attachment] = []
        self._meetings = Meetings(settle_s)
        self._shared = {
            member.name: self.join(member.name) for member in members if member.is_shared
        }

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    def find(self, model: str | None) -> str | None:
        """The character that a client's `model` means: OpenAI's own names mean the first."""
        if not model or model.startswith(OPENAI_PREFIX):
            return self.names[0]
        return model if model in self._members else None

    def join(self, name: str, *, seed: int | None = None) -> Conversation:
        """A character comes to life, with a conversation of its own."""
        member = self._members[name]
        self._joined += 1
        performer = self._stage.join(member.character, self._joined if seed is None else seed)
        conversation = Conversation(member.character, performer, member.models, self._make_hooks)
        conversation.subscribe(self._count)
        return conversation

    async def leave(self, conversation: Conversation) -> None:
        self._meetings.end(conversation)
        try:
            await conversation.cancel()
        finally:  # also where whoever waits for it is cancelled
            self._stage.leave(conversation.performer)

    async def send_to(self, output: Output, name: str) -> None:
        """Hands a shared character's timeline to an output until the cast is closed.

        One that cannot be opened is evicted: this is logged and counted, not raised.

        Raises:
            ConfigError: the character is not shared.
        """
        if name not in self._shared:
            raise ConfigError(
                f"Expected a shared character for an output to follow, found {name}; share it, or "
                f"name one of {', '.join(self._shared) or 'those that are (there are none)'}."
            )
        self._attachments.append(await attach(output, self._shared[name].performer))

    async def aclose(self) -> None:
        """Ends the answers of shared characters, closes their outputs, and empties the stage."""
        shared, self._shared = self._shared, {}
        for conversation in shared.values():
            await conversation.cancel()
        await asyncio.gather(*(each.aclose() for each in self._attachments))
        for conversation in shared.values():
            self._stage.leave(conversation.performer)

    async def enter(
        self, name: str, *, is_host: bool, is_watching: bool = False
    ) -> "LiveCharacter":
        """See `conversation.character_handle.Cast`."""
        member, shared = self._members[name], self._shared.get(name)
        if is_watching and shared is None:
            return self._watch(member, is_host=is_host)
        conversation = shared or self.join(name)
        if shared is None:
            self._meetings.begin(name, conversation)
        may_speak = is_host or shared is None or member.character.audience == "everyone"
        return LiveCharacter(
            self,
            self._stage,
            member,
            conversation,
            may_speak=may_speak and not is_watching,
            is_own=shared is None,
        )

    def _watch(self, member: Member, *, is_host: bool) -> "LiveCharacter":
        """The newest session of a private character, or the character alone until there is one."""
        name = member.name
        if not is_host:
            raise RequestError(
                f"Expected the host to watch {member.character.name}, whom each session has to "
                "itself; connect with the host's token, or let the server share the character.",
                code="not_in_audience",
            )
        watched = self._meetings.newest(name)
        return LiveCharacter(
            self,
            self._stage,
            member,
            watched or self.join(name),
            may_speak=False,
            is_own=watched is None,
            passed=partial(self._meetings.passed, name, watched),
        )

    def _count(self, event: ConversationEvent) -> None:
        if isinstance(event, TurnEnded):
            self.on_turn_ended(event.ended)


class LiveCharacter:
    """A character of this process, as one session has it."""

    def __init__(
        self,
        cast: LiveCast,
        stage: PerformerStage,
        member: Member,
        conversation: Conversation,
        *,
        may_speak: bool,
        is_own: bool,
        passed: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Takes what is met, and by whom.

        Args:
            cast: Where it lives.
            stage: Where it performs.
            member: Who it is.
            conversation: What is said to it and by it.
            may_speak: Whether this session is of its audience.
            is_own: Whether the conversation ends with this session.
            passed: Where the session watches another one: returns when it is to look again.
        """
        character = member.character
        self.card = CharacterCard(
            id=member.name,
            name=character.name,
            language=character.language,
            greeting=read_gestures(character.greeting)[0],
            gestures=character.gestures,
            voice=character.voice.name,
            speed=character.voice.speed,
            temperature=character.sampling.temperature,
            is_shared=member.is_shared,
            conversation_id=conversation.id,
            is_watching=passed is not None,
        )
        self._cast = cast
        self._stage = stage
        self._conversation = conversation
        self._performer = conversation.performer
        self._viewers: list[Viewer] = []
        self._may_speak = may_speak
        self._is_own = is_own
        self._passed = passed

    async def watch(self, viewer: Viewer) -> None:
        self._viewers.append(viewer)
        self._performer.attach(viewer)
        self._conversation.subscribe(viewer.on_event)

    async def now_us(self) -> int:
        return self._stage.now_us(self._performer)

    async def add(self, message: MessageItem, after: str | None = None) -> None:
        self._check_audience()
        self._conversation.add(message, after)

    async def delete(self, item_id: str) -> None:
        self._check_audience()
        self._conversation.delete(item_id)

    async def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        self._check_audience()
        self._conversation.truncate(item_id, content_index, audio_end_ms)

    async def item(self, item_id: str) -> Item:
        return self._conversation.items.get(item_id)

    async def reply(self, options: ReplyOptions) -> None:
        self._check_audience()
        self._conversation.reply(options)

    async def cancel(self, turn_id: str | None = None) -> None:
        self._check_audience()
        turn = self._conversation.turn
        if turn is None or turn_id not in (None, turn.id):
            raise RequestError(
                "Expected the active response to cancel, but "
                + ("none is being given." if turn is None else f"that is {turn.id}."),
                code="response_cancel_not_active",
                param="response_id" if turn_id else None,
            )
        turn.cancel()
        await turn

    async def settled(self) -> None:
        if (turn := self._conversation.turn) is not None:
            await turn

    async def played(self, pts_us: int) -> None:
        # What counts as heard is for the audience to say; a viewer's report changes nothing.
        if self._may_speak and (turn := self._conversation.turn) is not None:
            turn.played_us = max(pts_us, turn.played_us or 0)

    async def gesture(self, name: str, stroke_pts_us: int | None) -> None:
        self._check_audience()
        allowed = self.card.gestures
        if name not in allowed:
            raise RequestError(
                f"Expected a gesture of this character ({', '.join(allowed) or 'it has none'}), "
                f"found {name}; choose another, or add it to `gestures` in its character.toml.",
                code="gesture_not_allowed",
                param="gesture",
            )
        now_us = await self.now_us()
        if stroke_pts_us is not None and stroke_pts_us > now_us + MAX_AHEAD_US:
            raise RequestError(
                f"Expected a stroke at most {MAX_AHEAD_US // 1_000_000} s after the media time "
                f"{now_us}, found {stroke_pts_us}; ask again when it is nearer.",
                code="stroke_too_late",
                param="stroke_pts_us",
            )
        stroke_s = None if stroke_pts_us is None else stroke_pts_us / 1e6
        if self._performer.gesture(name, stroke_s=stroke_s) is None:
            raise RequestError(
                f"The same gesture, {name}, is being made or planned then; "
                "ask again when it is over.",
                code="gesture_in_progress",
                param="gesture",
            )

    async def set_activity(self, wish: IdolActivitySet) -> None:
        self._check_audience()
        music = {"bpm": wish.bpm, "first_beat_pts_us": wish.first_beat_pts_us}
        music["intensity"] = wish.intensity
        given = [name for name, value in music.items() if value is not None]
        if wish.activity != "dance" and given:
            raise RequestError(
                f"Expected `{given[0]}` with the activity dance alone, found it with "
                f"{wish.activity}; leave it out.",
                code="invalid_field",
                param=given[0],
            )
        self._performer.resting = wish.activity
        if wish.activity != "dance":
            self._performer.beats = None
            return
        first_us = wish.first_beat_pts_us
        self._performer.beats = Metronome(
            wish.bpm or DEFAULT_BPM,
            (await self.now_us() if first_us is None else first_us) / 1e6,
            DEFAULT_INTENSITY if wish.intensity is None else wish.intensity,
        )

    async def set_emotion(self, wish: IdolEmotionSet) -> None:
        self._check_audience()
        levels = {name: level for name, level in asdict(wish.emotion).items() if level is not UNSET}
        self._performer.feel(levels, rise_s=wish.rise_s, fall_s=wish.fall_s)

    async def leave(self) -> None:
        for viewer in self._viewers:
            self._performer.detach(viewer)
            self._conversation.unsubscribe(viewer.on_event)
        if self._is_own:
            await self._cast.leave(self._conversation)

    async def passed(self) -> None:
        if self._passed is not None:
            await self._passed()
        else:
            await asyncio.get_running_loop().create_future()

    def _check_audience(self) -> None:
        if self.card.is_watching:
            raise RequestError(
                f"This session watches {self.card.name}; speak on a connection without `?watch`.",
                code="not_in_audience",
            )
        if not self._may_speak:
            raise RequestError(
                f"{self.card.name} listens to its host alone; connect with the host's token to "
                "speak to it, or watch.",
                code="not_in_audience",
            )
