"""What somebody likes and does not like. English."""

import re
from collections.abc import Iterator
from typing import Final

from idol_runtime.mind.memory.facts import Change, Dropped, Fact, FactKind, Learned
from idol_runtime.mind.memory.statements import Statement
from idol_runtime.mind.memory.wording import said_of, trimmed, without_article

_HOW: Final = (
    r"(?:(?:really|also|absolutely|just|do|totally|truly|always|still|quite|kind of"
    r"|kinda|sort of|especially|particularly|actually|so|very much|definitely"
    r"|secretly|even|mostly|generally|simply) )*"
)
_LIKES: Final = re.compile(
    rf"(?i)(?:i {_HOW}(?:like|love|adore|enjoy|prefer|luv)|i(?:'m"
    rf"| am) {_HOW}(?:(?:really |so |totally )?into|fond of|crazy about|mad about"
    rf"|passionate about|obsessed with|keen on|addicted to|a (?:big |huge |massive "
    rf"|great )?(?:fan|lover) of)"
    r"|i(?:'ve| have) (?:always )?(?:loved|liked|enjoyed)|i can't live without"
    r"|i can't get enough of|i could (?:eat|listen to|watch)(?= .+ (?:all day"
    r"|every day|forever|for ever|for hours)))\s+(?P<what>.+)"
)
_DISLIKES: Final = re.compile(
    rf"(?i)(?:i {_HOW}(?:hate|dislike|detest|loathe|despise)|i (?:{_HOW})?(?:don't"
    rf"|do not|dont)(?: (?:really|particularly|actually|even|much))? (?:like|love"
    rf"|enjoy|care for)"
    r"|i (?:really )?(?:can't|cannot|can not|couldn't) stand|i(?:'m"
    r"| am) (?:really )?not (?:really |that |much )*(?:into|fond of|keen on"
    r"|a (?:big |huge |great )?fan of))\s+(?P<what>.+)"
)
_NO_MORE: Final = re.compile(
    r"(?i)(?:i (?:don't|do not|no longer|dont)(?: really| even)? (?:like|love|enjoy"
    r"|eat|listen to|watch|play|drink)|i(?:'m| am) (?:not into|no longer into"
    r"|not a fan of|over)|i(?:'ve| have)? ?(?:stopped|quit|gave up|given up|gone off"
    r"|went off)(?: (?:liking|loving|enjoying|eating|playing"
    r"|watching))?)\s+(?P<what>.+)"
)
_AFRAID: Final = re.compile(
    r"(?i)(?:i(?:'m| am) (?:really |so |very |a bit |quite |also "
    r"|absolutely )*(?:afraid|scared|terrified|frightened) of)\s+(?P<what>.+)"
)
_ALLERGIC: Final = re.compile(
    r"(?i)(?:i(?:'m| am) (?:really |very |also |highly |severely "
    r"|deadly )*allergic to|i have an? (?:bad |severe )?allergy to)\s+(?P<what>.+)"
)
_ALLERGY: Final = re.compile(
    r"(?i)i have an? (?:bad |severe )?(?P<what>[\w-]+(?: [\w-]+)?) allergy"
)
_FAVOURITE: Final = re.compile(
    r"(?i)(?:my (?:(?:all[ -]time|absolute|very"
    r"|own) )?(?P<least>least )?favou?rite(?P<thing> [\w'-]+(?: [\w'-]+)?)?(?:'s| is"
    r"| are|, that's| would be| has to be| was)(?: always| probably| definitely"
    r"| still| actually| now)?)\s+(?P<what>.+)"
)
_IS_FAVOURITE: Final = re.compile(
    r"(?P<what>[\w' -]+?) (?:is|are|'s) (?:still |definitely |probably "
    r"|actually )?(?i:my (?:(?:all[ -]time|absolute"
    r"|very) )?favou?rite)(?P<thing> [\w'-]+(?: [\w'-]+)?)?"
)
_ABOUT_HER: Final = re.compile(
    r"(?i)(?:you|your|yours|yourself|it|that|this|them|him|her|these|those|how|when"
    r"|what|where|who|why|whatever|being here|talking (?:to|with)|hearing|seeing you"
    r"|u|ya|everything about|the way|to (?:say|talk|know|tell|ask|be|have|see|hear"
    r"|get|go)|one|any|if|not|me|going there|sth|something|everything|anything|all"
    r"|nobody|someone|the idea|the sound of|having|my (?:life|name)"
    r"|listening to you|watching you|meeting)\b"
)
_WHAT_ENDS: Final = re.compile(
    r"\s*[;:(].*$|,\s*(?:and |but )?(?:you|i|it|so|because|especially|they|what"
    r"|which|who|please)\b.*$"
    r"|\s+(?:because|since|so much|more than|when|but|though|although|which|who|that"
    r"|if|as (?:a|an|much)|ever since|than|even|for (?:hours|ever|a|breakfast|dinner"
    r"|lunch|years)|all day|every(?: single)? (?:day|morning|night|weekend)|while"
    r"|to be|with (?:my|you)|after|before|these days|in the (?:morning|evening)"
    r"|on (?:weekends|sundays)).*$",
    re.IGNORECASE,
)
_PAIRS: Final = re.compile(
    r"(?i)\b(?:rock and roll|rock'n'roll|fish and chips|mac and cheese"
    r"|macaroni and cheese|salt and vinegar|drum and bass|r and b|black and white"
    r"|bed and breakfast"
    r"|peanut butter and jelly|arts and crafts|bread and butter|dungeons and dragons"
    r"|pride and prejudice|cookies and cream|rhythm and blues|guns and roses"
    r"|war and peace|science and|hide and seek|salt and pepper|crime and punishment"
    r"|romeo and juliet|rock and metal)\b"
)


