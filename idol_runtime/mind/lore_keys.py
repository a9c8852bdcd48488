"""Whether a key of a lore entry comes up in a text."""

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import regex

log = logging.getLogger(__name__)

REGEX_S: Final = 0.05
"""A regular expression that takes longer over one text is not asked again."""
MAX_PATTERN_CHARS: Final = 1_000
MAX_SCANNED_CHARS: Final = 20_000
"""Of the text that is looked at: the newest ones."""
_FLAGS: Final = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL}
_UNSPACED: Final = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
)
_WORD: Final = regex.compile(r"\w+")
_SLASHED: Final = regex.compile(r"/(.+)/([a-z]*)", regex.DOTALL)


@dataclass(frozen=True, slots=True)
class Scanned:
    """A text in which keys are looked for: composed characters, no longer than what is scanned."""

    text: str
    words: frozenset[str]
    """Casefolded."""


def as_scanned(text: str) -> Scanned:
    text = unicodedata.normalize("NFC", text[-MAX_SCANNED_CHARS:])
    return Scanned(text, frozenset(_words(text)))


class Keys:
    """Some keys of which one has to come up."""

    def __init__(
        self, keys: Sequence[str], *, is_case_sensitive: bool, whole_words: bool, are_regex: bool
    ) -> None:
        self._plain, self._patterns = list[str](), list[regex.Pattern[str]]()
        self._single = set[str]()
        """Whole words that are a key each, casefolded."""
        self._first_words: set[str] | None = set()
        """Of which one is in every text where a plain key is; None where that need not be."""
        self._flags = 0 if is_case_sensitive else regex.IGNORECASE
        for key in keys:
            if (found := _SLASHED.fullmatch(key)) or are_regex:
                source, flags = (found[1], found[2]) if found else (key, "")
                if (pattern := _compiled(source, flags, is_case_sensitive)) is not None:
                    self._patterns.append(pattern)
            elif key.strip():
                self._add_plain(unicodedata.normalize("NFC", key), whole_words)

    @property
    def has_regex(self) -> bool:
        """Whether there are regular expressions, which anybody may have written."""
        return bool(self._patterns)

    def are_in(self, scanned: Scanned) -> bool:
        """Whether one of them comes up."""
        if not self._single.isdisjoint(scanned.words):
            return True
        firsts = self._first_words
        if self._plain and (firsts is None or not firsts.isdisjoint(scanned.words)):
            pattern = _joined(tuple(self._plain), self._flags)
            if pattern.search(scanned.text):
                return True
        return any(self._comes_up(pattern, scanned.text) for pattern in tuple(self._patterns))

    def _add_plain(self, key: str, whole_words: bool) -> None:
        pattern, words = r"\s+".join(regex.escape(part) for part in key.split()), _words(key)
        is_word = whole_words and not _UNSPACED.search(key)
        if is_word and self._flags and words == [key.strip().casefold()]:
            self._single.add(words[0])
            return
        self._plain.append(rf"(?<!\w){pattern}(?!\w)" if is_word else pattern)
        if not is_word or not words:
            self._first_words = None
        elif self._first_words is not None:
            self._first_words.add(words[0])

    def _comes_up(self, pattern: "regex.Pattern[str]", text: str) -> bool:
        try:
            # `concurrent` lets other threads, and with them the stage, go on meanwhile.
            return pattern.search(text, timeout=REGEX_S, concurrent=True) is not None
        except TimeoutError:
            self._patterns.remove(pattern)
            log.warning("a regular expression of the lore took too long and is not asked again")
            return False


def _words(text: str) -> list[str]:
    return [str(word) for word in _WORD.findall(text.casefold())]


@lru_cache(maxsize=4096)
def _joined(patterns: tuple[str, ...], flags: int) -> "regex.Pattern[str]":
    return regex.compile("|".join(patterns), flags)


@lru_cache(maxsize=1024)
def _compiled(source: str, flags: str, is_case_sensitive: bool) -> "regex.Pattern[str] | None":
    """None for what is no regular expression: such a key never comes up."""
    if len(source) > MAX_PATTERN_CHARS:
        return None
    bits = regex.VERSION0
    for flag in flags:
        bits |= _FLAGS.get(flag, regex.VERSION0)
    if not is_case_sensitive and not flags:
        bits |= regex.IGNORECASE
    try:
        return regex.compile(source, bits)
    except (regex.error, OverflowError, RecursionError, ValueError):
        return None
