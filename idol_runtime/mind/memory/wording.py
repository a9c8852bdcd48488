"""From what somebody says of themselves to what is said of them. English."""

import re
from datetime import date, timedelta
from typing import Final

from idol_runtime.mind.memory.facts import MAX_TEXT

_SAID_OF: Final = {
    "i'm": "they are", "i am": "they are", "i've": "they have", "i'll": "they will", "i": "they",
    "i'd": "they would", "my": "their", "mine": "theirs", "me": "them", "myself": "themselves",
    "we": "they", "we're": "they are", "we've": "they have", "we'll": "they will", "our": "their",
    "ours": "theirs", "us": "them", "ourselves": "themselves", "am": "are",
    "you": "you", "your": "your",
}  # fmt: skip
_FIRST: Final = re.compile(
    r"\b(?:i am|i'm|i've|i'll|i'd|we're|we've|we'll|"
    + "|".join(sorted(_SAID_OF, key=len)[::-1])
    + r")(?!')\b",
    re.IGNORECASE,
)
_IRREGULAR: Final = {"have": "has", "do": "does", "go": "goes", "am": "is", "are": "is"}
_TO_YOU: Final = {
    "they are": "you are", "they have": "you have", "they will": "you will", "they": "you",
    "them": "you", "their": "your", "theirs": "yours", "themselves": "yourself",
}  # fmt: skip
_OF_THEM: Final = re.compile(
    r"\b(?:they are|they have|they will|themselves|theirs|their|them|they)\b", re.IGNORECASE
)
_TO_YOU_VERBS: Final = {
    "is": "are", "has": "have", "does": "do", "was": "were", "goes": "go", "dies": "die",
    "lies": "lie", "passed": "passed",
}  # fmt: skip
_TAIL: Final = re.compile(
    r"(?:[\s,]+(?:by the way|btw|actually|though|too|as well|also|a lot|so much"
    r"|very much|the most|most"
    r"|please|haha|lol|you know|of course|really|at the moment|right now|now|these days|nowadays"
    r"|currently|at all|obviously|honestly|for sure|indeed|i think|i guess"
    r"|to be honest|tbh|already"
    r"|anymore|any more|any longer|no more|again|after all|if you must know|instead|from now on"
    r"|hoshi|okay|ok|remember|for short|more than anything|with all my heart|since you ask))+$",
    re.IGNORECASE,
)
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def said_of(text: str) -> str:
    """`lost my keys` as one says it of somebody: `lost their keys`."""
    return _FIRST.sub(lambda found: _SAID_OF[found[0].lower()], text)


def third_person(phrase: str) -> str:
    """A verb phrase in the present, `work at home`, behind a name: `works at home`."""
    verb, _, rest = phrase.partition(" ")
    verb = verb.lower()
    if verb in _IRREGULAR:
        form = _IRREGULAR[verb]
    elif re.search(r"(?:s|x|z|ch|sh|o)$", verb):
        form = verb + "es"
    elif re.search(r"[^aeiou]y$", verb):
        form = verb[:-1] + "ies"
    else:
        form = verb + "s"
    return f"{form} {said_of(rest)}".strip()


def second_person(text: str) -> str:
    """`is a baker and likes their job` as one says it to somebody: `are a baker and like your job`.

    Takes the text of a fact, which begins with its verb.
    """
    verb, _, rest = text.partition(" ")
    rest = _OF_THEM.sub(lambda found: _TO_YOU[found[0].lower()], rest)
    return f"{_TO_YOU_VERBS.get(verb) or _plain(verb)} {rest}".strip()


def of_them(text: str) -> str:
    """`is going to Rome` behind `they`: `are going to Rome`."""
    verb, _, rest = text.partition(" ")
    return f"{_TO_YOU_VERBS.get(verb) or _plain(verb)} {rest}".strip()


def _plain(verb: str) -> str:
    """Of lives: live, of studies: study, of watches: watch; a past tense stays."""
    if re.search(r"(?:ss|x|z|ch|sh|o)es$", verb):
        return verb[:-2]
    if re.search(r"[^aeiou]ies$", verb):
        return verb[:-3] + "y"
    return verb[:-1] if re.search(r"[^s]s$", verb) else verb


def trimmed(text: str) -> str:
    """Without what trails behind a point: `by the way`, `though`, punctuation."""
    before = None
    text = " ".join(text.split())
    while before != text:
        before, text = text, _TAIL.sub("", text.strip(" .,!?;:-…~")).strip()
    return text[:MAX_TEXT]


def without_article(text: str) -> str:
    return re.sub(r"^(?:an?|the|my|our|some|any)\s+", "", text, flags=re.IGNORECASE)


def capitalised(name: str) -> str:
    """`o'brien smith-jones` as a name: `O'Brien Smith-Jones`."""
    return re.sub(
        r"(?:(?<=^)|(?<=[\s'-]))[^\W\d_](?!\s|$)|^[^\W\d_]", lambda each: each[0].upper(), name
    )


def day_name(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]}"


def dated(text: str, today: date) -> str:
    """Days that are told from today become days of the calendar."""

    def on(day: date) -> str:
        return f"on {_DAYS[day.weekday()]}, {day_name(day)}"

    def replaced(found: re.Match[str]) -> str:
        word = found[0].lower()
        if word == "yesterday":
            return on(today - timedelta(1))
        if "day after" in word:
            return on(today + timedelta(2))
        if word == "tomorrow":
            return on(today + timedelta(1))
        if word == "next year":
            return f"in {today.year + 1}"
        if word in ("today", "tonight", "this evening"):
            return on(today)
        return found[0]

    return re.sub(
        r"\b(?:the day after tomorrow|tomorrow|today|tonight|this evening|yesterday|next year)\b",
        replaced,
        text,
        flags=re.IGNORECASE,
    )
