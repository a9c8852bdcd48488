"""In which language a reply is written, as far as a few common words tell."""

import re
from collections.abc import Mapping
from typing import Final

_KANA: Final = re.compile(r"[぀-ヿ]")
_HAN: Final = re.compile(r"[一-鿿]")
_WORD: Final = re.compile(r"[^\W\d_]+")

COMMON: Final[Mapping[str, str]] = {
    "en": "the a is are you i my your to and of it in that for we with not do have what this be me "
    "so can but on yes hello thank",
    "es": "el la los las un una es son que de y en no me te mi tu yo por con para muy está qué "
    "como si se lo hola gracias pero más hay eres soy",
    "fr": "le la les un une est sont que de et en ne pas je tu vous mon ma ton pour avec très "
    "bonjour merci mais il elle ce dans au qui suis",
    "de": "der die das ein eine ist sind und ich du sie nicht mein dein für mit zu in es wir auf "
    "aber danke hallo was wie bin den dem auch sehr",
}
"""Words that are said all the time, by language."""


def language_of(text: str) -> str | None:
    """`en`, `ja`, `zh`, `es`, `fr` or `de`; None where too little is said to tell."""
    if _KANA.search(text):
        return "ja"
    if len(_HAN.findall(text)) >= 2:
        return "zh"
    words = [word.casefold() for word in _WORD.findall(text)]
    counts = {name: sum(word in known.split() for word in words) for name, known in COMMON.items()}
    best = max(counts, key=lambda name: counts[name])
    ties = [name for name, count in counts.items() if count == counts[best]]
    return best if counts[best] and len(ties) == 1 else None
