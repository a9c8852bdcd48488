"""Cuts a reply, while it is written, into clauses to speak.

The first clause is short, so that the voice starts early; later ones are whole sentences, which
sound better. A cut is decided by the text around it alone, never by how the text arrived.
"""

import re
from dataclasses import dataclass

_TITLES = "mr mrs ms dr prof st sr jr mt lt col gen sgt capt rev hon pres gov sen rep"
_MONTHS = "jan feb mar apr jun jul aug sep sept oct nov dec"
_OTHERS = (
    "vs etc approx dept est inc ltd co corp no vol fig ch sec min max e.g i.e a.m p.m u.s u.k ave "
    "blvd rd"
)
ABBREVIATIONS = frozenset(f"{_TITLES} {_MONTHS} {_OTHERS}".split(" "))
"""Words whose full stop does not end a sentence, without their last stop, in lower case."""
# These end a sentence as often as not; a capital after them decides.
_AT_END = "etc inc ltd co corp a.m p.m st no sec min max"
_ALSO_AT_END = frozenset(_AT_END.split(" "))

_CLOSERS = "\"'”’)]}»」』）】〉》*_~"
_SENTENCE_END = ".!?…"
_WIDE_END = "。！？．"
_WIDE_PAUSE = "、，；："
_OPEN_DIRECTION = re.compile(r"(?:^|\s)\*(?=[^\s*])[^*]*$")
"""A stage direction (`*waves, then smiles*`) that has begun: it stays in one piece."""
_CANDIDATE = re.compile(r"[.!?…。！？．,;:、，；：—–\n-]")


@dataclass(frozen=True, slots=True)
class ClauseLimits:
    """Lengths in characters; a wide (Chinese, Japanese) character counts twice."""

    first_min: int = 8
    """A pause (comma, dash, colon) ends the first clause from here on."""
    first_max: int = 60
    """The first clause is cut at a space here at the latest."""
    later_min: int = 20
    """Shorter sentences join the next one."""
    later_max: int = 220
    """Longer ones are cut at a pause, or at a space."""


class ClauseSplitter:
    """Text deltas in, clauses out; nothing is lost or said twice."""

    def __init__(self, limits: ClauseLimits | None = None) -> None:
        self._limits = limits or ClauseLimits()
        self._pending = ""
        self._is_first = True

    def push(self, text: str) -> list[str]:
        """Takes a piece of the reply; returns the clauses that are now complete."""
        self._pending += text
        return self._cut(is_end=False)

    def flush(self) -> list[str]:
        """The reply has ended: returns what is left, and starts anew."""
        clauses = self._cut(is_end=True)
        rest = self._pending.strip()
        self._pending = ""
        self._is_first = True
        return [*clauses, rest] if rest else clauses

    def _cut(self, *, is_end: bool) -> list[str]:
        clauses = []
        while (end := self._next_end(is_end=is_end)) is not None:
            clause = self._pending[:end].strip()
            self._pending = self._pending[end:]
            if clause:
                clauses.append(clause)
                self._is_first = False
        return clauses

    def _next_end(self, *, is_end: bool) -> int | None:
        """Where the next clause ends, if the text so far decides it."""
        text, limits = self._pending, self._limits
        longest = limits.first_max if self._is_first else limits.later_max
        shortest = limits.first_min if self._is_first else limits.later_min
        last_pause = None
        for match in _CANDIDATE.finditer(text):
            found = _end_after(text, match.start(), is_end=is_end)
            if found is None:
                return None
            end, is_sentence = found
            if end == 0 or _OPEN_DIRECTION.search(text[:end].replace("**", "")):
                continue
            length = _width(text[:end].strip())
            if length > longest:
                break
            if is_sentence and (length >= shortest or (self._is_first and length > 2)):
                return end
            if not is_sentence and length >= limits.first_min:
                if self._is_first:
                    return end
                last_pause = end
        return last_pause if _width(text) > longest and last_pause else _forced(text, longest)


def _end_after(text: str, at: int, *, is_end: bool) -> tuple[int, bool] | None:
    """The end of a clause whose mark is at `at`, and whether it is a sentence's.

    Returns:
        (0, False) when the mark ends nothing; None when the text that decides is still to come.
    """
    mark = text[at]
    if mark == "\n":
        return at + 1, bool(text[:at].strip())
    end = at + 1
    while end < len(text) and (text[end] in _CLOSERS or text[end] in _SENTENCE_END + _WIDE_END):
        end += 1
    if end == len(text) and not is_end:
        return None
    following = text[end : end + 1]
    if mark in _WIDE_END or mark in _WIDE_PAUSE:
        return end, mark in _WIDE_END
    if following and not following.isspace() and mark not in "—…":
        return 0, False
    if mark in "-–" and not text[at - 1 : at].isspace() and at > 0:
        return 0, False
    if mark in _SENTENCE_END:
        return _sentence_end(text, at, end, is_end=is_end)
    return end, False


def _sentence_end(text: str, at: int, end: int, *, is_end: bool) -> tuple[int, bool] | None:
    if text[at] in "!?":
        return end, True
    nearest = text[end:].lstrip()[:1]
    if not nearest and not is_end:
        return None
    goes_on = nearest.islower()
    if text[at] == "…" or text[at : at + 2] == ".." or text[max(at - 1, 0) : at] == ".":
        return (end, True) if not goes_on else (end, False)
    word = re.split(r"[\s(\"'“‘]", text[:at])[-1].lower()
    is_initial = len(word) == 1 and word.isalpha() and word != "i"
    if word in ABBREVIATIONS or is_initial:
        ends = word in _ALSO_AT_END and not goes_on and not nearest.isdigit()
        return (end, True) if ends or not nearest else (0, False)
    if word.isdigit() and text[:at].strip() == word:
        return 0, False  # "1. Take the sword": a list's number
    return (0, False) if goes_on else (end, True)


def _forced(text: str, longest: int) -> int | None:
    """A clause without marks that is too long ends at a space, or anywhere."""
    if _width(text) <= longest:
        return None
    end = 0
    width = 0
    while width < longest:
        width += _width(text[end])
        end += 1
    if end == len(text):
        return None
    space = text.rfind(" ", 0, end + 1)
    return space + 1 if text[:space].strip() else end


def _width(text: str) -> int:
    return len(text) + sum(character > "⺀" for character in text)
