"""What the dialogue model reads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from idol_runtime.character import Action, Character
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


def opening(
    character: Character, instructions: str = "", actions: Sequence[Action] = ()
) -> tuple[ChatMessage, ...]:
    """Before the conversation: who the character is, what it can do and how it talks.

    Instructions take the place of the persona. The examples show how the persona talks, and stay
    where the instructions hold it.
    """
    persona = character.persona.strip()
    system = instructions.strip() or persona
    messages = [ChatMessage("system", "\n\n".join([system, *_told(actions)]))]
    if persona in system:
        for example in character.examples:
            messages.append(ChatMessage("user", example.user))
            messages.append(ChatMessage("assistant", example.reply))
    return tuple(messages)


def build_prompt(
    character: Character,
    history: Sequence[ChatMessage],
    instructions: str = "",
    actions: Sequence[Action] = (),
) -> Prompt:
    """The opening, then the conversation so far, and what the character is always reminded of."""
    notes = (character.reminder,) if character.reminder.strip() else ()
    return Prompt(
        opening(character, instructions, actions), tuple(history) or (FIRST_WORDS,), notes
    )


def _told(actions: Sequence[Action]) -> list[str]:
    """What a model is told of the actions that it may call, if there are any."""
    if not actions:
        return []
    forms = (
        f"{each.name} {_shape(each.parameters)}"
        + (f" ({each.description})" if each.description else "")
        for each in actions
    )
    return [f"You can act: {'; '.join(forms)}."]


def _shape(schema: Mapping[str, Any]) -> str:
    """A schema in as few words as a small model needs: `{"item": "sword|shield", "count": number}`.

    What may be left out has a question mark behind its name.
    """
    if "anyOf" in schema:
        return " or ".join(map(_shape, schema["anyOf"]))
    if "enum" in schema:
        values = schema["enum"]
        if all(isinstance(value, str) for value in values):
            return json.dumps("|".join(values), ensure_ascii=False)
        return "|".join(json.dumps(value, ensure_ascii=False) for value in values)
    if isinstance(schema["type"], list):
        return " or ".join(_shape({**schema, "type": kind}) for kind in schema["type"])
    match schema["type"]:
        case "object":
            needed = schema["required"]
            parts = (
                f'"{name}{"" if name in needed else "?"}": {_shape(each)}'
                for name, each in schema["properties"].items()
            )
            return f"{{{', '.join(parts)}}}"
        case "array":
            return f"[{_shape(schema['items'])}, ...]"
        case "string":
            return '"text"'
        case "boolean":
            return "true|false"
        case "null":
            return "null"
    return "number"
