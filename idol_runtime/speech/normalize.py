"""Written text to text that can be read aloud.

Markup, emoji, emoticons and stage directions (`*smiles*`) are not spoken; links are named, not
spelled; numbers and symbols become words. English in full; Japanese and Chinese lose what is not
speech, and their phonemizers read the numbers.
"""

import re
import unicodedata

from idol_runtime.speech.numbers import read_numbers

_LINK = {"en": "a link", "ja": "リンク", "zh": "链接"}
_ADDRESS = {"en": "an email address", "ja": "メールアドレス", "zh": "邮箱"}

_CODE_BLOCK = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_MARKDOWN_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_URL = re.compile(r"<?(?:https?://|www\.)[^\s<>]*[^\s<>.,;:!?'\")\]}]>?", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_DOMAIN = re.compile(r"\b([a-z0-9-]+)\.(com|org|net|io|gg|tv|dev|app|ai)\b", re.IGNORECASE)
_LINE_MARKS = re.compile(r"^\s*(?:#{1,6}\s+|>+\s?|[-*+•]\s+|(?:[-*_=]\s*){3,}$)", re.MULTILINE)
_LIST_NUMBER = re.compile(r"^\s*(\d{1,3})[.)]\s+", re.MULTILINE)
_STRONG = re.compile(r"(\*\*\*|\*\*|___|__|~~)(?=\S)(.*?\S)\1", re.DOTALL)
_STARRED = re.compile(r"\*(?=[^\s*])([^*]*?[^\s*])\*")
_EXPRESSION = re.compile(
    r"\[(?:smil|laugh|giggl|chuckl|blush|sigh|wink|grin|gasp|hug|hum|danc|cry|cri|paus|whisper|sing)"
    r"(?:e|s|es|ed|ing|ming|ging|ning)?(?: \w+)?\]",
    re.IGNORECASE,
)
"""What small models write besides the gestures they are shown: `[laughs]`, `[smiling softly]`."""
_UNDERLINED = re.compile(r"(?<!\w)_(?=\S)([^_]*?\S)_(?!\w)")

_EMOTICON = re.compile(
    r"(?<![\w])(?:"
    r"[:;=8xX][-'^o]?[)(\]\[DdPp3|/\\*>]+"  # :-)
    r"|[(\[][-'^o]?[:;=](?!\w)"  # (:
    r"|[:;]-?[oOsSxX$@]"
    r"|</?3+|[xX]D+|[Tt][_.][Tt]|[\^>oO0uU;@-][_.wｗ][\^<oO0uU;@-]|\^\^+|>\.?<|;_;|\\o/|o/"
    r")(?![\w])"
)
_SHRUG = re.compile(r"¯?\\?_?\(ツ\)_?/?¯?")
_BRACKETED = re.compile(r"[(（\[][^()（）\[\]]{1,24}[)）\]]")
_WORD = re.compile(r"[A-Za-z]{2,}|\d|[一-鿿]{2}|[ぁ-ヿ]{2}|^[(（\[][A-Za-z][)）\]]$")

_SPOKEN = {
    "&": " and ",
    "@": " at ",
    "+": " plus ",
    "=": " equals ",
    "×": " times ",
    "÷": " divided by ",
    "≈": " about ",
    "≠": " is not ",
    "≤": " at most ",
    "≥": " at least ",
    "%": " percent ",
    "°": " degrees ",
}
_ALIKE = str.maketrans(
    {"‘": "'", "’": "'", "‛": "'", "`": "", "´": "'", "„": '"', "«": '"', "»": '"', "‐": "-"}
    | {"‑": "-", "―": "—", "‒": "–", "〜": "~", "|": ", ", "\\": " ", "^": " ", "~": " "}
    | {"<": " ", ">": " ", "*": " ", "_": " ", "#": " ", "[": "(", "]": ")", "{": "(", "}": ")"}
)
_ABBREVIATIONS = [
    (re.compile(rf"\b{short}(?!\w)", re.IGNORECASE), words)
    for short, words in {
        r"e\.g\.,?": "for example,",
        r"i\.e\.,?": "that is,",
        r"etc\.(?=\s+[A-Z])": "et cetera.",
        r"etc\.?": "et cetera",
        r"vs\.?": "versus",
        r"approx\.": "approximately",
        r"Prof\.": "Professor",
        r"Sgt\.": "Sergeant",
        r"Capt\.": "Captain",
        r"Gen\.(?=\s[A-Z])": "General",
        r"Sen\.(?=\s[A-Z])": "Senator",
        r"Rev\.(?=\s[A-Z])": "Reverend",
        r"Lt\.": "Lieutenant",
        r"St\.(?=\s[A-Z])": "Saint",
        r"Mt\.(?=\s[A-Z])": "Mount",
        r"Jr\.?": "Junior",
        r"Sr\.": "Senior",
        r"C#": "C sharp",
        r"w/o": "without",
        r"w/": "with ",
        r"btw": "by the way",
        r"idk": "I don't know",
        r"omg": "oh my god",
        r"tbh": "to be honest",
    }.items()
]


def normalize(text: str, language: str = "en-us") -> str:
    """What is spoken of a text; empty when nothing is (emoji, stage directions, punctuation)."""
    base = language.lower().split("-")[0]
    text = _strip_markup(_clean(text), base)
    text = _drop_pictures(text)
    if base == "en":
        text = _read_english(text)
    text = _tidy(text.translate(_ALIKE))
    return text if any(character.isalnum() for character in text) else ""


def _clean(text: str) -> str:
    """One form per character, no control or invisible characters."""
    text = re.sub("[½⅓⅔¼¾]", lambda match: f" {unicodedata.normalize('NFKC', match[0])} ", text)
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("⁄", "/"))
    return "".join(
        " " if character in "\t\u00a0\u3000\u2009\u202f" else character
        for character in text
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co")
    )


