"""When a word of a clause is heard, found in the phonemes of its sound."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from idol_runtime.speech.normalize import normalize
from idol_runtime.timeline import Phoneme

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class WordPlace:
    """A word of a clause as it is spoken: numbers and symbols are words by then."""

    index: int
    """From 0; the last word where none follows the place that was asked for."""
    count: int
    """Words of the whole clause, at least 1."""
    share: float
    """Letters before the word over all letters of the clause, in [0, 1]."""


def word_at(text: str, offset: int, language: str = "en-us") -> WordPlace | None:
    """The word that begins at or after a place in a clause, or the last one before it.

    Args:
        text: The clause as it is written.
        offset: A position in `text`, between words.
        language: What the voice speaks, as for `normalize`.

    Returns:
        None when nothing of the clause is spoken.
    """
    words = _WORD.findall(normalize(text, language))
    if not words:
        return None
    before = _WORD.findall(normalize(text[:offset], language))
    index = min(len(before), len(words) - 1)
    letters = sum(map(len, words))
    share = min(sum(map(len, before)), letters - len(words[-1])) / letters
    return WordPlace(index, len(words), share)


def word_onset(phonemes: Sequence[Phoneme], place: WordPlace) -> float:
    """When a word begins, in seconds on the phonemes' clock.

    Exact where the voice has as many words as the text. Elsewhere (it joins or splits some, or the
    language has no spaces) the word that holds the same share of the clause.

    Args:
        phonemes: All of the clause, at least one, in order.
        place: From `word_at`.
    """
    starts = _word_starts(phonemes)
    if not starts:
        return phonemes[0].start_s
    if len(starts) == place.count:
        return phonemes[starts[place.index]].start_s
    letters = [at for at, each in enumerate(phonemes) if each.symbol.isalpha()]
    target = letters[min(int(place.share * len(letters) + 0.5), len(letters) - 1)]
    if len(starts) == 1:
        return phonemes[target].start_s
    nearest = min(starts, key=lambda start: abs(start - target))
    return phonemes[nearest].start_s


def word_onsets(
    text: str, offsets: Sequence[int], phonemes: Sequence[Phoneme], language: str = "en-us"
) -> list[float]:
    """When the words at these places of a clause begin; its sound where it has no words."""
    places = [word_at(text, offset, language) for offset in offsets]
    return [
        phonemes[0].start_s if place is None else word_onset(phonemes, place) for place in places
    ]


def _word_starts(phonemes: Sequence[Phoneme]) -> list[int]:
    is_letter = [False, *(each.symbol.isalpha() for each in phonemes)]
    return [at for at in range(len(phonemes)) if is_letter[at + 1] and not is_letter[at]]
