"""A live character as one session has it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from msgspec import UNSET
from msgspec.structs import asdict

from idol_protocol.client_events import IdolActivitySet, IdolEmotionSet
from idol_protocol.items import Item as AnyItem
from idol_runtime.character import Character
from idol_runtime.conversation.character_handle import CharacterCard, Viewer
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.events import ConversationEvent, TurnEnded
from idol_runtime.conversation.items import NOBODY_KNOWN, Item, Speaker
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.reply_reader import read_tags
from idol_runtime.conversation.turn_handle import Ended, Turn
from idol_runtime.conversation.world import Fact
from idol_runtime.errors import ConfigError, IdolError, RequestError
from idol_runtime.music.metronome import DEFAULT_BPM, DEFAULT_INTENSITY, Metronome
from idol_runtime.speech.voice_names import check_voice
from idol_runtime.stage.performer import Performer

MAX_AHEAD_US = 60_000_000
"""How long before its stroke a gesture can be asked for."""
MAX_ASIDES = 4
"""Answers outside of the conversation that one session may wait for at once."""
OPENAI_VOICES: Final = frozenset(
    {
        *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
        *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
    }
)
"""Clients that know nothing of characters ask for these, and mean the character's own voice."""
UNATTENDED_S = 10.0
"""How long an answer waits for whoever it is given to, before it is ended."""


class Clocks(Protocol):
    """The part of the stage a live character needs."""

    def now_us(self, performer: Performer) -> int: ...


@dataclass(frozen=True, slots=True)
class Member:
    """A character of the cast."""

    name: str
    """The name of its folder."""
    character: Character
    models: Models
    is_shared: bool = False