def _strip_markup(text: str, language: str) -> str:
    text = _CODE_BLOCK.sub(" ", text)
    text = _MARKDOWN_LINK.sub(r"\1", text)
    text = _EXPRESSION.sub(" ", text)
    text = _URL.sub(f" {_LINK.get(language, _LINK['en'])} ", text)
    text = _EMAIL.sub(f" {_ADDRESS.get(language, _ADDRESS['en'])} ", text)
    text = _TAG.sub(" ", text)
    text = _LIST_NUMBER.sub(r"\1, ", text)
    text = _LINE_MARKS.sub("", text)
    text = _STRONG.sub(r"\2", text)
    text = _STARRED.sub(_emphasis_or_action, text)
    return _UNDERLINED.sub(r"\1", text)


def _emphasis_or_action(match: re.Match[str]) -> str:
    """`I *really* mean it` is spoken, `*waves*` is a stage direction.

    Emphasis is one word inside a sentence that does not read as a verb (waves, smiling, bowed).
    """
    word, text = match[1], match.string
    before, after = text[: match.start()].rstrip(), text[match.end() :].lstrip()
    is_inside = before[-1:].isalpha() or before[-1:] == ","
    goes_on = after[:1].islower() or after[:1] in (".", "!", "?", ",") or not after
    is_verb = re.search(r"(?:s|ing|ed)$", word) and word.lower() not in ("this", "is", "was", "yes")
    return word if word.isalpha() and is_inside and goes_on and not is_verb else " "


def _drop_pictures(text: str) -> str:
    """Without emoji, kaomoji and emoticons."""
    text = _SHRUG.sub(" ", text)
    text = _BRACKETED.sub(lambda match: match[0] if _WORD.search(match[0]) else " ", text)
    text = _EMOTICON.sub(" ", text)
    return "".join(
        " " if _is_picture(character) else character
        for character in text
        if unicodedata.category(character) not in ("Mn", "Me")
        or unicodedata.combining(character) != 0
    )


def _is_picture(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "So":
        return character != "°"
    return (category == "Sk" and character not in "^`") or (category == "Cn")


def _read_english(text: str) -> str:
    for pattern, words in _ABBREVIATIONS:
        text = pattern.sub(words, text)
    text = _DOMAIN.sub(r"\1 dot \2", text)
    text = read_numbers(text)
    for symbol, words in _SPOKEN.items():
        text = text.replace(symbol, words)
    text = re.sub(r"(?<=\w)/(?=\w)", " or ", text).replace("/", " ")
    text = re.sub(r"\b(n|s|g|y)o{3,}\b", r"\1o", text, flags=re.IGNORECASE)
    text = re.sub(r"([oOeE])\1{2,}", r"\1\1", text)
    return re.sub(r"([A-Za-z])\1{2,}", r"\1", text)


def _tidy(text: str) -> str:
    """One mark where there were many, and single spaces."""
    text = re.sub(r"(?<=\S)[ \t]*\n\s*", lambda match: _line_end(match), text)
    text = re.sub(r"-{2,}", "—", text)
    text = re.sub(r"(?:\.\s?){2,}|…+", "…", text)
    text = re.sub(r"[!?！？]*[?？][!?！？]*", "?", text)
    text = re.sub(r"[!！]+", "!", text)
    text = re.sub(r"([,;:、，—])[\s,;:、，]*(?=[,;:、，—])", "", text)
    text = re.sub(r"[,;:]\s*([.!?…])", r"\1", text)
    text = re.sub(r"\(\s*\)|\"\s*\"", " ", text)
    text = re.sub(r"\s+([,.;:!?…、。，！？；：])", r"\1", text)
    text = re.sub(r"\s+", " ", text)
    return re.sub(r"^[\s,;:.…—!?-]+(?=\w)", "", text).strip()


def _line_end(match: re.Match[str]) -> str:
    return " " if match.string[match.start() - 1] in ".!?…:;,—。！？" else ". "
