"""What somebody is called. English, and the usual phrases of some other languages."""

import re
from collections.abc import Iterator
from typing import Final

from idol_runtime.mind.memory.facts import Change, Dropped, Fact, Learned
from idol_runtime.mind.memory.given_names import GIVEN_NAMES, NO_NAMES
from idol_runtime.mind.memory.statements import Statement
from idol_runtime.mind.memory.wording import capitalised, trimmed

_TOLD: Final = re.compile(
    r"(?:my (?:(?:full|first|real|given|own|actual|true|user) )?name(?:'s| is|s"
    r"| was)(?: actually| really)?"
    r"|(?:the )?name(?:'s| is)|i(?:'m| am) (?:called|named|known as)"
    r"|i go by(?: the name(?: of)?)?"
    r"|(?:(?:you|u) (?:can|may|could|should)|just|please|(?:you can )?simply"
    r"|feel free to) call me|call me"
    r"|(?:my friends|friends|everyone|everybody|people|folks|they|most people"
    r"|my family) calls? me"
    r"|i(?:'d| would) (?:prefer|like) (?:it if you called me|to be called|you to call me)"
    r"|(?:i )?(?:changed|have changed) my name to|the name i go by is)\s+(?P<name>.+)",
    re.IGNORECASE,
)
_CALL_ME: Final = re.compile(r"(?i).*\bcalls? me\b")
_NOT: Final = re.compile(
    r"(?:my name (?:isn't|is not|ain't)|i'm not(?: called| named)?|i am not"
    r"|don't call me)\s+(?P<name>[\w'-]+)$",
    re.IGNORECASE,
)
_I_AM: Final = re.compile(r"(?:i'm|i am|im|it's|this is|me is)\s+(?P<name>.+)", re.IGNORECASE)
_IT_IS: Final = re.compile(r"(?:it's|it is|that's|i said|i meant)\s+(?P<name>.+)", re.IGNORECASE)
_HERE: Final = re.compile(r"(?P<name>[\w'-]+) (?:here|speaking)(?: again)?", re.IGNORECASE)
_ASKED: Final = re.compile(
    r"(?i)(?:(?:what(?:'s| is)|tell me|know|have|ask) your name|who are you"
    r"|what (?:should|can|do|may|shall) I call you"
    r"|(?:may|can) I (?:ask|know|have) your name|your name\s*\?|who(?:'m"
    r"| am) I (?:talking|speaking) (?:to|with))"
)
_WORD: Final = r"[^\W\d_][^\W\d_]*(?:['-][^\W\d_]+)*"
_NAME: Final = re.compile(
    rf"(?:(?:Mr|Mrs|Ms|Dr|Miss|Captain|Sir|Lady) )?{_WORD}(?: (?:(?:van|von|de|del|da"
    rf"|der|bin|al|el|Le|Mc) )*{_WORD})*"
)
_FOREIGN: Final = (
    re.compile(
        r"(?:名前は|名は)\s*(?P<name>[\w・ー]{1,12}?)"
        r"(?:です|だ|といい|と言い|って|と申し|と呼|。|、|！|$)"
    ),
    re.compile(
        r"(?:私|僕|俺|わたし|ぼく)は\s*(?P<name>[ァ-ヺー・]{2,12}|[A-Z][a-z]+)"
        r"(?:です|だよ|といい|と申し)"
    ),
    re.compile(
        r"(?:^|[、。！\s]|は)(?P<name>[一-龯ァ-ヺー]{2,8}|[ぁ-ん]{2,5}|[A-Z][a-z]+)"
        r"(?:と申します|といいます|と言います|って呼んで|と呼んで)"
    ),
    re.compile(
        r"(?:我的名字(?:是|叫)|我叫|(?:你)?(?:可以)?叫我)\s*"
        r"(?P<name>[\u4e00-\u9fff]{1,4}?|[A-Z][a-z]+)(?:吧|就好|就行|[，。！,.!]|$)"
    ),
    re.compile(
        r"(?:[Mm]e llamo|[Mm]i nombre es|[Pp]uedes llamarme|[Ll]l[aá]mame|[Mm]e llaman)\s+"
        r"(?P<name>[A-ZÁÉÍÓÚÑ][\wáéíóúñ]+(?: [A-ZÁÉÍÓÚÑ][\wáéíóúñ]+)?)"
    ),
    re.compile(
        r"(?:[Ii]ch hei(?:ß|ss)e|[Mm]ein Name ist|[Nn]enn mich)\s+(?P<name>[A-ZÄÖÜ][\wäöüß]+)"
    ),
    re.compile(
        r"(?:[Jj]e m'appelle|[Mm]on (?:pré)?nom est|[Aa]ppelle-moi)\s+"
        r"(?P<name>[A-ZÉÈÀÇ][\wéèàçïë-]+)"
    ),
    re.compile(
        r"(?:[Mm]i chiamo|[Ii]l mio nome è|[Mm]e chamo|[Oo] meu nome é)\s+"
        r"(?P<name>[A-ZÀÈÉ][\wàèéìòùãçõ]+)"
    ),
)
_MOST_WORDS: Final = 3


