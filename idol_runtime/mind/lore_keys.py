"""Whether a key of a lore entry comes up in a text."""

import logging
import unicodedata
from collections.abc import Sequence
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
_SLASHED: Final = regex.compile(r"/(.+)/([a-z]*)", regex.DOTALL)


class Keys:
    """Some keys of which one has to come up."""

    def __init__(
        self, keys: Sequence[str], *, is_case_sensitive: bool, whole_words: bool, are_regex: bool
    ) -> None:
        plain, patterns = list[str](), list[regex.Pattern[str]]()
        for key in keys:
            if (found := _SLASHED.fullmatch(key)) or are_regex:
                source, flags = (found[1], found[2]) if found else (key, "")
                if (pattern := _compiled(source, flags, is_case_sensitive)) is not None:
                    patterns.append(pattern)
            elif key.strip():
                plain.append(_pattern_of(key, whole_words))
        self._patterns = patterns
        """Written by anybody."""
        flags_of_all = 0 if is_case_sensitive else regex.IGNORECASE
        self._plain = regex.compile("|".join(plain), flags_of_all) if plain else None
        """Ours, which take no time."""

    @property
    def has_regex(self) -> bool:
        return bool(self._patterns)

    def are_in(self, text: str) -> bool:
        """Whether one of them comes up."""
        if self._plain is not None and self._plain.search(text):
            return True
        return any(self._comes_up(pattern, text) for pattern in tuple(self._patterns))

    def _comes_up(self, pattern: "regex.Pattern[str]", text: str) -> bool:
        try:
            # `concurrent` lets other threads, and with them the stage, go on meanwhile.
            return pattern.search(text, timeout=REGEX_S, concurrent=True) is not None
        except TimeoutError:
            self._patterns.remove(pattern)
            log.warning("a regular expression of the lore took too long and is not asked again")
            return False


def as_scanned(text: str) -> str:
    """A text as keys are looked for in it: with characters composed, not longer than scanned."""
    return unicodedata.normalize("NFC", text[-MAX_SCANNED_CHARS:])


def _pattern_of(key: str, whole_words: bool) -> str:
    words = unicodedata.normalize("NFC", key).split()
    pattern = r"\s+".join(regex.escape(word) for word in words)
    if not whole_words or _UNSPACED.search(key):
        return pattern
    return rf"(?<!\w){pattern}(?!\w)"


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
