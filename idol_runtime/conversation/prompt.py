"""What the dialogue model reads."""

from collections.abc import Sequence

from idol_runtime.character import Character
from idol_runtime.dialogue.messages import ChatMessage


def opening(character: Character, instructions: str = "") -> list[ChatMessage]:
    """Before the conversation: who the character is and how it talks."""
    persona = "\n".join(filter(None, [character.persona.strip(), instructions.strip()]))
    messages = [ChatMessage("system", persona)]
    for example in character.examples:
        messages.append(ChatMessage("user", example.user))
        messages.append(ChatMessage("assistant", example.reply))
    return messages


def build_prompt(
    character: Character, history: Sequence[ChatMessage], instructions: str = ""
) -> tuple[ChatMessage, ...]:
    """The opening, then the conversation so far."""
    return (*opening(character, instructions), *history)
