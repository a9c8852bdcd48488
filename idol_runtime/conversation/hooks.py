"""Where memory, lore, mood and moderation take hold of a conversation.

A conversation's hooks are made for it alone, so that they may keep what they need of it. Their
order in a turn stands in `turn.py`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from idol_runtime.character import Character
from idol_runtime.conversation.items import Speaker
from idol_runtime.conversation.models import StreamingModel
from idol_runtime.conversation.prompt import Prompt
from idol_runtime.conversation.world import World
from idol_runtime.dialogue.messages import ChatMessage, DialogueRequest, Generated
from idol_runtime.speech.engine import VoiceCapabilities
from idol_runtime.stage.utterance import Line


class Feel(Protocol):
    """Turns what a character feels, until that wears off: see `Performer.feel`."""

    def __call__(self, emotion: Mapping[str, float], *, rise_s: float, fall_s: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Meeting:
    """What the hooks of a new conversation are made for."""

    character_id: str
    """The name of the character's folder."""
    character: Character
    conversation_id: str
    feel: Feel
    """Turns what the character feels."""
    dialogue: StreamingModel[DialogueRequest, Generated]
    """The character's own words, for what has to be put in words beside the answers."""
    voice: Callable[[], Awaitable[VoiceCapabilities | None]]
    """What its voice can do, once that is open; None where nobody knows."""
    context: Callable[[], Awaitable[int | None]]
    """How many tokens its model reads and writes at most, once that is open; None where nobody
    knows."""
    world: World
    """What its host says is so; changes while the conversation goes on."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What an answer is given to."""

    speaker: Speaker
    said: str
    """What they just said; empty where the character speaks first."""
    history: tuple[ChatMessage, ...]
    """The conversation so far, what was just said included."""
    is_spoken: bool = True
    """Whether the answer is spoken, not in text alone."""
    company: tuple[str, ...] = ()
    """The names of other characters who are there."""
    let_go: int | None = 0
    """How many messages, the oldest but for a client's own system messages in front, are not in
    the history any more; None where it is another history than the conversation's."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """An answer that was given."""

    occasion: Occasion
    answered: str
    """As far as it was heard, without tags."""


LanguageHook: TypeAlias = Callable[[Occasion], Awaitable[str | None]]
"""The language of an answer, BCP 47; None for the character's own."""
TextIn: TypeAlias = Callable[[str], str]
"""What a user says, before it joins the conversation: the same text, another, or a
`RequestError` that refuses it."""
AnswerHook: TypeAlias = Callable[[Occasion], Awaitable[str | None]]
"""An answer that is given word for word; None leaves it to the next hook, or to the model."""
GreetingHook: TypeAlias = Callable[[Occasion], Awaitable[str | None]]
"""The first words to somebody, in place of the character's own; None leaves it at those."""
PromptHook: TypeAlias = Callable[[Occasion, Prompt], Awaitable[Prompt]]
"""What the dialogue model is to read; may wait for a store."""
TextOut: TypeAlias = Callable[[Occasion, Line], Awaitable[Line | None]]
"""A clause of the model before it is shown or spoken: the same, another, or None to leave it out.
Answers that are given word for word do not pass here."""
EndedHook: TypeAlias = Callable[[Exchange], Awaitable[None]]
"""Told of an answer that was given, beside whatever is said next. One that raises is logged."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Each kind is called in order, one with what the one before gave."""

    text_in: tuple[TextIn, ...] = ()
    answer: tuple[AnswerHook, ...] = ()
    prompt: tuple[PromptHook, ...] = ()
    text_out: tuple[TextOut, ...] = ()
    ended: tuple[EndedHook, ...] = ()
    language: tuple[LanguageHook, ...] = ()
    greeting: tuple[GreetingHook, ...] = ()

    def __add__(self, other: "Hooks") -> "Hooks":
        return Hooks(
            self.text_in + other.text_in,
            self.answer + other.answer,
            self.prompt + other.prompt,
            self.text_out + other.text_out,
            self.ended + other.ended,
            self.language + other.language,
            self.greeting + other.greeting,
        )

    def read_in(self, text: str) -> str:
        for hook in self.text_in:
            text = hook(text)
        return text

    async def language_of(self, occasion: Occasion) -> str | None:
        for hook in self.language:
            if (language := await hook(occasion)) is not None:
                return language
        return None

    async def greeting_to(self, occasion: Occasion) -> str | None:
        for hook in self.greeting:
            if (greeting := await hook(occasion)) is not None:
                return greeting
        return None

    async def answer_to(self, occasion: Occasion) -> str | None:
        for hook in self.answer:
            if (answer := await hook(occasion)) is not None:
                return answer
        return None

    async def read_prompt(self, occasion: Occasion, prompt: Prompt) -> Prompt:
        for hook in self.prompt:
            prompt = await hook(occasion, prompt)
        return prompt

    async def read_out(self, occasion: Occasion, line: Line) -> Line | None:
        checked: Line | None = line
        for hook in self.text_out:
            if checked is not None:
                checked = await hook(occasion, checked)
        return checked

    async def tell(self, exchange: Exchange) -> None:
        for hook in self.ended:
            await hook(exchange)


MakeHooks: TypeAlias = Callable[[Meeting], Hooks]
"""The hooks of a new conversation."""


def no_hooks(meeting: Meeting) -> Hooks:
    return Hooks()
