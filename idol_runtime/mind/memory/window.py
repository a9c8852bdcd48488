"""How much of a conversation a prompt holds: its newest exchanges, each whole.

The window moves in large steps, as `retention_ratio` of OpenAI's Realtime API has it: a prompt
whose beginning stays what it was is read from the prefix cache.
"""

from collections.abc import Sequence
from typing import Final

from idol_runtime.character import Character
from idol_runtime.conversation.prompt import Prompt
from idol_runtime.conversation.world import World
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.mind.memory.notes import tokens_in
from idol_runtime.mind.memory.settings import MemorySettings

USUAL_CONTEXT: Final = 2_048
"""Tokens, where nobody knows what the model takes."""
KEPT: Final = 0.6
"""Of what the window holds, when it moves."""
LEAST: Final = 0.25
"""Of the context is for the conversation, whatever else is told."""
_ANSWER_TOKENS: Final = 96
_MESSAGE_TOKENS: Final = 5
"""Of a template, around each message."""
_SAFELY: Final = 1.15
"""Tokens are estimated; a model's own tokenizer may need more."""


def tokens_of(messages: Sequence[ChatMessage]) -> float:
    """About how many tokens messages are to a model, rather more than less."""
    return sum(_SAFELY * tokens_in(each.content) + _MESSAGE_TOKENS for each in messages)


def window_tokens(
    context: int, prompt: Prompt, character: Character, world: World, settings: MemorySettings
) -> float:
    """What is left for the conversation beside the persona, an answer, and the notes."""
    notes = settings.notes_tokens + settings.summary_tokens
    if character.lore:
        notes += character.lorebook.token_budget
    if world.facts:
        notes += character.world.token_budget
    answer = min(character.sampling.max_tokens or _ANSWER_TOKENS, context // 2)
    left = context - answer - tokens_of(prompt.opening) - notes
    return max(left, LEAST * context)


def window_start(messages: Sequence[ChatMessage], start: int, most: float) -> int:
    """Where a window begins that must hold what is newest.

    Args:
        messages: Of the whole conversation.
        start: Where the window began before.
        most: Tokens that it may hold; where there are more, it is cut to `KEPT` of that. The newest
            exchange always stays.
    """
    if tokens_of(messages[start:]) <= most:
        return start
    return cut_start(messages, start, KEPT * most)


def cut_start(messages: Sequence[ChatMessage], start: int, most: float) -> int:
    """The first exchange from which on no more than so many tokens are left, or the newest."""
    spent, begin = 0.0, start
    for at in range(len(messages) - 1, start, -1):
        spent += tokens_of(messages[at : at + 1])
        if messages[at].role == "user" and messages[at - 1].role != "user":
            if begin != start and spent > most:
                break
            begin = at
    return begin
