"""Cues as a reply writes them: `[happy] Hello! [wave] Here. [give_item {"item": "sword"}]`."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from idol_protocol.channels import EMOTIONS, GESTURES

FELT: Final = tuple(name for name in EMOTIONS if name not in ("valence", "arousal"))
GAZES: Final = ("left", "right", "up", "down", "away", "at you")
MOVES: Final = (*GESTURES, "dance")

_EMOTION: Final = re.compile(rf"(?:very |a little )?(?P<name>{'|'.join(FELT)})")
_ACTION: Final = re.compile(r"(?P<name>[a-z][a-z0-9_]*) (?P<arguments>\{.*\})", re.DOTALL)
_MARKUP: Final = re.compile(r"[*`_#<>|]|^\s*[-+•]\s|\b1[.)]\s.*\b2[.)]\s|\n|https?:")
_ROLES: Final = ("user", "assistant", "system", "you", "me", "a", "b", "q")


@dataclass(frozen=True, slots=True)
class ActionCall:
    """An action with its arguments, as the reply writes them."""

    name: str
    arguments: dict[str, object]


@dataclass(frozen=True, slots=True)
class ScannedReply:
    """A reply read into what is said and what is done."""

    speech: str
    """Without its tags, one space between words."""
    emotions: tuple[str, ...]
    """Without their strength."""
    moves: tuple[str, ...]
    """Gestures, and `dance`."""
    gazes: tuple[str, ...]
    calls: tuple[ActionCall, ...]
    faults: tuple[str, ...]
    """What a reply must not hold, a sentence each; empty for a clean one."""


def read_reply(
    text: str, actions: Collection[str] = (), names: Collection[str] = ()
) -> ScannedReply:
    """Reads any text: what is wrong with it is told, never raised.

    Args:
        text: The reply of a mind.
        actions: Names that may be called.
        names: Of the speakers; a reply that begins `Hoshi:` is a script, not speech.
    """
    emotions: list[str] = []
    moves: list[str] = []
    gazes: list[str] = []
    calls: list[ActionCall] = []
    faults: list[str] = []
    speech: list[str] = []
    at = 0
    while (opening := text.find("[", at)) >= 0:
        speech.append(text[at:opening])
        closing = _end_of_tag(text, opening)
        if closing < 0:
            faults.append("a tag is opened and never closed")
            speech.append(text[opening + 1 :])
            at = len(text)
            break
        tag = text[opening + 1 : closing]
        at = closing + 1
        if emotion := _EMOTION.fullmatch(tag):
            emotions.append(emotion["name"])
        elif tag in MOVES:
            moves.append(tag)
        elif tag.startswith("look ") and tag.removeprefix("look ") in GAZES:
            gazes.append(tag.removeprefix("look "))
        elif (call := _call(tag)) is not None:
            calls.append(call)
            if call.name not in actions:
                faults.append(f"the action {call.name} is not declared")
        else:
            faults.append(f"[{tag}] is no emotion, gesture, gaze or action")
    speech.append(text[at:])
    said = " ".join("".join(speech).split())
    faults.extend(_faults_of_speech(text, said, names))
    return ScannedReply(
        said, tuple(emotions), tuple(moves), tuple(gazes), tuple(calls), tuple(faults)
    )


def _end_of_tag(text: str, opening: int) -> int:
    """The index of the bracket that closes a tag, over the strings and lists of its arguments."""
    depth = 0
    quoted = False
    at = opening
    while at < len(text):
        character = text[at]
        if quoted:
            if character == "\\":
                at += 1
            elif character == '"':
                quoted = False
        elif character == '"' and "{" in text[opening:at]:
            quoted = True
        elif character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return -1


def _call(tag: str) -> ActionCall | None:
    match = _ACTION.fullmatch(tag)
    if match is None:
        return None
    try:
        arguments = json.loads(match["arguments"])
    except json.JSONDecodeError:
        return None
    return ActionCall(match["name"], arguments)


def _faults_of_speech(text: str, said: str, names: Collection[str]) -> list[str]:
    faults: list[str] = []
    role = said.partition(":")[0].strip().lower() if ":" in said else ""
    if not said:
        faults.append("nothing is said")
    if _MARKUP.search(said) or "\n" in text.strip():
        faults.append("the speech holds markup, a link or a line break")
    if role and role in (*_ROLES, *(name.lower() for name in names)):
        faults.append("the speech begins with the name of a role")
    if len(said) > 1 and said[0] in "\"“'「『" and said[-1] in "\"”'」』":
        faults.append("the whole reply stands in quotation marks")
    return faults
