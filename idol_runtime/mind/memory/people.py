"""The pets and the people somebody lives with. English."""

import re
from collections.abc import Iterator
from typing import Final

from idol_runtime.mind.memory.facts import Change, Dropped, Fact, Learned
from idol_runtime.mind.memory.statements import Statement
from idol_runtime.mind.memory.wording import capitalised, said_of, trimmed

_SPECIES: Final = (
    "dog|puppy|cat|kitten|kitty|hamster|rabbit|bunny|guinea pig|parrot|budgie|canary|bird"
    "|goldfish|fish|turtle|tortoise|snake|lizard|gecko|horse|pony|rat|mouse|ferret|hedgehog"
    "|spider|tarantula|chicken|hen|goat|sheep|pig|cow|donkey|duck|iguana|chinchilla|axolotl"
    "|corgi|poodle|labrador|beagle|husky|golden retriever|german shepherd|bulldog|terrier"
    "|dachshund|collie|pug|chihuahua|retriever|frog|cockatoo|cockatiel|gerbil|bearded dragon"
    "|alpaca|llama"
)
_RELATION: Final = (
    "(?:(?:older|younger|little|big|elder|twin|half|step|baby|best|oldest|youngest|late"
    "|ex)[ -])*(?:sister|brother|mother|father|mom|mum|mommy|mummy|dad|daddy|wife|husband"
    "|partner|girlfriend|boyfriend|fiancée?|fiancee|spouse|daughter|son|child|kid|baby"
    "|grandmother|grandfather|grandma|grandpa|granny|granddaughter|grandson|grandchild|aunt"
    "|uncle|cousin|niece|nephew|twin|stepmother|stepfather|stepdad|stepmom|mother-in-law"
    "|father-in-law|sister-in-law|brother-in-law|roommate|flatmate|housemate|friend|boss"
    "|teacher|neighbou?r|colleague|crush)"
)
_FRIENDS: Final = re.compile(r"(?i)(?:best )?(?:friend|boss|teacher|neighbou?r|colleague|crush)s?$")
_COUNT: Final = (
    "(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|many|several|some|twin|\\d+)"
)
_NAME: Final = r"[A-ZÀ-Þ][\w'-]*(?: (?:and )?[A-ZÀ-Þ][\w'-]*)*"
_NAMES: Final = rf"{_NAME}(?:(?:,| and|, and) {_NAME})*"
_CALLED: Final = (
    r"(?:,? (?:named|called|whose names? (?:is|are)|who is called|who's called"
    r"|(?:and )?(?:its|his|her|their) names? (?:is|are)|(?:and )?(?:he|she|it)(?:'s"
    r"| is) (?:called|named))|,|:) ?"
)
_HAVE: Final = (
    r"(?:(?:i|we)(?: (?:also|still|now|do|just|currently|actually))*(?: have| own"
    r"| keep| adopted| got| bought| rescued)(?: got)?|i've(?: also| just)? (?:got"
    r"|adopted|rescued|had)|we've (?:got|adopted)|i'm the (?:proud )?(?:owner|father"
    r"|mother|parent) of|i'm (?:the )?(?:father|mother|dad|mom|mum) (?:of|to))"
)
_BEING: Final = (
    r"(?:is|are|was|'s|has|had|lives|live|works|work|loves|likes|plays|studies"
    r"|teaches|comes|just|got|passed|died)"
)
_HAS_PET: Final = re.compile(
    rf"(?i:{_HAVE})(?i: ({_COUNT}))?(?P<how>(?: [\w-]+){{0,3}}?)"
    rf" (?P<what>(?i:{_SPECIES})e?s?)(?:(?i:{_CALLED})(?P<name>\w[\w' ,-]*))?"
    r"(?i: (?:at home|from the shelter|from a shelter|last \w+|this \w+|recently"
    r"|yesterday|today|as pets?|as a pet|myself))?$"
)
_PET_NAME: Final = re.compile(
    rf"(?i:my|our)(?P<how>(?: [\w-]+)??) (?P<what>(?i:{_SPECIES})s?)(?i:'s name is"
    rf"| is called| is named|s are called|s are named|'s called|, who is called,?"
    rf"| names? (?:is|are)|'s names? (?:is|are)| are called| are named"
    rf"|'s name was) (?P<name>\w[\w' ,-]*)"
)
_PET_APPOSED: Final = re.compile(
    rf"(?i:my|our) (?P<what>(?i:{_SPECIES})),? (?P<name>[A-ZÀ-Þ][\w'-]*),?"
    rf" (?P<rest>(?i:{_BEING})\b.*|[a-z]+s\b.*)"
)
_PET_IS: Final = re.compile(rf"(?P<name>[A-ZÀ-Þ][\w'-]*) is (?i:my|our) (?P<what>(?i:{_SPECIES}))")
_PET_GONE: Final = re.compile(
    rf"(?i)(?:(?:my|our) (?P<what>{_SPECIES})(?: (?P<name>[\w'-]+))?,? (?:just |has "
    rf"|recently |sadly )?(?:died|passed away|passed|ran away|is dead|is gone"
    rf"|was put down|was run over|got lost)|i lost my (?P<lost>{_SPECIES})"
    rf"|we had to put our (?P<down>{_SPECIES}) (?:down|to sleep))\b.*"
)
_NO_PETS: Final = re.compile(
    rf"(?i)(?:i|we) (?:don't|do not|no longer)(?: really| actually)? (?:have"
    rf"|own)(?: (?:any|a|the|my|our))? (?P<what>pets?|{_SPECIES})s?(?: any ?more"
    rf"| any longer)?"
)
_HAS_FAMILY: Final = re.compile(
    rf"(?i:{_HAVE}|there's my|i live with)(?: (?i:{_COUNT}|my))? (?P<how>(?:(?!dog"
    rf"|cat)[\w-]+ ){{0,2}}?)(?P<what>(?i:{_RELATION})(?:s"
    rf"|ren)?)(?:(?i:{_CALLED})(?P<name>\w[\w' ,-]*))?"
)
_FAMILY_NAME: Final = re.compile(
    rf"(?i:my|our) (?P<what>(?i:{_RELATION})(?:s|ren)?)(?i:'s name is|'s names are"
    rf"|s' names are| is called| is named| are called| are named|'s called"
    rf"| names? (?:is|are)| goes by) (?P<name>\w[\w' ,-]*)"
)
_FAMILY_APPOSED: Final = re.compile(
    rf"(?i:my|our) (?P<what>(?i:{_RELATION})),? (?P<name>{_NAME}),?"
    rf" (?P<rest>(?i:{_BEING})\b.*|[a-z]+s\b.*)"
)
_FAMILY_IS: Final = re.compile(
    rf"(?i)(?:my|our) (?P<what>{_RELATION})(?P<is> is| was|'s) (?P<rest>(?:an? |the "
    rf"|from |[a-z]+ing as |\d+ years old).+|[a-z]+ years old|\d+)"
)
_FAMILY_DOES: Final = re.compile(
    rf"(?i)(?:my|our) (?P<what>{_RELATION}) (?P<rest>(?:lives?|works?|teaches|plays?"
    rf"|studies|comes|speaks|runs|owns|drives|moved to|got married|grew up) .+"
    rf"|got married)"
)
_FAMILY_PERSON: Final = re.compile(
    rf"(?P<name>{_NAME}) is (?i:my|our) (?P<what>(?i:{_RELATION}))"
    rf"|(?i:my) (?P<what2>(?i:(?:best )?friend|wife|husband|boss|partner|girlfriend"
    rf"|boyfriend|teacher)) (?i:is) (?P<name2>{_NAME})"
)
_MARRIED: Final = re.compile(
    rf"(?i:i'm|i am|we're|i'm happily|i am happily|i got"
    rf"|i just got) (?P<how>(?i:happily )?(?i:married|engaged|divorced|single"
    rf"|widowed))(?: (?i:to) (?P<name>{_NAME}))?(?: .*)?"
)
_NO_FAMILY: Final = re.compile(
    rf"(?i)(?:i|we) (?:don't|do not)(?: really)? have (?:any |an? )?(?P<what>siblings"
    rf"|kids|children|{_RELATION})(?:s|ren)?"
)
_APART: Final = re.compile(
    r"(?i)(?:i (?:just )?broke up with|i(?:'m| am) (?:no longer|not) (?:with"
    r"|married to)|i split up with|i got divorced from"
    r"|i divorced) my (?P<what>\w+).*"
)


