"""What a script asks of a reply, and what is asked of every reply."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from training.dialogue.check import words_of
from training.evaluation.dialogue.heard import HeardReply
from training.evaluation.dialogue.languages import language_of

NEAR: Final = 0.85
"""Two replies that share so much of their letters say the same."""
SHORT: Final = 3
"""Words up to which a reply may come again: `Yes, of course.`"""
_MARKUP: Final = re.compile(r"[*`#_<>\[\]{}|]|https?:|^\s*[-+]\s")
_ROLE: Final = re.compile(r"^\s*(?:[A-Z][\w ]{0,18}|User|Assistant|AI|You|Me)\s*:\s")
_ASSISTANT: Final = re.compile(
    r"\b(as an ai|language model|i am an ai|i'm an ai|alibaba|qwen|openai|chatgpt|my programming|"
    r"virtual assistant|ai assistant|how (can|may) i assist)\b",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(r"\b(?i:my name is|i'm|i am|call me) ([A-Z][a-z]+)\b")


def broken_rules(heard: HeardReply, rules: Sequence[tuple[str, str]]) -> list[str]:
    """The rules of a script that a reply does not keep, each as a sentence."""
    return [
        f"{name}: {value}".removesuffix(": ")
        for name, value in rules
        if not KEPT[name](heard, value)
    ]


def _holds(speech: str, wanted: str) -> bool:
    """Whole words where they begin and end with a Latin letter or a digit."""
    wanted = wanted.casefold()
    start = r"(?<![a-z0-9])" if re.match(r"[a-z0-9]", wanted) else ""
    end = r"(?![a-z0-9])" if re.search(r"[a-z0-9]$", wanted) else ""
    return re.search(start + re.escape(wanted) + end, speech.casefold()) is not None


def _each(value: str) -> list[str]:
    return [word.strip() for word in value.split("|")]


def _acts(heard: HeardReply, value: str) -> bool:
    name, _, text = value.partition(" ")
    wanted: Mapping[str, Any] = json.loads(text or "{}")
    return any(
        call.name == name and all(call.arguments.get(key) == value for key, value in wanted.items())
        for call in heard.calls
    )


KEPT: Final[Mapping[str, Callable[[HeardReply, str], bool]]] = {
    "any": lambda heard, value: any(_holds(heard.speech, each) for each in _each(value)),
    "all": lambda heard, value: all(_holds(heard.speech, each) for each in _each(value)),
    "not": lambda heard, value: not any(_holds(heard.speech, each) for each in _each(value)),
    "regex": lambda heard, value: re.search(value, heard.speech, re.IGNORECASE) is not None,
    "emotion": lambda heard, value: any(each in heard.emotions for each in value.split()),
    "gesture": lambda heard, value: any(each in heard.gestures for each in value.split()),
    "action": _acts,
    "no_action": lambda heard, value: not heard.calls,
    "lang": lambda heard, value: language_of(heard.speech) == value,
    "words": lambda heard, value: words_of(heard.speech) <= int(value),
    "question": lambda heard, value: bool(re.search(r"[?？]", heard.speech)),
}
"""By the name of the rule."""


def faults(
    heard: HeardReply, *, name: str, said: str, before: Sequence[str], names: Sequence[str] = ()
) -> list[str]:
    """What no reply may do, by kind.

    Args:
        heard: The reply.
        name: Of the character.
        said: What it answers.
        before: Its earlier replies in this conversation.
        names: Of others, such as the user's: the character must not take them for its own.
    """
    speech = heard.speech.strip()
    found = []
    if not speech and not heard.calls:
        found.append("silent")
    if heard.status not in ("completed", "incomplete"):
        found.append("failed")
    if _MARKUP.search(speech):
        found.append("markup")
    if _ROLE.match(speech):
        found.append("role_name")
    if _ASSISTANT.search(speech):
        found.append("out_of_role")
    if words_of(speech) > SHORT:
        if speech in before:
            found.append("repeated")
        elif any(alike(speech, other) >= NEAR for other in before):
            found.append("nearly_repeated")
        if echoes(speech, said):
            found.append("echo")
    own = {part.casefold() for part in name.split()}
    claimed = {each.casefold() for each in _NAMED.findall(speech)}
    if claimed & {each.casefold() for each in names} - own:
        found.append("wrong_name")
    return found


def echoes(speech: str, said: str) -> bool:
    """Whether a reply is what was said to it, or holds it word for word."""
    if alike(speech, said) >= NEAR:
        return True
    return words_of(said) > SHORT and said.casefold().strip(" .!?") in speech.casefold()


def alike(one: str, other: str) -> float:
    """From 0 to 1."""
    return SequenceMatcher(None, one.casefold(), other.casefold(), autojunk=False).ratio()
