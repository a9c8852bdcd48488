"""Who lives here: characters by name, alive whoever is connected.

A private character is there anew for each session, and its host may watch the newest of them. A
shared one is there once, with one clock and one conversation, however many see it.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from idol_runtime.character import OPENAI_PREFIX, Character
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.events import ConversationEvent, TurnEnded
from idol_runtime.conversation.hooks import MakeHooks, no_hooks
from idol_runtime.conversation.items import NOBODY_KNOWN, ItemLimits, Speaker
from idol_runtime.conversation.turn_handle import Ended
from idol_runtime.engine.company import Company
from idol_runtime.engine.live_character import Clocks, LiveCharacter, Member
from idol_runtime.engine.meetings import Meetings
from idol_runtime.errors import ConfigError, RequestError
from idol_runtime.outputs.attachment import Attachment, attach
from idol_runtime.stage.performer import Performer
from idol_runtime.timeline import Output

SETTLE_S = 0.4
"""How long a new session must last before those who watch move over to it."""


class PerformerStage(Clocks, Protocol):
    """The part of the stage a cast needs."""

    def join(self, character: Character, seed: int) -> Performer: ...

    def leave(self, performer: Performer) -> None: ...


class LiveCast:
    """The characters of one engine."""

    def __init__(
        self,
        stage: PerformerStage,
        members: Sequence[Member],
        make_hooks: MakeHooks = no_hooks,
        *,
        items: ItemLimits | None = None,
        settle_s: float = SETTLE_S,
    ) -> None:
        """The shared ones come to life.

        Args:
            stage: Where they perform.
            members: At least one; the first is who is met where no name is given.
            make_hooks: Makes the hooks of each conversation.
            items: What each conversation holds.
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
        self._items = items
        self._joined = 0
        self._attachments: list[Attachment] = []
        self._meetings = Meetings(settle_s)
        self._companies: list[Company] = []
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

    def shared(self, name: str) -> Conversation:
        """The conversation of a shared character; raises KeyError for another one."""
        return self._shared[name]

    def join(self, name: str, *, seed: int | None = None) -> Conversation:
        """A character comes to life, with a conversation of its own."""
        member = self._members[name]
        self._joined += 1
        performer = self._stage.join(member.character, self._joined if seed is None else seed)
        conversation = Conversation(
            member.character,
            performer,
            member.models,
            self._make_hooks,
            self._items,
            character_id=name,
        )
        conversation.subscribe(self._count)
        return conversation

    async def leave(self, conversation: Conversation) -> None:
        self._meetings.end(conversation)
        try:
            await conversation.aclose()
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

    def bring_together(self, names: Sequence[str], turns: int) -> None:
        """Puts shared characters into one scene, where they hear and answer each other.

        Args:
            names: At least two, in the order in which they take turns.
            turns: How many answers they give unasked after a user has spoken, at most.

        Raises:
            ConfigError: one of them is not shared, or there are fewer than two.
        """
        for name in names:
            if name not in self._shared:
                raise ConfigError(
                    f"Expected shared characters in a scene, found {name}; share it, or leave it "
                    "out of the scene."
                )
        if len(set(names)) != len(names) or len(names) < 2:
            raise ConfigError(
                "Expected two characters or more in a scene, each once, found "
                f"{', '.join(names) or 'none'}; name others."
            )
        self._companies.append(Company({name: self._shared[name] for name in names}, turns))

    async def aclose(self) -> None:
        """Ends the answers of shared characters, closes their outputs, and empties the stage."""
        shared, self._shared = self._shared, {}
        for conversation in shared.values():
            await conversation.aclose()
        await asyncio.gather(*(each.aclose() for each in self._attachments))
        for conversation in shared.values():
            self._stage.leave(conversation.performer)

    async def enter(
        self,
        name: str,
        *,
        is_host: bool,
        is_watching: bool = False,
        speaker: Speaker = NOBODY_KNOWN,
    ) -> LiveCharacter:
        """See `conversation.character_handle.Cast`."""
        member, shared = self._members[name], self._shared.get(name)
        if is_watching and shared is None:
            return self._watch(member, is_host=is_host)
        conversation = shared or self.join(name)
        if shared is None:
            self._meetings.begin(name, conversation)
        may_speak = is_host or shared is None or member.character.audience == "everyone"
        return LiveCharacter(
            member,
            conversation,
            self._stage,
            self._ended,
            may_speak=may_speak and not is_watching,
            may_instruct=(is_host or shared is None) and not is_watching,
            leave=partial(self.leave, conversation) if shared is None else None,
            speaker=speaker,
        )

    def _watch(self, member: Member, *, is_host: bool) -> LiveCharacter:
        """The newest session of a private character, or the character alone until there is one."""
        name = member.name
        if not is_host:
            raise RequestError(
                f"Expected the host to watch {member.character.name}, whom each session has to "
                "itself; connect with the host's token, or let the server share the character.",
                code="not_in_audience",
            )
        watched = self._meetings.newest(name)
        conversation = watched or self.join(name)
        return LiveCharacter(
            member,
            conversation,
            self._stage,
            self._ended,
            may_speak=False,
            may_instruct=False,
            leave=partial(self.leave, conversation) if watched is None else None,
            passed=partial(self._meetings.passed, name, watched),
        )

    def _count(self, event: ConversationEvent) -> None:
        if isinstance(event, TurnEnded):
            self._ended(event.ended)

    def _ended(self, ended: Ended) -> None:
        self.on_turn_ended(ended)