def people_of(statement: Statement) -> Iterator[Change]:
    text = trimmed(statement.text)
    yield from _pets(text, statement)
    yield from _family(text, statement)


def _pets(text: str, statement: Statement) -> Iterator[Change]:
    name: str | None
    if found := _PET_GONE.fullmatch(text):
        what = (found["what"] or found["lost"] or found["down"]).lower()
        yield Dropped(f"pet/{what}")
        how = "ran away" if re.search("ran away|got lost", text) else "died"
        name = f" {found['name']}" if found["name"] and found["name"][0].isupper() else ""
        yield Learned(Fact("event", f"event/{what} gone", f"had a {what}{name} that {how}", what))
    elif found := _NO_PETS.fullmatch(text):
        what = found["what"].lower()
        if what.startswith("pet"):
            yield Dropped("pet/")
            yield Learned(Fact("pet", "pet/none", "has no pets", "none"))
        else:
            yield Dropped(f"pet/{what}")
    elif found := _PET_NAME.fullmatch(text):
        yield from _pet(found["what"], _names(found["name"], statement), "", "")
    elif found := _PET_APPOSED.fullmatch(text) or _PET_IS.fullmatch(text):
        yield from _pet(found["what"], found["name"], "", "")
    elif found := _HAS_PET.fullmatch(text):
        name = "" if not found["name"] else _names(found["name"], statement)
        how = found["how"].strip()
        if name is not None and not re.search(
            r"(?i)\b(?:like|as|toy|stuffed|to|my|your|of|for|no|hot|cold)\b", how
        ):
            yield from _pet(found["what"], name, found[1] or "", how)


