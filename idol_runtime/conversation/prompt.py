"""What the dialogue model reads."""

from collections.abc import Sequence

from idol_runtime.character import Character
from idol_runtime.dialogue.messages import FIRST_WORDS, ChatMessage


def opening(character: Character, instructions: str = "") -> list[ChatMessage]:
    """Before the conversation: who the character is and how it talks.

    Instructions take the place of the persona. The examples show how the persona talks, and stay
    where the instructions hold it.
    """
    persona = character.persona.strip()
    system = instructions.strip() or persona
    messages = [ChatMessage("system", system)]
    if persona in system:
        for example in character.examples:
            messages.append(ChatMessage("user", example.user))
            messages.append(ChatMessage("assistant", example.reply))
    return messages


def build_prompt(
    character: Character, history: Sequence[ChatMessage], instructions: str = ""
) -> tuple[ChatMessage, ...]:
    """The opening, then the conversation so far."""
    return (*opening(character, instructions), *(history or [FIRST_WORDS]))
