"""What the dialogue model reads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from idol_runtime.character import Character
from idol_runtime.dialogue.messages import FIRST_WORDS, ChatMessage


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the dialogue model reads for one answer, in order.

    What changes from answer to answer comes last, so that all before it is read only once.
    """

    opening: tuple[ChatMessage, ...]
    """Who the character is and how it talks: the same for the whole conversation."""
    history: tuple[ChatMessage, ...]
    """What was said; the last message is what is answered."""
    notes: tuple[str, ...] = ()
    """What is to be known for this answer alone, each a sentence: `You are talking with Sam.`"""

    def noted(self, *notes: str) -> "Prompt":
        """With these notes behind the others."""
        return replace(self, notes=(*self.notes, *notes))

    def messages(self) -> tuple[ChatMessage, ...]:
        """The notes are one system message, before the last thing that a user said."""
        if not self.notes:
            return (*self.opening, *self.history)
        last = max(
            (at for at, each in enumerate(self.history) if each.role == "user"),
            default=len(self.history),
        )
        told = ChatMessage("system", "\n".join(self.notes))
        return (*self.opening, *self.history[:last], told, *self.history[last:])


def opening(character: Character, instructions: str = "") -> tuple[ChatMessage, ...]:
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
    return tuple(messages)


def build_prompt(
    character: Character, history: Sequence[ChatMessage], instructions: str = ""
) -> Prompt:
    """The opening, then the conversation so far, and what the character is always reminded of."""
    notes = (character.reminder,) if character.reminder.strip() else ()
    return Prompt(opening(character, instructions), tuple(history) or (FIRST_WORDS,), notes)