def tastes_of(statement: Statement) -> Iterator[Change]:
    told = statement.text.strip()
    text = trimmed(told)
    ended = re.search(r"(?i)\b(?:any ?more|no longer|any longer)\b", told) is not None
    if found := _ALLERGIC.match(text) or _ALLERGY.match(text):
        yield from _each(found["what"], "other", "allergy", "is allergic to")
    elif found := _AFRAID.match(text):
        yield from _each(found["what"], "dislike", "fear", "is afraid of")
    elif found := _FAVOURITE.match(text) or _IS_FAVOURITE.fullmatch(text):
        yield from _favourite(found)
    elif (found := _NO_MORE.match(text)) and (ended or not _DISLIKES.match(text)):
        if (
            not re.match(r"(?i)i(?:'ve| have)? ?(?:stopped|quit|gave up|given up)\b", text)
            or len(found["what"].split()) <= 3
        ):
            yield from _no_more(found["what"])
    elif found := _DISLIKES.match(text):
        yield from _each(found["what"], "dislike", "taste", "does not like")
    elif found := _LIKES.match(text):
        yield from _each(found["what"], "like", "taste", "likes")


def _favourite(found: re.Match[str]) -> Iterator[Change]:
    thing = (found["thing"] or "").strip()
    what = trimmed(_WHAT_ENDS.sub("", found["what"]))
    if _ABOUT_HER.match(what) or not what or len(what.split()) > 8 or _mentions_her(what):
        return
    least = bool(found.groupdict().get("least"))
    slot = f"{'least' if least else 'favourite'}/{thing.lower().removesuffix('s') or 'thing'}"
    favourite = "least favourite" if least else "favourite"
    kind: FactKind = "dislike" if least else "like"
    about = f"has {what} as their {favourite} {thing}" if thing else f"likes {what} most"
    yield Learned(Fact(kind, slot, about, what))


def _each(what: str, kind: FactKind, group: str, verb: str) -> Iterator[Change]:
    for each in things_in(what):
        yield Learned(Fact(kind, slot_of(group, each), f"{verb} {said_of(each)}", each))


def _no_more(what: str) -> Iterator[Change]:
    for each in things_in(what):
        yield Dropped("favourite/", each)
        yield Learned(
            Fact("dislike", slot_of("taste", each), f"does not like {said_of(each)} any more", each)
        )


def slot_of(group: str, thing: str) -> str:
    """`taste/cat` for cats, the cat, and Cats."""
    words = without_article(thing.lower())
    words = re.sub(
        r"^(?:playing|eating|drinking|watching|listening to|reading|going to|to (?:play"
        r"|eat|drink|watch|listen to|read)) ",
        "",
        words,
    )
    return f"{group}/{re.sub(r'(?<=[^su])s$', '', words)}"


def things_in(text: str) -> list[str]:
    """`cats, dogs and rock and roll`, each; nothing where it is her who is meant."""
    text = trimmed(_WHAT_ENDS.sub("", text))
    kept = _PAIRS.sub(lambda found: found[0].replace(" and ", " & "), text)
    parts = [trimmed(each) for each in re.split(r"\s*,\s*(?:and |or )?|\s+(?:and|or)\s+", kept)]
    things = [each.replace(" & ", " and ") for each in parts if each]
    if len(things) > 1 and any(len(each.split()) > 4 for each in things):
        things = [text]
    return [
        each
        for each in things
        if not _ABOUT_HER.match(each) and len(each.split()) <= 8 and not _mentions_her(each)
    ]


def _mentions_her(text: str) -> bool:
    return re.search(r"(?i)\b(?:you|your|yours|hoshi)\b", text) is not None
