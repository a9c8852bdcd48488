"""Where somebody lives, how old they are, what they do for a living. English."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from idol_runtime.mind.memory.facts import Change, Dropped, Fact, FactKind, Learned
from idol_runtime.mind.memory.statements import Statement
from idol_runtime.mind.memory.wording import day_name, said_of, trimmed

_NO_LONGER: Final = re.compile(r"(?i)\b(?:any ?more|any longer|no longer|not living)\b")
_PLACE_ENDS: Final = re.compile(
    r"\s+(?:with|because|since|for|near|until|where|which|these|when|and|but|so|to"
    r"|about|as|after|last|this|by|originally"
    r"|now|at|all|a|an|ago|in (?:a|an|the|my)|on my|\d)\b.*$|[,;:].*$",
    re.IGNORECASE,
)
_NO_PLACE: Final = """
fear hope denial peace the a an my your here there this that pain sin misery poverty harmony
hell heaven it love debt past future moment silence shadow darkness luxury exile you me us work
school bed town one two what where
"""
_NO_PLACES: Final = frozenset(_NO_PLACE.split())
_UNDER_TWENTY: Final = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
_NUMBERS: Final = {word: number for number, word in enumerate(_UNDER_TWENTY.split())} | {
    word: 10 * tens
    for tens, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2
    )
}
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY: Final = (
    rf"(?:(?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}"
    rf"|{_MONTH}(?: (?:the )?\d{{1,2}}(?:st|nd|rd|th)?)?"
    r"|\d{1,2}[./]\d{1,2}\.?|christmas(?: eve| day)?|new year's (?:eve|day)"
    r"|halloween|valentine's day"
    rf"|(?:early |late |mid-)?{_MONTH})"
)
_AGE: Final = re.compile(
    r"(?i)(?:i'm|i am|im|my age is|i(?:'ve)?(?: have)? (?:just )?(?:turned|turn)"
    r"|i'll be|i just became)"
    r" (?:(?:just|only|already|now|about to turn|turning) )?(?P<age>\d{1,3}"
    r"|[a-z]+(?:[ -][a-z]+)?)"
    r"(?: ?(?:years? old|years? of age|yo|y/o|yrs?(?: old)?|years? young))?"
    r"(?: (?:today|yesterday|now|last \w+|this \w+|in \w+))?"
)


def life_of(statement: Statement, today: date) -> Iterator[Change]:
    text = trimmed(statement.text)
    yield from _place(text, statement)
    yield from _age(text)
    yield from _birthday(text, today)


def _learned(kind: FactKind, slot: str, text: str, value: str) -> Learned:
    return Learned(Fact(kind, slot, text, value))


def _place(text: str, statement: Statement) -> Iterator[Change]:
    raw = statement.text
    if found := re.match(
        r"(?i)(?:i|we) (?:don't|do not|no longer)(?: really)? live in (?P<place>.+)", text
    ) or re.match(
        r"(?i)(?:i'm|we're|i am) (?:not|no longer) (?:living|based) in (?P<place>.+)", text
    ):
        if place := _place_in(found["place"], statement):
            yield Dropped("place", place)
        return
    if found := re.match(
        r"(?i)i'?(?:m|ve| am| have)? ?(?:just )?(?:left|moved (?:out of|away from)) (?P<place>.+)",
        text,
    ):
        if place := _place_in(found["place"], statement):
            yield Dropped("place", place)
        return
    if _NO_LONGER.search(raw):
        return
    lives = (
        re.match(
            r"(?i)(?:i|we) (?:(?:currently|now|still|actually|really|just|do|both) )*(?:live"
            r"|reside|stay|dwell)"
            r"(?: (?:over|out|down|up|right|here|now|currently))* (?:in|near|at|on) (?P<place>.+)",
            text,
        )
        or re.match(
            r"(?i)(?:i'm|i am|we're|we are)(?: (?:currently|now|just|still))? (?:living"
            r"|based|residing|located)"
            r"(?: (?:over|out|down))? (?:in|near|at|on) (?P<place>.+)",
            text,
        )
        or re.match(
            r"(?i)(?:i|we|i've|we've|i have|we have)(?: (?:just|recently|finally"
            r"|also))?(?: have)? moved"
            r"(?: (?:over|back|away|here))*(?: from .+?)? to (?P<place>.+)",
            text,
        )
        or re.match(
            r"(?i)(?:my home(?:town)? is|home is|home for me is"
            r"|my city is)(?: now)?(?: in)? (?P<place>.+)",
            text,
        )
    )
    if lives:
        if re.match(r"(?i)my hometown", text):
            if place := _place_in(lives["place"], statement):
                yield _learned("place", "origin", f"comes from {place}", place)
            return
        if place := _place_in(lives["place"], statement):
            yield _learned("place", "place", f"lives in {place}", place)
        elif home := re.fullmatch(
            r"(?i)(an? (?:\w+ ){0,4}(?:house|flat|apartment|village|town|city|farm|cottage"
            r"|castle|boat|houseboat|cabin|van|island|tent|dorm|attic|suburb|trailer"
            r"|caravan)(?: (?:in|near|by|on|with) .+)?)",
            lives["place"],
        ):
            yield _learned("place", "home", f"lives in {said_of(home[1])}", home[1])
        return
    origin = re.match(
        r"(?i)(?:i'm|i am|im)(?: (?:originally|actually|also))? from (?P<place>.+)", text
    ) or re.match(r"(?i)i (?:originally )?(?:come|came|hail) from (?P<place>.+)", text)
    born = re.match(
        r"(?i)(?:i was|i'm|i am) (?:born(?: and raised)?|raised) in (?P<place>.+)", text
    ) or re.match(r"(?i)i grew up in (?P<place>.+)", text)
    where = origin or born
    if (
        where
        and not where["place"][:1].isdigit()
        and (place := _place_in(where["place"], statement))
        and not re.fullmatch(rf"(?i){_MONTH}(?: .*)?", place)
    ):
        verb = "grew up in" if "grew up" in text.lower() else "was born in"
        yield _learned("place", "origin", f"{'comes from' if origin else verb} {place}", place)


def _place_in(text: str, statement: Statement) -> str | None:
    is_named = re.match(
        r"(?i)the (?:netherlands|usa?|uk|united \w+|philippines|bahamas|hague|bronx"
        r"|czech republic|alps|north|south|west|east|countryside|highlands|midwest"
        r"|states|black forest|mountains|suburbs)\b",
        text,
    )
    place = trimmed(_PLACE_ENDS.sub("", text) if not is_named else re.split(r"[,;:]", text)[0])
    words = place.split()
    if not words or len(words) > 5 or (words[0].lower() in _NO_PLACES and not is_named):
        return None
    if not all(re.fullmatch(r"[^\W\d_][\w.'’-]*", word) for word in words):
        return None
    is_upper = (
        words[0][0].isupper() or (len(words) > 1 and words[-1][0].isupper()) or bool(is_named)
    )
    if statement.is_cased and not is_upper:
        return None if len(words) > 1 or not _seems_lower(statement) else _titled(place)
    return place if is_upper else _titled(place)


def _seems_lower(statement: Statement) -> bool:
    """Whether only the first letter of a statement is a capital, as on some phones."""
    return not any(each.isupper() for each in statement.text.replace("I", "")[1:])


def _titled(place: str) -> str:
    small = ("of", "the", "de", "on", "upon", "la", "le", "el", "and", "am", "an", "der")
    return " ".join(
        each if each in small else each[:1].upper() + each[1:] for each in place.split()
    )


def _age(text: str) -> Iterator[Change]:
    found = _AGE.fullmatch(text)
    years = None if found is None else _number(found["age"])
    if found is not None and years is not None and 3 <= years <= 120:
        if re.match(r"(?i)i'll be|.*about to|.*turning", text):
            return
        yield _learned("age", "age", f"is {years} years old", str(years))


def _number(text: str) -> int | None:
    text = text.lower()
    if text.isdigit():
        return int(text)
    tens, _, ones = text.replace("-", " ").partition(" ")
    if tens not in _NUMBERS or (
        ones and (_NUMBERS[tens] < 20 or not 0 < _NUMBERS.get(ones, 0) < 10)
    ):
        return None
    return _NUMBERS[tens] + (_NUMBERS[ones] if ones else 0)


def _birthday(text: str, today: date) -> Iterator[Change]:
    found = re.match(
        rf"(?i)(?:my birthday(?:'s| is)|i was born|i have my birthday"
        rf"|i celebrate my birthday|my b-?day is)"
        rf"(?: on| in|)(?: the)? (?P<day>{_DAY}(?:,? (?:19|20)\d\d)?)$",
        text,
    )
    if found:
        day = (
            found["day"]
            if found["day"][0].isdigit()
            else found["day"][0].upper() + found["day"][1:]
        )
        on = "in" if re.fullmatch(rf"(?i)(?:early |late |mid-)?{_MONTH}", day) else "on"
        yield _learned("birthday", "birthday", f"has their birthday {on} {day}", day)
    elif found := re.match(
        r"(?i)(?:it's|it is|today is|tomorrow is|my birthday is"
        r"|my birthday's)?\s*(?:actually )?(?:my birthday )?(?P<when>today"
        r"|tomorrow)?(?: is)?(?: my birthday)?(?P<late> (?:today|tomorrow))?$",
        text,
    ):
        when = (found["late"] or found["when"] or "").strip().lower()
        if not when and re.match(r"(?i)(?:today|tomorrow) is my", text):
            when = text.split()[0].lower()
        if "birthday" in text.lower() and (when or text.lower().startswith("it")):
            day = day_name(today + timedelta(when == "tomorrow"))
            yield _learned("birthday", "birthday", f"has their birthday on {day}", day)
    elif found := re.match(r"(?i)i was born in (?P<year>(?:19|20)\d\d)$", text):
        yield _learned("age", "age/born", f"was born in {found['year']}", found["year"])
