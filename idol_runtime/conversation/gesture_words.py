"""The English words by which a reply names a gesture."""

import re
from typing import Final

_BASES: Final[dict[str, str]] = {
    "wave": "wave",
    "bow": "bow",
    "curtsy": "bow",
    "curtsey": "bow",
    "point": "point",
    "shrug": "shrug",
    "cheer": "cheer",
    "heart": "heart",
    "clap": "clap",
    "applaud": "clap",
    "think": "think",
    "ponder": "think",
    "nod": "nod",
    "shake": "shake",
}
_IRREGULAR: Final[dict[str, str]] = {"curtsies": "bow", "curtsied": "bow"}


def _inflected(base: str) -> list[str]:
    """Of wave: waves, waving, waved; of nod: nods, nodding, nodded."""
    stem = base.removesuffix("e")
    doubled = stem + stem[-1] if re.search(r"[^aeiou][aeiou][dgp]$", base) else stem
    return [base + "s", doubled + "ing", doubled + "ed"]


_FORMS: Final[dict[str, str]] = _IRREGULAR | {
    form: name for base, name in _BASES.items() for form in _inflected(base)
}
_ALL_FORMS: Final[dict[str, str]] = _BASES | _FORMS
_ONLY_WHOLE = {"heart", "hearts", "hearting", "hearted", "shake", "shakes", "shaking", "shaked"}
"""These are gestures in a tag, or where they are all of a direction."""

_THEIRS = r"(?:her|his|their|its|my|both)"
_PHRASES: Final[dict[str, str]] = {
    rf"(?:shak(?:es?|ing)|shook) (?:{_THEIRS} )?head": "shake",
    rf"(?:throw|rais|put|lift|fling)(?:s|es?|ing)? (?:{_THEIRS} )*(?:arms|hands) "
    r"(?:up|high|in the air|into the air|in joy|in triumph)": "cheer",
    r"jump(?:s|ing)? (?:for|with) joy": "cheer",
    r"(?:mak|form|draw|show)(?:e?s?|ing) (?:a|her|his|their|hand|finger) (?:\w+ )?hearts?": "heart",
    rf"(?:strok|rub|tap|scratch)(?:e?s?|b?ing|ping) (?:{_THEIRS} )?chin": "think",
}
_BEGINS = r"(?:^|(?<=, )|(?<=\band )|(?<=\bthen ))"


def _alternatives(words: list[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_IN_DIRECTION = re.compile(
    "|".join(
        [
            *(f"(?P<p{at}>\\b{phrase}\\b)" for at, phrase in enumerate(_PHRASES)),
            rf"\b(?P<form>{_alternatives([form for form in _FORMS if form not in _ONLY_WHOLE])})\b",
            # The plain form is a command (wave, bow and smile) or else a noun (adjusts her bow).
            rf"{_BEGINS}(?P<base>{_alternatives([b for b in _BASES if b not in _ONLY_WHOLE])})\b",
        ]
    )
)


def gesture_named(word: str) -> str | None:
    """The gesture that one word names in any of its forms, of any case."""
    return _ALL_FORMS.get(word.lower())


def gestures_in(direction: str) -> list[str]:
    """The gestures of a stage direction, in order; empty where it names none.

    Args:
        direction: The words between the asterisks: `waves, then bows deeply`.
    """
    direction = " ".join(direction.lower().split())
    if (name := gesture_named(direction)) is not None:
        return [name]
    names = list(_PHRASES.values())
    found = []
    for match in _IN_DIRECTION.finditer(direction):
        kind = match.lastgroup or ""
        is_phrase = kind.startswith("p") and kind[1:].isdigit()
        found.append(
            names[int(kind[1:])] if is_phrase else _BASES.get(match[0]) or _FORMS[match[0]]
        )
    return found


def is_plain(word: str) -> bool:
    """Whether a word is a gesture's plain form, which is a common word as well: `*think* of it`."""
    return word.lower() in _BASES