def name_of(statement: Statement) -> Iterator[Change]:
    """What a statement says of its speaker's name."""
    text = trimmed(statement.text)
    if (found := _NOT.fullmatch(text)) and _is_name(found["name"], statement, is_told=True):
        yield Dropped("name", capitalised(found["name"]))
        return
    words = text.split()
    if statement.corrects and words and words[0].rstrip(",").lower() in GIVEN_NAMES:
        yield _learned(capitalised(words[0].rstrip(",")))
        return
    if found := _TOLD.match(text):
        is_told = _CALL_ME.match(text) is None
        if name := _name_in(found["name"], statement, is_told=is_told):
            yield _learned(name)
        return
    if statement.corrects and (found := _IT_IS.match(text)):
        if name := _name_in(found["name"], statement):
            yield _learned(name)
        return
    if found := _I_AM.match(text):
        is_other = re.match(r"(?i)(?:it's|this is)", text) is not None
        name = _name_in(found["name"], statement)
        if name and (not is_other or (" " not in name and name.lower() in GIVEN_NAMES)):
            yield _learned(name)
    elif (found := _HERE.fullmatch(text)) and (name := _name_in(found["name"], statement)):
        yield _learned(name)


def name_answered(text: str, asked: str) -> Iterator[Change]:
    """The name in an answer of a word or two, where it was asked for."""
    words = trimmed(re.sub(r"(?i)^(?:it's|it is|i'm|just|oh|um)\s+", "", text.strip()))
    if _ASKED.search(asked) and len(words.split()) <= 2:
        statement = Statement(words, is_cased=any(map(str.isupper, words)))
        if name := _name_in(words, statement, is_told=True):
            yield _learned(name)


def foreign_name_of(text: str) -> Iterator[Change]:
    for pattern in _FOREIGN:
        if found := pattern.search(text):
            yield _learned(found["name"].strip())
            return


def _learned(name: str) -> Learned:
    return Learned(Fact("name", "name", f"is called {name}", name))


def _name_in(text: str, statement: Statement, *, is_told: bool = False) -> str | None:
    """The name that stands at the start of a text, if one does.

    Args:
        text: What follows `I'm` or `my name is`.
        statement: Where it stands.
        is_told: A name must follow, so that a word that is none elsewhere is one here.
    """
    text = trimmed(
        re.split(r"[,:;.!?]| (?:and|but|not|by the|from|with|in|if|because|who|the|or) ", text)[0]
    )
    text = re.sub(r"(?i)^(?:actually|really|just)\s+", "", text)
    found = _NAME.match(text)
    if found is None or (found.end() < len(text) and not text[found.end()].isspace()):
        return None
    words = text.split()
    if len(words) > _MOST_WORDS or found.end() < len(text):
        return None
    if len(words) > 1 and not statement.is_cased and not is_told:
        return None
    if not _is_name(words[0], statement, is_told=is_told):
        return None
    if (
        statement.is_cased
        and len(words) > 1
        and not all(
            word[0].isupper() or word in ("van", "von", "de", "del", "da", "der", "bin", "al", "el")
            for word in words
        )
    ):
        return None
    if any(word.lower() in NO_NAMES for word in words[1:]):
        return None
    name = " ".join(words)
    return name if any(map(str.isupper, name)) else capitalised(name)


def _is_name(word: str, statement: Statement, *, is_told: bool) -> bool:
    lower = word.lower().removesuffix("'s")
    if lower in NO_NAMES or len(word) > 30:
        return False
    if lower in GIVEN_NAMES:
        return True
    return is_told or (statement.is_cased and word[0].isupper())