class LiveCharacter:
    """A character of this process, as one session has it."""

    def __init__(
        self,
        member: Member,
        conversation: Conversation,
        stage: Clocks,
        on_aside_ended: Callable[[Ended], None],
        *,
        may_speak: bool,
        may_instruct: bool,
        leave: Callable[[], Awaitable[None]] | None,
        passed: Callable[[], Awaitable[None]] | None = None,
        speaker: Speaker = NOBODY_KNOWN,
    ) -> None:
        """Takes what is met, and by whom.

        Args:
            member: Who it is.
            conversation: What is said to it and by it.
            stage: Where it performs.
            on_aside_ended: Called with each answer that nobody else is told of.
            may_speak: Whether this session is of its audience.
            may_instruct: Whether it may put something in the place of the persona.
            leave: Ends the conversation, where it ends with this session.
            passed: Where the session watches another one: returns when it is to look again.
            speaker: Who says what this session adds.
        """
        character = member.character
        self.card = CharacterCard(
            id=member.name,
            name=character.name,
            language=character.language,
            greeting=read_tags(character.greeting)[0],
            gestures=character.gestures,
            actions=tuple(character.actions),
            voice=character.voice.name,
            speed=character.voice.speed,
            temperature=character.sampling.temperature,
            instructions=character.persona.strip() if may_instruct else "",
            may_instruct=may_instruct,
            is_shared=member.is_shared,
            conversation_id=conversation.id,
            is_watching=passed is not None,
        )
        self._models = member.models
        self._stage = stage
        self._conversation = conversation
        self._performer = conversation.performer
        self._viewers: list[Viewer] = []
        self._may_speak = may_speak
        self._on_aside_ended = on_aside_ended
        self._leave = leave
        self._passed = passed
        self._speaker = speaker
        self._is_here = False
        self._ending_unattended: asyncio.TimerHandle | None = None
        self._asides: dict[str, Turn] = {}
        self._talked_over: str | None = None
        """The answer that a truncation has stopped: clients that truncate cancel, too."""

    async def watch(self, viewer: Viewer) -> None:
        self._viewers.append(viewer)
        self._performer.attach(viewer)
        self._conversation.subscribe(viewer.on_event)

    async def now_us(self) -> int:
        return self._stage.now_us(self._performer)

    async def add(self, message: AnyItem, after: str | None = None) -> None:
        self._check_audience()
        self._conversation.add(message, after, speaker=self._speaker)

    async def delete(self, item_id: str) -> None:
        self._check_audience()
        self._conversation.delete(item_id)

    async def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        self._check_audience()
        item, turn = self._conversation.items.get(item_id), self._conversation.turn
        if turn is not None and turn.can_be_cut(item.id, content_index, audio_end_ms):
            turn.cancel()
            await turn
            self._talked_over = turn.id
        self._conversation.truncate(item_id, content_index, audio_end_ms)

    async def item(self, item_id: str) -> Item:
        return self._conversation.items.get(item_id)

    async def voice(self, wanted: str) -> str:
        try:
            capabilities = await self._models.voice()
        except IdolError:  # the next answer says what is wrong with the model
            capabilities = None
        known = () if capabilities is None else capabilities.voices
        if wanted.lower() in OPENAI_VOICES and wanted not in known:
            return self.card.voice
        if capabilities is not None:
            try:
                check_voice(wanted, capabilities)
            except ConfigError as error:
                raise RequestError(str(error), code="unknown_voice", param="voice") from None
        return wanted

    async def reply(self, options: ReplyOptions) -> None:
        self._check_audience()
        options = replace(options, asked_by=self._speaker)
        if not options.is_aside:
            self._conversation.reply(options)
            return
        if len(self._asides) >= MAX_ASIDES:
            raise RequestError(
                f"Expected at most {MAX_ASIDES} responses outside of the conversation at once; "
                "wait for the `response.done` of one.",
                code="too_many_responses",
            )
        turn = self._conversation.aside(options, self._tell_aside)
        self._asides[turn.id] = turn

    async def cancel(self, turn_id: str | None = None) -> None:
        self._check_audience()
        turn = self._asides.get(turn_id or "") or self._conversation.turn
        talked_over, self._talked_over = self._talked_over, None
        if turn is None and talked_over is not None and turn_id in (None, talked_over):
            return
        if turn is None or turn_id not in (None, turn.id):
            raise RequestError(
                # Clients that came too late know an error that begins so, and let it be.
                "Cancellation failed: expected the active response, but "
                + ("none is being given." if turn is None else f"that is {turn.id}."),
                code="response_cancel_not_active",
                param="response_id" if turn_id else None,
            )
        turn.cancel()
        await turn

    async def settled(self) -> None:
        for turn in (self._conversation.turn, *self._asides.values()):
            if turn is not None:
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

    async def update_world(self, facts: Mapping[str, Fact | None]) -> Mapping[str, Fact]:
        self._check_audience()
        if not self.card.may_instruct:
            raise RequestError(
                f"Expected the host to say what is so in the world of {self.card.name}, whom all "
                "sessions share; connect with the host's token.",
                code="not_in_audience",
            )
        self._conversation.world.update(facts)
        return dict(self._conversation.world.facts)

    def attend(self, is_here: bool) -> None:
        if self.card.is_shared or is_here == self._is_here:
            return
        self._is_here = is_here
        self._performer.attendance = (self._performer.attendance or 0) + (1 if is_here else -1)
        self._forget_unattended()
        if not is_here:
            loop = asyncio.get_running_loop()
            self._ending_unattended = loop.call_later(UNATTENDED_S, self._end_unattended)

    async def leave(self) -> None:
        for viewer in self._viewers:
            self._performer.detach(viewer)
            self._conversation.unsubscribe(viewer.on_event)
        self._viewers.clear()
        self._forget_unattended()
        asides = tuple(self._asides.values())
        for turn in asides:
            turn.cancel()
        for turn in asides:
            await turn
        if self._leave is not None:
            await self._leave()

    async def passed(self) -> None:
        if self._passed is not None:
            await self._passed()
        else:
            await asyncio.get_running_loop().create_future()

    def _end_unattended(self) -> None:
        if self._performer.is_unattended:
            for turn in (self._conversation.turn, *self._asides.values()):
                if turn is not None:
                    turn.cancel()

    def _forget_unattended(self) -> None:
        if self._ending_unattended is not None:
            self._ending_unattended.cancel()
            self._ending_unattended = None

    def _tell_aside(self, event: ConversationEvent) -> None:
        for viewer in self._viewers:
            viewer.on_event(event)
        if isinstance(event, TurnEnded):
            self._asides.pop(event.turn_id, None)
            self._on_aside_ended(event.ended)

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