def _pet(what: str, name: str | None, count: str, how: str) -> Iterator[Change]:
    if name is None:
        return
    what = what.lower()
    one = re.sub(r"(?<!fi)s$", "", what) if what not in ("mice", "fishes") else what
    one = "puppy" if what == "puppies" else one
    called = f" named {name}" if name else ""
    number = (
        count
        if count and count.lower() not in ("an", "a", "one")
        else ("an" if (how or what)[0] in "aeiou" else "a")
    )
    if what != one and not count:
        number = "some"
    head = " ".join(filter(None, [number, how, what]))
    yield Dropped("pet/none")
    yield Learned(Fact("pet", f"pet/{one}", f"has {head}{called}", name or what))


def _family(text: str, statement: Statement) -> Iterator[Change]:
    if found := _APART.fullmatch(text):
        yield Dropped(f"family/{found['what'].lower()}")
        yield Learned(
            Fact(
                "event",
                "event/apart",
                said_of(re.sub(r"(?i)^i (?:just )?", "", text)),
                found["what"],
            )
        )
    elif found := _NO_FAMILY.fullmatch(text):
        what = found[0].split("have ", 1)[1]
        yield Learned(
            Fact(
                "family",
                f"family/{_one(found['what'])}",
                f"has no {re.sub('^(?:any|an?) ', '', what)}",
                "none",
            )
        )
    elif found := _FAMILY_NAME.fullmatch(text):
        if name := _names(found["name"], statement):
            yield _relative(found["what"], f"named {name}", name)
    elif found := _FAMILY_APPOSED.fullmatch(text):
        yield _relative(found["what"], f"named {found['name']}", found["name"])
    elif found := _FAMILY_PERSON.fullmatch(text):
        name = found["name"] or found["name2"]
        yield _relative(found["what"] or found["what2"], f"named {name}", name)
    elif found := _MARRIED.fullmatch(text):
        how, name = found["how"].lower(), found["name"]
        if how in ("single", "divorced") or not name:
            yield Learned(Fact("family", "family/married", f"is {how}", how))
        else:
            yield Learned(Fact("family", "family/married", f"is {how} to {name}", name))
    elif found := _FAMILY_DOES.fullmatch(text) or _FAMILY_IS.fullmatch(text):
        rest = found["rest"]
        verb = ""
        if "is" in found.groupdict():
            verb = "was " if found["is"] == " was" else "is "
            if re.fullmatch(r"(?i)\d+", rest):
                rest += " years old"
        if len(rest.split()) <= 10 and not re.match(
            r"(?i)(?:the best|the one|a bit|a little)\b", rest
        ):
            yield _relative(found["what"], f"who {verb}{said_of(rest)}", rest)
    elif found := _HAS_FAMILY.fullmatch(text):
        how = found["how"].strip()
        if re.search(r"(?i)\b(?:good|no|like|for|of|to|your)\b", how):
            return
        name = _names(found["name"], statement) if found["name"] else ""
        if name is None:
            return
        count = re.search(rf"(?i)\b({_COUNT}) (?:[\w-]+ )*?{re.escape(found['what'])}", text)
        number = count[1] if count else "a"
        lives = re.match(r"(?i)i live with", text) is not None
        verb = "lives with" if lives else "has"
        if lives and not count:
            number = "their"
        called = f" named {name}" if name else ""
        what = " ".join(filter(None, [number, how, found["what"].lower()]))
        yield Learned(
            Fact("family", f"family/{_one(found['what'])}", f"{verb} {what}{called}", name or what)
        )


def _relative(what: str, told: str, value: str) -> Learned:
    what = what.lower()
    article = (
        ""
        if re.search(r"(?:[^s]s|ren)$", what) and not what.endswith("boss")
        else ("an " if what[0] in "aeiou" else "a ")
    )
    if "best" in what and article:
        article = "a "
    slot = f"family/{_one(what)}" + ("" if told.startswith("named") else f"/{told.split()[1]}")
    return Learned(Fact("family", slot, f"has {article}{what} {told}", value))


def _one(what: str) -> str:
    what = what.lower()
    return re.sub(
        r"(?<=[^s])s$", "", {"children": "child", "kids": "child", "kid": "child"}.get(what, what)
    )


def _names(text: str, statement: Statement) -> str | None:
    """The names that a text is, if it is nothing else."""
    text = trimmed(re.split(r"\s+(?:because|who|which|that|but|so|he|she|they|it|we|i)\b", text)[0])
    if not text or len(text.split()) > 6:
        return None
    words = re.split(r"(?:,? and |, ?| )", text)
    if statement.is_cased and all(word[:1].isupper() for word in words):
        return text
    if len(words) <= 3 and not any(
        word.lower() in ("not", "so", "very", "really", "a", "the", "my", "sick", "cute")
        for word in words
    ):
        return " and ".join(capitalised(each) for each in re.split(r",? and |, ?", text))
    return None
