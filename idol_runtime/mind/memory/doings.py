"""What somebody plans, promises and did, and what else they tell of themselves. English."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from idol_runtime.mind.memory.facts import Change, Fact, FactKind, Learned
from idol_runtime.mind.memory.statements import Statement
from idol_runtime.mind.memory.wording import dated, said_of, trimmed

_WHEN: Final = (
    r"(?:tomorrow(?: \w+)?|tonight|today|this (?:evening|afternoon|week|weekend"
    r"|month|summer|winter|spring|autumn|fall|year|friday|saturday|sunday|monday)"
    r"|(?:the )?next (?:week|weekend|month|year|summer|winter|spring|autumn|fall"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday|time)"
    r"|on (?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|the weekend"
    r"|\w+ \d+\w*)|in (?:january|february|march|april|may|june|july|august|september"
    r"|october|november|december|\w+ (?:days|weeks|months|hours)|an hour|a (?:week"
    r"|month|few days|year))"
    r"|the day after tomorrow|soon|for christmas|after (?:work|school|christmas"
    r"|lunch|dinner)|at the weekend|over the (?:weekend|summer|holidays))"
)
_LEADING: Final = re.compile(
    rf"(?i)(?P<when>{_WHEN}|yesterday|last (?:week|night|month|year|summer|weekend"
    rf"|\w+day)|this morning|earlier(?: today)?|(?:two|three|a few|\d+) (?:days|weeks"
    rf"|months|years) ago)[, ]+(?P<rest>(?:i|we|my)\b.+)"
)
_PLANS: Final = (
    re.compile(r"(?i)(?:i|we)(?:'m|'re| am| are)? ?(?:(?:also|really|still"
r"|already) )?(?:plan(?:ning)?|intend(?:ing)?|hope|hoping"
r"|aim(?:ing)?) to (?P<to>.+)"),
    re.compile(r"(?i)(?:i|we)(?:'m|'re| am| are)? ?(?:(?:also|really|still) )?(?:planning"
r"|dreaming of|thinking (?:of|about)) (?P<ing>(?:becom|mov|buy|gett|start|tak|go"
r"|study|learn|open|mak|writ|visit|travel|hav|adopt|organi|throw)\w*ing .+"
r"|an? (?:trip|party|wedding|holiday|vacation|surprise)\b.*)"),
    re.compile(r"(?i)i (?:really |always |still )?(?:want|wanted|would like|'d like"
r"|dream) (?:to|of) (?P<become>(?:become|be|becoming|being) an? .+|(?:learn"
r"|learning|visit|study|travel|move|open|write)\b.+)"),
    re.compile(r"(?i)my (?:big |biggest |life's )?(?:dream|goal|plan|wish) is to (?P<dream>.+)"),
    re.compile(r"(?i)my (?:big |biggest |life's )?(?:dream|goal|wish) is (?P<dreaming>\w+ing .+)"),
)  # fmt: skip
_GOING: Final = re.compile(
    r"(?i)(?:(?:i|we)(?:'m|'re| am| are) (?:(?:also|finally|probably) )?(?:going to"
    r"|gonna|about to) (?P<to>.+)|(?:i|we)(?:'m|'re| am"
    r"| are) (?:finally )?(?P<ing>(?:getting|moving|flying|travell?ing|visiting"
    r"|meeting|going|starting|leaving|having|taking|driving|running|seeing|playing"
    r"|hosting|giving|competing|performing|celebrating|cooking|baking|hiking"
    r"|expecting|graduating|marrying|throwing)\b.+)"
    r"|(?:i|we)(?:'ve| have|'ve got| have got| got"
    r"| also have)* (?:got )?(?P<have>(?:an?|my|our|the|two"
    r"|three) (?:[\w'-]+ ){0,4}(?:exam|test|interview|appointment|meeting|date"
    r"|concert|party|wedding|flight|trip|match|game|race|performance|presentation"
    r"|audition|surgery|operation|deadline|show|recital|tournament|marathon|lesson"
    r"|class|day off|holiday|vacation|birthday|anniversary|baby|dinner"
    r"|rehearsal)s?\b.*)|(?:i|we)'ll (?P<will>.+)|i will (?P<will2>.+))"
)
_NOT_PLANNED: Final = re.compile(
    r"(?i)\b(?:bed|kill|die|be (?:back|right back|honest|fine|ok|okay|here|there|sad"
    r"|happy|late)|you|your|sleep|think about it|see|miss|go now|leave now|try)\b"
)
_PROMISE: Final = re.compile(
    r"(?i)i (?:swear|promise)(?: (?:you|that|to you))*,? (?:that )?(?:(?:i'll|i will"
    r"|i'm going to|to) )(?P<what>.+)"
    r"|(?:i'll|i will|i'm going to|we'll) (?P<later>(?:come back|be back|return"
    r"|visit you|tell you|bring you|show you|send you|sing (?:it |for )?\w+|call you"
    r"|write (?:to )?you|play (?:it )?(?:for )?you|practi[cs]e|teach you|bake you"
    r"|make you|buy you|draw you|watch your|listen to your).*)"
)
_DID: Final = (
    "won|passed|failed|graduated|got|bought|sold|finished|started|quit|lost|found|met|visited|went|saw|broke|adopted|moved|wrote|painted|baked|cooked|made|ran|climbed|learned|learnt"
    "|published|released|recorded|performed|crashed|fell|hurt|twisted|burned|burnt|had|became|celebrated|planted|built|repaired|fixed|drove|flew|travelled|traveled|received|applied|signed"
    "|joined|left|missed|forgot|dropped|beat|scored|completed|caught|rode|swam|hiked|sang|danced|played|cleaned|stayed|proposed|married|argued|fought"
)
_EVENT: Final = re.compile(
    rf"(?i)(?:(?:i|we)(?:'ve| have)?(?: (?:just|finally|already|recently|also"
    rf"|actually|accidentally|almost|totally|even))*) (?P<did>(?:{_DID})\b(?!').*)"
    rf"|(?:i|we) was(?:n't)? (?P<was>(?:promoted|fired|robbed|accepted|rejected"
    rf"|invited|hired|chosen|elected|bitten|stung|hit by|in (?:the )?hospital"
    rf"|in an? accident|at the (?:doctor|hospital|dentist|beach|zoo|concert"
    rf"|museum))\b.*)|(?:i|we) were (?P<were>(?:at|in) the .+)"
)
_NO_EVENT: Final = re.compile(
    r"(?i)\b(?:you|your|it|that|this|hoshi|nothing|to go|idea|to say|a question"
    r"|a feeling|enough|the point|in trouble|mad|angry|tired|bored|sick of|used to"
    r"|a chance|distracted|curious|scared|hungry|up early|no|an? (?:bit|lot|while"
    r"|mistake|long day|bad day|great day|good day|nice day|rough day|hard day"
    r"|terrible day|moment|second))\b"
)
_SECRETS: Final = re.compile(
    r"(?i)\b(?:password|passcode|pin(?: code)?|credit card|card number|cvv|iban"
    r"|account number|social security|ssn|passport number|phone number)\b"
    r"|\d[\d -]{6,}\d|\S+@\S+\.\w+"
)


def is_secret(text: str) -> bool:
    """Whether a text holds what nobody should keep: passwords, numbers of cards and phones."""
    return _SECRETS.search(text) is not None


def doings_of(statement: Statement, today: date) -> Iterator[Change]:
    text, when = trimmed(statement.text), ""
    if led := _LEADING.match(text):
        text, when = trimmed(led["rest"]), led["when"]
    if found := _PROMISE.match(text):
        yield from _promise(found, when, today)
        return
    if found := next((each for plan in _PLANS if (each := plan.match(text))), None):
        yield from _plan(text, found, when, today)
        return
    if found := _GOING.fullmatch(text):
        is_timed = when or re.search(rf"(?i)\b{_WHEN}\b", text)
        if is_timed and not _NOT_PLANNED.search(text):
            yield from _going(found, when, today)
        return
    if found := _EVENT.fullmatch(text):
        did = found["did"] or found["was"] or found["were"]
        if (1 < len(did.split()) <= 14 and not _NO_EVENT.search(did)) or did.lower() in (
            "graduated",
            "promoted",
        ):
            verb = "" if found["did"] else ("was " if found["was"] else "were ")
            text = dated(said_of(f"{verb}{did}" + (f" {when}" if when else "")), today)
            yield told("event", did.lower(), text)
        return


def promise_in(reply: str, today: date) -> Iterator[Change]:
    """What a character promised in what it said."""
    for sentence in re.split(r"(?<=[.!?])\s+", reply):
        found = re.match(
            r"(?i)(?:(?:and|but|so|okay|yes|oh"
            r"|aw)[, ]+)*(?:i promise(?: you)?(?: that)?,? (?:i'll|i will"
            r"|to) (?P<what>[\w' ,-]+)|(?:i'll|i will) (?P<later>[\w' ,-]+ (?:tomorrow"
            r"|next time|later|soon|one day|next week|tonight)))(?:,? i promise)?[.!]*$",
            sentence.strip(),
        ) or re.match(
            r"(?i)(?:i'll|i will) (?P<what>[\w' ,-]+?),? (?P<later>i promise)[.!]*$",
            sentence.strip(),
        )
        if found:
            what = found["what"] or found["later"]
            yield Learned(
                Fact("promise", f"hers/{_slot(what)}", f"to {dated(what, today)}", "hers")
            )


def _promise(found: re.Match[str], when: str, today: date) -> Iterator[Change]:
    what = trimmed(found["what"] or found["later"]) + (f" {when}" if when else "")
    if not found["what"] and re.fullmatch(r"(?i)(?:be back|tell you|show you)", what):
        return
    yield told("promise", what.lower(), f"promised to {dated(said_of(what), today)}")


def _plan(text: str, found: re.Match[str], when: str, today: date) -> Iterator[Change]:
    groups = {name: trimmed(value) for name, value in found.groupdict().items() if value}
    [(name, what)] = groups.items()
    if re.match(
        r"(?i)(?:see|talk|speak|hear|chat|meet)(?: to| from| with)? you|be (?:with|here|there)",
        what,
    ) or re.search(r"(?i)\b(?:you|your)\b", what):
        return
    if when:
        what = f"{what} {when}"
    what = dated(said_of(what), today)
    verb = {
        "to": "plans to",
        "ing": "is thinking of",
        "become": "wants to",
        "dream": "dreams of being able to",
        "dreaming": "dreams of",
    }[name]
    if name == "to" and re.search(r"(?i)\bhop(?:e|ing)\b", text):
        verb = "hopes to"
    if name == "become":
        what = re.sub(r"^becoming", "become", re.sub(r"^being", "be", what))
        what = re.sub(r"^learning", "learn", what)
    if name == "dream":
        verb = "dreams of the day to"
    yield told("plan", what.lower(), f"{verb} {what}")


def _going(found: re.Match[str], when: str, today: date) -> Iterator[Change]:
    groups = {name: trimmed(value) for name, value in found.groupdict().items() if value}
    [(name, what)] = groups.items()
    if when and when.lower() not in what.lower():
        what = f"{what} {when}"
    verb = {
        "to": "is going to",
        "ing": "is",
        "have": "has",
        "will": "is going to",
        "will2": "is going to",
    }[name]
    yield told("plan", what.lower(), f"{verb} {dated(said_of(what), today)}")


def told(kind: FactKind, about: str, text: str) -> Learned:
    return Learned(Fact(kind, f"{kind}/{_slot(about)}", text, trimmed(about)))


def _slot(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower())[:8])
