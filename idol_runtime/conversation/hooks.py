"""Where memory, lore, mood and moderation take hold of a conversation.

A conversation's hooks are made for it alone, so that they may keep what they need of it. Their
order in a turn stands in `turn.py`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from idol_runtime.character import Character
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.stage.utterance import Line

TextIn: TypeAlias = Callable[[str], str]
"""What a user says, before it joins the conversation: the same text, another, or a
`RequestError` that refuses it."""
PromptHook: TypeAlias = Callable[[Sequence[ChatMessage]], Awaitable[Sequence[ChatMessage]]]
"""What the dialogue model is to read; may wait for a store."""
TextOut: TypeAlias = Callable[[Line], Line | None]
"""A clause before it is shown or spoken: the same, another, or None to leave it out."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Each kind is called in order, one with what the one before gave."""

    text_in: tuple[TextIn, ...] = ()
    prompt: tuple[PromptHook, ...] = ()
    text_out: tuple[TextOut, ...] = ()

    def read_in(self, text: str) -> str:
        for hook in self.text_in:
            text = hook(text)
        return text

    async def read_prompt(self, messages: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
        for hook in self.prompt:
            messages = await hook(messages)
        return tuple(messages)

    def read_out(self, line: Line) -> Line | None:
        checked: Line | None = line
        for hook in self.text_out:
            if checked is not None:
                checked = hook(checked)
        return checked


MakeHooks: TypeAlias = Callable[[Character, str], Hooks]
"""The hooks of a new conversation: its character and its id."""


def no_hooks(character: Character, conversation_id: str) -> Hooks:
    return Hooks()
