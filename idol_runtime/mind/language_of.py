"""Which language a line is in, where that is certain; short and mixed lines are in none."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from idol_runtime.mind.language_words import OWN_NAMES, SIGNS, WORDS

LEAST_SCORE: Final = 1.6
LEAD: Final = 1.5
"""How many times as much as for the second language has to speak for the first one."""
LEAST_SHARE: Final = 0.34
"""Of a line's words that the language has to know."""
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SCRIPTS: Final = (
    ("ja", re.compile("[\u3041-\u30ff\uff66-\uff9d]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")),
    ("uk", re.compile("[іїєґІЇЄҐ]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("el", re.compile("[\u0370-\u03ff]")),
)
"""The first whose signs are there; kana before the Chinese signs that both write."""
_CHINESE: Final = re.compile("[你您我他她们們吗嗎呢吧的是不了在有什么麼这這那和很会會想哪谁誰几幾]")
_NAMES: Final = {name.lower(): language for language, name in OWN_NAMES.items()}
_REQUEST: Final = re.compile(
    r"\b(?:answer|reply|respond|talk|speak|continue)\b(?: (?:to|with) me)?(?: only)? (?:in )?"
    rf"({'|'.join(_NAMES)})\b",
    re.IGNORECASE,
)
_SHORT: Final = 300
"""Characters of a line whose language is kept in mind."""
_QUESTION: Final = re.compile(
    r"\b(?:do|did|does|can't|don't|cannot|not|never|i|they|people|who) (?:you )?(?:\w+ )?$",
    re.IGNORECASE,
)


def language_of(line: str) -> str | None:
    """The language of a line, as two letters, or None where it is not clear."""
    return _known_language_of(line) if len(line) <= _SHORT else _language_of(line)


def _language_of(line: str) -> str | None:
    line = unicodedata.normalize("NFC", line)
    letters = [each for each in line if each.isalpha()]
    for language, script in _SCRIPTS:
        own = sum(script.match(each) is not None for each in letters)
        if own >= 2 and 3 * _of_script(language, letters) >= len(letters):
            # Without one of these it may be Japanese as well.
            return None if language == "zh" and not _CHINESE.search(line) else language
    words = [word.replace("’", "'") for word in _WORD.findall(line.lower())]
    if len(words) < 2:
        return None
    scores = {language: _score(language, words, line.lower()) for language in WORDS}
    first, second = sorted(scores, key=lambda each: -scores[each])[:2]
    is_clear = scores[first] >= LEAST_SCORE and scores[first] >= LEAD * scores[second]
    return first if is_clear and scores[first] >= LEAST_SHARE * len(words) else None


_known_language_of = lru_cache(maxsize=4_096)(_language_of)
"""The last lines of a conversation are read with every answer that is given in it."""


def requested_language(line: str) -> str | None:
    """The language in which an English line asks to be answered, such as "Answer in Spanish"."""
    found = _REQUEST.search(line)
    if found is None or _QUESTION.search(line[: found.start()]):
        return None
    return _NAMES[found[1].lower()]


def _of_script(language: str, letters: list[str]) -> int:
    """Letters that the language writes; Japanese writes Chinese signs, too."""
    kinds = {"ja": ("ja", "zh"), "uk": ("uk", "ru")}.get(language, (language,))
    scripts = [script for name, script in _SCRIPTS if name in kinds]
    return sum(any(script.match(each) for script in scripts) for each in letters)


def _score(language: str, words: list[str], line: str) -> float:
    """Words that the language knows, those that others know as well for less."""
    known = 0.0
    for word in set(words):
        if word in WORDS[language]:
            shared = sum(word in several for several in WORDS.values())
            known += shared**-0.5 if shared > 1 or len(word) < 4 else 1.25
    signs = sum(sign in line for sign in SIGNS.get(language, ""))
    return known + min(signs, 2) * (1.0 if known else 0.5)
