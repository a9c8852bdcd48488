"""What users said, in short, by rules: what is left of it once it has left the prompt."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from idol_runtime.mind.memory.doings import is_secret
from idol_runtime.mind.memory.notes import tokens_in
from idol_runtime.mind.memory.statements import statements_of
from idol_runtime.mind.memory.wording import said_of, trimmed

MOST_KEPT: Final = 12
"""Lines of a conversation of which something may be told."""
_LONGEST: Final = 140
_SHORTEST: Final = 4
"""Words of a clause that tells something of somebody else."""
_SMALL_TALK: Final = re.compile(
    r"(?i)^(?:hi|hello|hey|yes|no|ok|okay|thanks|thank you|haha|lol|cool|nice|great|good|wow|bye"
    r"|what|who|where|when|why|how|do|does|did|are|is|can|could|would|will|tell|sing|please|really)\b"
)
_TELLS: Final = re.compile(
    r"(?i)\b(?:i|i'm|i've|my|we|our|mine|yo|mi|me|je|mon|ma|ich|mein\w*)\b|私|僕|俺|我"
)
_WIDE: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_WORD: Final = re.compile(r"\w+")
_NO_NAME: Final = re.compile(
    r"(?:Last|This|That|Next|Every|Yesterday|Today|Tomorrow|When|While|After|Before|Since|The|An?"
    r"|In|On|At|For|With|Some|One|There|It|He|She|You|Your)\b"
)
"""What a sentence may begin with that is written small in another place."""
_SIGNS_A_WORD: Final = 2
"""Of Japanese and Chinese, about."""


@dataclass(frozen=True, slots=True)
class Retold:
    """A line that tells something, as it is told again."""

    text: str
    """`they broke their leg in spring`, or the line itself in quotes where no rule turns it."""
    worth: float
    number: int
    """Of its message; later ones are larger."""

    @property
    def is_quoted(self) -> bool:
        return self.text.startswith('"')


def retold(line: str, number: int) -> Retold | None:
    """What a user's line tells; None where it tells nothing, or what nobody should keep."""
    line = " ".join(line.split())
    worth = _worth(line)
    if not worth or is_secret(line):
        return None
    clauses = [
        _in_third_person(each.text)
        for each in statements_of(line)
        if len(each.text.split()) >= _SHORTEST or _TELLS.search(each.text)
    ]
    if _TELLS.search(line) and clauses and not _WIDE.search(line):
        text = _shortened(" and ".join(filter(None, clauses)))
    else:
        text = '"' + _shortened(line.replace('"', "'")) + '"'
    return Retold(text, worth, number)


def most_telling(lines: Sequence[Retold], most: int = MOST_KEPT) -> list[Retold]:
    """Those that say most, each once, in order."""
    each_once = {line.text.casefold(): line for line in lines}.values()
    best = sorted(each_once, key=lambda line: (-line.worth, line.number))[:most]
    return sorted(best, key=lambda line: line.number)


def told_of(lines: Sequence[Retold], who: str, budget: float) -> str:
    """The lines as one sentence within so many tokens; empty where none fits."""
    taken: list[Retold] = []
    budget -= tokens_in(f"{who} said .")
    for line in sorted(lines, key=lambda line: (-line.worth, line.number)):
        if (cost := tokens_in(line.text)) <= budget:
            budget -= cost
            taken.append(line)
    texts = (line.text for line in sorted(taken, key=lambda line: line.number))
    return f"{who} said {'; '.join(texts)}." if taken else ""


def _worth(line: str) -> float:
    """How much a line tells: its words, more where it tells of its speaker, none if it asks."""
    wide = len(_WIDE.findall(line))
    words = len(_WORD.findall(_WIDE.sub(" ", line))) + wide / _SIGNS_A_WORD
    if line.rstrip().endswith(("?", "\N{FULLWIDTH QUESTION MARK}")) or words < 5:
        return 0.0
    if _SMALL_TALK.match(line) and not _TELLS.search(line):
        return 0.0
    return min(words, 20) * (2.0 if _TELLS.search(line) else 1.0)


def _in_third_person(clause: str) -> str:
    told = re.sub(r"(?i)^(?:and|but|so|because)\s+", "", trimmed(clause))
    told = re.sub(r"\bthey was\b", "they were", said_of(told))
    return told[:1].lower() + told[1:] if _NO_NAME.match(told) else told


def _shortened(line: str) -> str:
    if len(line) <= _LONGEST:
        return line
    return line[:_LONGEST].rsplit(" ", 1)[0] + " ..."
