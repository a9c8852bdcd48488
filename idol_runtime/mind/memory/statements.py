"""What of a line is stated, in clauses that each say one thing. English."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_I: Final = r"(?:I|i)"
_APOSTROPHES: Final = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})
_QUOTED: Final = re.compile(r"[\"“”«»][^\"“”«»]*[\"“”«»]")
_TITLE: Final = re.compile(r"\b(Mrs?|Ms|Dr|St|Prof|Jr|Sr|vs)\.", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"[^.!?…\n]*(?:\.(?=\w)[^.!?…\n]*)*[.!?…\n]*")
_SUBJECT: Final = (
    r"(?:i|i'm|im|i've|i'll|i'd|my|we|we're|we've|you|your|he|she|it|it's|they|there"
    r"|that|that's|this"
    r"|what|what's|who|who's|where|how|why|when|do|does|did|are|is|can|could|will"
    r"|would|please|call)"
)
_VERB: Final = (
    r"(?:also |really |just |now |do |currently )*(?:am|live|work|have|love|like"
    r"|hate|enjoy|come from"
    r"|study|play|speak|own|moved|go by|want to|plan to|don't|can't stand|collect|adore|prefer)"
)
_BREAK: Final = re.compile(
    rf"\s*;\s*|\s+[-–—]+\s+|\s*—\s*|\s*[()]\s*"
    rf"|\s*,\s*(?=(?:and |but |so |or |because |since |although |though )?(?:now "
    rf"|then |also |currently )?{_SUBJECT}\b)"
    rf"|\s+(?=(?:and|but|so|because|since|although|though|cause|cuz|while) (?:now "
    rf"|then |also )?{_SUBJECT}\b)"
    rf"|\s*,?\s+(?=and {_VERB}\b)|\s*,\s*(?=(?:but |and )?(?:not|actually|an?|from|born)\b)",
    re.IGNORECASE,
)
_LEAD_IN: Final = re.compile(
    r"(?:well|oh|ah|aw|hi|hey|hello|hiya|yo|greetings|good (?:morning|evening"
    r"|afternoon|night)|so|and|but"
    r"|no|nope|yes|yeah|yep|yup|um+|uh+|hm+|okay|ok|alright|right|actually|honestly"
    r"|by the way|btw"
    r"|also|anyway|you know(?: what)?|fun fact|just so you know|so you know|fyi|look"
    r"|listen|sorry|wait"
    r"|please|thanks|thank you|nice to meet you|pleased to meet you|guess what|there"
    r"|again|then|because"
    r"|cause|cuz|since|though|although|while|to be honest|tbh|in fact|i mean|i think"
    r"|i guess|i believe"
    r"|remember(?: that)?|i told you(?: that)?|i already told you(?: that)?|i said(?: that)?"
    r"|(?:like|as) i said|as you know|you should know(?: that)?|don't forget(?: that)?"
    r"|(?:let me tell you|i want(?:ed)? you to know)(?: that)?|now|these days"
    r"|nowadays|haha|lol|wow|yay"
    r"|unfortunately|sadly|luckily|finally|the truth is(?: that)?|my dear|dear|hoshi)"
    r"(?:\s*[,:!.…-]+\s*|\s+)",
    re.IGNORECASE,
)
_CORRECTS: Final = re.compile(
    r"(?i)\s*(?:oh |well |um |hey |ah )*[,.]?\s*(?:no\b|nope|wrong|actually|sorry"
    r"|i said|i meant|not )"
    r"|.*\b(?:not [A-Z]\w+|actually)\s*[.!]*$",
)
_NOT_STATED: Final = re.compile(
    r"(?:if|unless|whenever|suppose|supposing|imagine|pretend|assume|what|what's|who"
    r"|who's|whose|why"
    r"|how|how's|do|does|did|don't|doesn't|is|are|isn't|aren't|am|can|could|would"
    r"|should|shall|will|was|were"
    r"|have you|has|had|may|might|let's|lets|say|repeat|sing|write|translate|spell"
    r"|tell|maybe|perhaps"
    r"|as if|like if|wish)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A clause that somebody states of themselves or of the world."""

    text: str
    """Without what leads into it and without its full stop."""
    is_cased: bool
    """Whether its writer uses capitals, so that a capital says something."""
    corrects: bool = False
    """Whether it puts right what was said before: "No, it's Tom"."""


def statements_of(text: str) -> Iterator[Statement]:
    """The clauses of a line that are stated; questions, wishes, conditions and quotes are not."""
    text = _QUOTED.sub(" ", text.translate(_APOSTROPHES))
    text = re.sub(r"\s*\n\s*", ".\n", _TITLE.sub(r"\1", text))
    letters = [each for each in text if each.isalpha()]
    is_shouted = len(letters) > 3 and all(each.isupper() for each in letters)
    if is_shouted:
        text = text.lower()
    is_cased = not is_shouted and _uses_capitals(text)
    corrects_before = False
    for sentence in filter(str.strip, _SENTENCE.findall(text)):
        clauses = [each for each in _BREAK.split(sentence.strip()) if each and each.strip()]
        if sentence.rstrip().endswith("?"):
            clauses = clauses[:-1]
        corrects = corrects_before or _CORRECTS.match(sentence) is not None
        yield from (Statement(each, is_cased, corrects) for each in _stated(clauses))
        # "No. It's Tom."
        corrects_before = corrects and len(sentence.split()) <= 3


def _uses_capitals(text: str) -> bool:
    words = re.findall(r"[A-Za-zÀ-ÿ][\w']*", text)
    return any(word[0].isupper() for word in words[:1]) or any(
        word[0].isupper() and not re.fullmatch(r"I('\w+)?", word) for word in words[1:]
    )


def _stated(clauses: list[str]) -> Iterator[str]:
    for number, clause in enumerate(clauses):
        told = without_lead_in(clause).rstrip(" .!?…,:;")
        if not told:
            continue
        if _NOT_STATED.match(told) and not re.match(r"(?i)call me\b", told):
            if re.match(r"(?i)(?:if|imagine|suppose|pretend|say|repeat|let's|lets)\b", told):
                return  # what follows hangs on it
            continue
        begins_whole = number == 0 or re.match(rf"(?i)(?:and |but |so )?{_SUBJECT}\b", clause)
        if not begins_whole:
            if re.match(r"(?i)(?:an?|from|born)\b", told) and re.match(
                r"(?i)(?:I'm|I am|my name|call me)\b", without_lead_in(clauses[0])
            ):
                told = f"I'm {told}"  # "I'm Sam, a baker from Oslo"
            elif re.match(rf"(?i){_VERB}\b", told):
                told = f"I {told}"
        yield told


def without_lead_in(clause: str) -> str:
    """Without greetings, hesitations and what else stands before what is said."""
    told = clause.strip()
    while (found := _LEAD_IN.match(told)) is not None and found.end() < len(told):
        told = told[found.end() :].lstrip()
    return told
