"""What else somebody tells of themselves: habits, things, traits. English."""

import re
from collections.abc import Iterator
from typing import Final

from idol_runtime.mind.memory.doings import told
from idol_runtime.mind.memory.facts import Change, Fact, Learned
from idol_runtime.mind.memory.statements import Statement
from idol_runtime.mind.memory.wording import said_of, third_person, trimmed

_GENERIC: Final = re.compile(
    r"(?i)my (?P<what>(?:lucky number|lucky colou?r|star sign|zodiac sign|sign"
    r"|middle name|last name|surname|family name|nickname|maiden name"
    r"|native language|mother tongue|first language|nationality"
    r"|hobby|hobbies|main hobby|instrument|major|school|university|college|company"
    r"|employer|shop|bakery|restaurant|band|team|football team|club|ship|boat|car"
    r"|bike|bicycle|motorbike|truck|house|flat|apartment|guitar|piano|boss|hero|idol"
    r"|dream job|first job|best subject|worst subject"
    r"|blood type|height|shoe size|eye colou?r|hair colou?r|hair|eyes|pronouns"
    r"|time ?zone|allergy|secret talent|talent|username|handle|channel|stage name"
    r"|pen name|street|neighbou?rhood|village|country|home country|city))"
    r"(?:'s| is| are|'s name is|'s called| is called| is named)(?: (?:actually"
    r"|probably|still|now|always))* (?P<value>.+)"
)
_DOES: Final = re.compile(
    r"(?i)i (?:(?:can|also|still|usually|often|sometimes|currently|actually|really"
    r"|just|do|always|used to|only|even|regularly) )*(?P<verb>play|speak|collect"
    r"|paint|draw|sing in|dance|bake|knit|run|swim|surf|ski|climb|practi[cs]e|do"
    r"|coach|teach|write|own|drive|ride|grow|brew|breed|build|repair|volunteer|read"
    r"|watch|wear|drink|eat|keep|stream|fish|hunt|hike|cycle|garden|cook|study"
    r"|train) (?P<what>.+)"
)
_DOES_NOT_COUNT: Final = re.compile(
    r"(?i)(?:(?:you|your|it|that|this|them|for|along|about|too|so|well|my best"
    r"|the same|anything|nothing|something|what|how|not|to|for you|with you|a lot"
    r"|my (?:homework|head|mind|time|hands))\b|(?:yoga )?$)"
)
_LEARNING: Final = re.compile(
    r"(?i)i(?:'m| am| have been|'ve been)(?: (?:currently|also|trying to"
    r"|now))* (?:learning|learn|teaching myself|practi[cs]ing) (?P<what>(?!a lot"
    r"|so much|to love|that|about you|from|more|how you).+)"
)
_BEING: Final = re.compile(
    r"(?i)i(?:'m| am)(?: (?:a|an|the|also|actually|really|both|kind of|sort of"
    r"|very))* (?P<what>left-handed|right-handed|colou?r-?blind|vegan|vegetarian"
    r"|(?:strict )?vegetarian|pescatarian|morning person|night owl|early bird"
    r"|only child|middle child|twin|lactose intolerant|gluten intolerant|coeliac"
    r"|introvert|extrovert|ambidextrous|bilingual|(?:\d+|\d\.\d+|six|five) ?(?:cm|m"
    r"|met(?:er|re)s?|foot|feet|ft)(?: (?:\w+))? tall|(?:american|australian"
    r"|austrian|belgian|brazilian|british|canadian|chilean|chinese|colombian"
    r"|croatian|cuban|czech|danish|dutch|egyptian|english|filipino|finnish|french"
    r"|german|greek|hungarian|icelandic|indian|indonesian|iranian|irish|israeli"
    r"|italian|jamaican|japanese|kenyan|korean|malaysian|mexican|moroccan|nigerian"
    r"|norwegian|pakistani|peruvian|polish|portuguese|romanian|russian|scottish"
    r"|serbian|spanish|swedish|swiss|taiwanese|thai|turkish|ukrainian|vietnamese"
    r"|welsh))"
)


def habits_of(statement: Statement) -> Iterator[Change]:
    text = trimmed(statement.text)
    if found := _GENERIC.fullmatch(text):
        value = trimmed(re.split(r"(?i)\s+(?:because|but|so)\s", found["value"])[0])
        if 0 < len(value.split()) <= 7 and not re.match(
            r"(?i)(?:a mess|killing|broken|dead|so|very|really|too|not|great|good|bad|nice"
            r"|horrible|awful|terrible|getting|going|being|ok|okay|fine|mean|annoying"
            r"|an idiot|in the|dirty|messy|cold)\b",
            value,
        ):
            what = found["what"].lower()
            verb = "are" if re.search(r"(?:hobbies|eyes|pronouns)$", what) else "is"
            yield Learned(
                Fact(
                    "other",
                    f"other/{what}",
                    f"has a {what} that {verb} {said_of(value)}".replace("a hobbies", "hobbies")
                    .replace("a eyes", "eyes")
                    .replace("a pronouns", "pronouns"),
                    value,
                )
            )
    elif found := _BEING.fullmatch(text):
        what = found["what"].lower()
        noun = re.search(r"(?:person|owl|bird|child|twin|vert)$", what)
        article = ("an " if what[0] in "aeio" else "a ") if noun else ""
        nation = re.fullmatch(
            r"[a-z]+(?:an|ish|ese|ch|sh|ek|ss|ch|ai|ni|li|no|tch|german|thai|czech|dutch|greek)",
            what,
        ) and what not in ("vegan", "vegetarian", "pescatarian")
        shown = what.capitalize() if nation else what
        slot = "nationality" if nation else f"being/{what}"
        yield Learned(Fact("other", slot, f"is {article}{shown}", shown))
    elif found := _LEARNING.fullmatch(text):
        what = trimmed(found["what"])
        if len(what.split()) <= 8 and "you" not in what.lower().split():
            yield told("other", f"learning {what.lower()}", f"is learning {said_of(what)}")
    elif found := _DOES.fullmatch(text):
        what = trimmed(found["what"])
        if (
            len(what.split()) <= 8
            and not _DOES_NOT_COUNT.match(what)
            and not re.search(r"(?i)\b(?:you|your|tonight|today|now)\b", what)
        ):
            used = re.search(r"(?i)\bused to\b", text)
            verb = (
                f"used to {found['verb'].lower()} {said_of(what)}"
                if used
                else third_person(f"{found['verb']} {what}")
            )
            yield told("other", f"{found['verb']} {what}".lower(), verb)
