"""A character keeps its own name: it never gives itself the user's, or one that nobody has."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_NAMED: Final = re.compile(
    r"\b(?:my (?:full |real |first )?name(?: is|['’]s)|(?:you can |just |they |people )?call me|"
    r"i(?: am|['’]m) (?:called|named)|me llamo|mi nombre es|je m['’]appelle|ich hei(?:ß|ss)e)\s+"
    r"(?P<name>[^\W\d_][\w'’-]*)|(?:我叫|我的名字(?:是|叫)|(?:私|僕|俺)の名前は)\s*"
    r"(?P<sign>[^\W\d_]{1,8}?)(?=[です。.!！,，、\s]|$)",
    re.IGNORECASE,
)
"""Words after which only a name can stand."""
_BEING: Final = re.compile(
    r"\b(?:i(?: am|['’]m)|it['’]s|this is|soy|ich bin|je suis)\s+(?P<name>[^\W\d_][\w'’-]*)|"
    r"(?:我是|(?:私|僕|俺)は)\s*(?P<sign>[^\W\d_]{1,8}?)(?=[です。.!！,，、\s]|$)",
    re.IGNORECASE,
)
"""Words after which a name may stand, written large."""
_OTHER_WORDS: Final = (
    "a an the not just still so your my really known by what whatever if when anytime later back "
    "tomorrow again old crazy sir"
)
_NO_NAMES: Final = frozenset(_OTHER_WORDS.split(" "))


_SHORT: Final = 300
"""Characters of a text whose names are kept in mind."""
_THEIRS: Final = re.compile(
    r"\b(?:my name|who i am|who am i|mi nombre|c[oó]mo me llamo|qui[eé]n soy)\b|"
    r"我叫什么|我的名字|我是谁|(?:私|僕|俺)の名前|(?:私|僕|俺)は(?:誰|だれ)",
    re.IGNORECASE,
)


def names_given(texts: Iterable[str]) -> list[str]:
    """The names that a user gives to themselves, as they write them, in order."""
    found: list[str] = []
    for text in texts:
        found += _names_known(text) if len(text) <= _SHORT else _names_in(text)
    return found


def asks_for_own_name(text: str) -> bool:
    """Whether a user asks what their own name is: `Do you remember my name?`."""
    asks = text.rstrip().endswith(("?", "？")) or "吗" in text or "か" in text
    return asks and _THEIRS.search(text) is not None and not _names(_NAMED, text)


def is_somebody_else(clause: str, own: str, others: frozenset[str]) -> bool:
    """Whether a character gives itself a name that is not its own.

    Args:
        clause: What it is about to say.
        own: Its name.
        others: The names of those it talks with, in small letters.
    """
    mine = {own.casefold(), *own.casefold().split()}
    claimed = {name.casefold() for name in _names(_NAMED, clause) if _is_large(name)}
    borrowed = {name.casefold() for name in _names(_BEING, clause)} & others
    return not claimed | borrowed <= mine


def _names_in(text: str) -> tuple[str, ...]:
    being = (name for name in _names(_BEING, text) if _is_large(name))
    return *_names(_NAMED, text), *being


_names_known = lru_cache(maxsize=8_192)(_names_in)
"""A conversation is read with every answer that is given in it."""


def _names(pattern: re.Pattern[str], text: str) -> list[str]:
    found = (match["name"] or match["sign"] for match in pattern.finditer(text))
    return [name for name in found if name.casefold() not in _NO_NAMES]


def _is_large(name: str) -> bool:
    """Whether it is written as a name: with a capital, or in a script that has none."""
    return name[0].isupper() or name[0].lower() == name[0].upper()
