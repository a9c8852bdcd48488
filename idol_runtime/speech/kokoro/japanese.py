"""Japanese text to Kokoro's phoneme symbols.

pyopenjtalk-plus (extra `ja`) splits the text into words and gives their pronunciation in katakana;
the table here writes katakana as Kokoro v1.0 was trained to read it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

_ENGLISH: Final = re.compile(r"([A-Za-z]*[a-z][A-Za-z]+(?:['’][a-z]+)?|[A-Z][a-z]+)")
"""A word of Latin letters; one of capitals alone is spelled, as Open JTalk does."""
_ROWS: Final = (
    "アa イi ウɯ エe オo カka キkʲi クkɯ ケke コko ガɡa ギɡʲi グɡɯ ゲɡe ゴɡo "
    "サsa シɕi スsɨ セse ソso ザʣa ジʥi ズzɨ ゼʣe ゾʣo タta チʨi ツʦɨ テte トto "
    "ダda ヂʥi ヅzɨ デde ドdo ナna ニɲi ヌnɯ ネne ノno ハha ヒçi フɸɯ ヘhe ホho "
    "バba ビbʲi ブbɯ ベbe ボbo パpa ピpʲi プpɯ ペpe ポpo マma ミmʲi ムmɯ メme モmo "
    "ヤja ユjɯ ヨjo ラɾa リɾʲi ルɾɯ レɾe ロɾo ワβa ヰi ヱe ヲo ヴvɯ ヵka ヶke"
)
_SMALL: Final = dict(zip("ァィゥェォャュョヮ", "aiɯeoaɨoa", strict=True))
"""The vowel that a small kana puts in place of the one before it."""
_ROUNDED: Final = {"ク": "kᵝ", "グ": "ɡᵝ", "ツ": "ʦ", "フ": "ɸ", "ウ": "β", "ヴ": "v"}
"""How these begin before a small vowel."""
_SOFT: Final = {"テ": "tʲ", "デ": "dʲ", "ト": "t", "ド": "d", "フ": "ɸʲ", "ヴ": "vʲ", "ツ": "ʦʲ"}
"""How these begin before a small i or y."""
_KANA: Final = {each[0]: each[1:] for each in _ROWS.split()}
_MARKS: Final = {
    "、": ",", "，": ",", "。": ".", "！": "!", "？": "?", "：": ":", "；": ";", "…": "…",
    "「": "“", "『": "“", "」": "”", "』": "”", "（": "(", "）": ")", "—": "—", "〜": "—",
    "～": "—",
}  # fmt: skip
_OPENING: Final = "“("
_CLOSING: Final = ",.!?:;…”)—"
_BEFORE_N: Final = {"m": "mpb", "ŋ": "kɡ", "ɲ": "ɲʨʥ", "n": "ntdɾzʣ"}
"""What ん sounds like, by what follows it; ɴ otherwise."""

Node = Mapping[str, Any]
"""A word as Open JTalk's front end tells of it."""


class Japanese:
    """Converts text; words of Latin letters are read as English."""

    def __init__(
        self, read: Callable[[str], Sequence[Node]], english: Callable[[str], str]
    ) -> None:
        """A converter.

        Args:
            read: `pyopenjtalk.run_frontend`.
            english: Symbols of an English word.
        """
        self._read = read
        self._english = english

    def __call__(self, text: str) -> str:
        parts = []
        for number, part in enumerate(_ENGLISH.split(unicodedata.normalize("NFC", text))):
            if number % 2:
                parts.append(self._english(part))
            elif part.strip():
                parts += self._words(part)
        return _written(parts)

    def _words(self, text: str) -> Iterator[str]:
        kana, before = "", None
        for node in self._read(text):
            if kana and not (before is not None and _goes_on(before, node)):
                yield _spoken(kana)
                kana = ""
            before = node
            if mark := _MARKS.get(str(node["string"])):
                yield mark
            else:
                kana += str(node["pron"])
        if kana:
            yield _spoken(kana)


def _written(parts: Iterable[str]) -> str:
    """Words with spaces between them, marks where they belong."""
    out = ""
    for part in filter(None, parts):
        sticks = part in _CLOSING or not out or out[-1] in _OPENING
        out += part if sticks else f" {part}"
    return out


def _goes_on(before: Node, node: Node) -> bool:
    """Whether a word is written together with the one before it."""
    kind, more, was = node["pos"], node["pos_group1"], before["pos"]
    return (
        (kind == "助動詞" and was in ("動詞", "形容詞", "助動詞"))
        or (kind == "助詞" and more == "接続助詞" and was in ("動詞", "形容詞", "助動詞"))
        or more == "接尾"
        or (more == "数" and before["pos_group1"] == "数" and node["chain_flag"] == 1)
        or was == "接頭詞"
        or str(node["pron"]).startswith("ー")
    )


def _spoken(kana: str) -> str:
    """Katakana with long vowels as ー -> symbols."""
    moras = list(_moras(kana))
    out = ""
    for place, mora in enumerate(moras):
        after = next((each for each in moras[place + 1 :] if each), "")
        if mora == "ン":
            out += next((n for n, first in _BEFORE_N.items() if after and after[0] in first), "ɴ")
        elif mora == "ッ":
            out += "ʔ"
        else:
            out += mora
    return out


def _moras(kana: str) -> Iterator[str]:
    """The symbols of each mora; ン and ッ stay, for what they sound like depends on the next."""
    held = ""
    for letter in [*kana, ""]:
        if held and letter in _SMALL:
            yield _with_small(held, letter)
            held = ""
            continue
        if held:
            yield _KANA[held]
            held = ""
        if letter in _KANA:
            held = letter
        elif letter == "ー":
            yield "ː"
        elif letter in ("ン", "ッ"):
            yield letter
        elif letter in _SMALL:
            yield ("j" if letter in "ャュョ" else "") + _SMALL[letter]


def _with_small(kana: str, small: str) -> str:
    vowel = _SMALL[small]
    if small in "ィゥャュョ" and kana in _SOFT:
        return _SOFT[kana] + vowel
    if small in "ァィェォヮ" and kana in _ROUNDED:
        return _ROUNDED[kana] + vowel
    return ("j" if kana == "イ" else _KANA[kana][:-1]) + vowel
