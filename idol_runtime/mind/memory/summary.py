"""What is left of a conversation's beginning once it no longer fits into a prompt."""

import re
from collections.abc import Sequence
from typing import Final

from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.mind.memory.notes import tokens_in

KEPT_TOKENS: Final = 1_000
"""About how many tokens of the newest messages a prompt holds for certain: a model of 2,048 keeps
its persona, its notes and an answer beside them."""
MOST_LINES: Final = 4
_LONGEST: Final = 140
_SMALL_TALK: Final = re.compile(
    r"(?i)^(?:hi|hello|hey|yes|no|ok|okay|thanks|thank you|haha|lol|cool|nice|great|good|wow|bye"
    r"|what|who|where|when|why|how|do|does|did|are|is|can|could|would|will|tell|sing|please|really)\b"
)
_TELLS: Final = re.compile(r"(?i)\b(?:i|i'm|i've|my|we|our|mine)\b")


def earlier_lines(history: Sequence[ChatMessage], kept_tokens: float = KEPT_TOKENS) -> list[str]:
    """The lines of users that say most, of the part that no longer fits; in order."""
    spent, cut = 0.0, len(history)
    while cut > 0 and spent + tokens_in(history[cut - 1].content) <= kept_tokens:
        cut -= 1
        spent += tokens_in(history[cut].content)
    lines = [each.content.strip() for each in history[:cut] if each.role == "user"]
    told = [
        (_salience(line), -at, line)
        for at, line in enumerate(dict.fromkeys(lines))
        if _salience(line) > 0
    ]
    best = sorted(told, reverse=True)[:MOST_LINES]
    return [line for _, _, line in sorted(best, key=lambda each: -each[1])]


def summary_note(lines: Sequence[str], name: str) -> list[str]:
    """Notes of what was said before; nothing where nothing was."""
    return [f'Earlier {name or "the user"} said: "{_shortened(line)}"' for line in lines]


def _salience(line: str) -> float:
    """How much a line tells: its words, more where it tells of its speaker, none if it asks."""
    words = len(re.findall(r"\w+", line))
    if line.rstrip().endswith("?") or words < 5 or _SMALL_TALK.match(line):
        return 0.0
    return min(words, 20) * (2.0 if _TELLS.search(line) else 1.0)


def _shortened(line: str) -> str:
    line = " ".join(line.replace('"', "'").split())
    if len(line) <= _LONGEST:
        return line
    return line[:_LONGEST].rsplit(" ", 1)[0] + " ..."
