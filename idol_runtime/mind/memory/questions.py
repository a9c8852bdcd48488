"""What somebody asks about themselves. English, and the name in some other languages."""

import re
from dataclasses import dataclass
from typing import Final

_ASK: Final = (
    r"(?i)^(?:.*[.!,…-] *)?(?:(?:and|but|so|okay|ok|hey|hm+|well|wait|now|please"
    r"|hoshi|quick|then|oh)[, ]+)*"
    r"(?:(?:can|could|do|would|did) you (?:please )?(?:still |even |actually |happen to )?"
    r"(?:know|remember|recall|tell me|say|guess|forget|repeat)"
    r"|tell me|remind me|say|you (?:still )?(?:know|remember)|i wonder|guess|have you forgotten"
    r"|i bet you (?:don't know|forgot)|i forgot|let's see if you (?:know|remember)"
    r"|test|what did i (?:say|tell you))?"
    r"[,:]? *"
)
_AGAIN: Final = (
    r"(?: again| now| then| today| right| please| still| by the way| anyway| btw| exactly| really"
    r"| was| is| hoshi|,)*"
)
_PETS: Final = r"pets?|dogs?|cats?|animals?|hamster|rabbit|parrot|bird|fish|horse|puppy|kitten"
_KIN: Final = (
    r"(?:(?:older|younger|little|big|best|twin) )*(?:sister|brother|mother|father"
    r"|mom|mum|dad|wife|husband"
    r"|partner|girlfriend|boyfriend|daughter|son|child|kid|grandmother|grandfather"
    r"|grandma|grandpa|aunt"
    r"|uncle|cousin|niece|nephew|friend|roommate|boss|teacher|sibling)(?:s|ren)?"
)


def _asked(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"{_ASK}(?:{pattern}){_AGAIN}[\s?!.…]*$")


_NAME: Final = _asked(
    r"(?:what(?:'s| is| was)? |who is )?my (?:own |first |full |real )?name"
    r"|what (?:i'm|i am|am i) called|who (?:am i|i am)"
    r"|what (?:do|did|should|can) (?:i|you) call me|what my name (?:is|was)"
    r"|my name (?:is|was)|how (?:am i|i am|i'm) called"
    r"|what name (?:did i (?:give|tell) you|do i have)|what people call me"
    r"|what is it that i'm called|what i said my name (?:is|was)"
)
_ME: Final = re.compile(
    r"(?i)^(?:.*[.!,…-] *)?(?:(?:hi|hey|hello|so|and|but|well|hoshi"
    r"|oh)[, ]+)*(?:do you (?:still |even |really |actually )?(?:remember|recognise"
    r"|recognize|know) (?:me|who (?:i am|this is|you're talking (?:to|with)))"
    r"|(?:you )?remember me|you (?:don't )?remember me(?:,? (?:right|don't you"
    r"|do you))?|have we met(?: before)?|did you (?:forget|miss) me"
    r"|have you forgotten me|you know me,? (?:right|don't you)?"
    r"|guess who(?: (?:it is|is back|this is))?|do i know you|don't you (?:remember"
    r"|know|recognise|recognize) me)(?: still| again| now| at all| from yesterday"
    r"| from (?:last|the other) \w+|,|hoshi| )*[\s?!.…]*$"
)
_ALL: Final = re.compile(
    r"(?i)^(?:.*[.!,…-] *)?(?:(?:so|and|but|well|hey|hoshi|now|okay"
    r"|ok)[, ]+)*(?:tell me )?(?:what(?: else)? (?:do|can|did) you (?:know|remember"
    r"|recall|tell me|learn) (?:about|of) me"
    r"|what (?:have|did) i (?:told|tell) you(?: about (?:me|myself))?|(?:everything"
    r"|something|anything|all) you (?:know|remember) about me|do you (?:know"
    r"|remember) (?:anything|something) about me"
    r"|what do you know about me|tell me (?:something |everything |all )?about (?:me"
    r"|myself)|who am i to you|describe me)(?: so far| already| by now| until now"
    r"| now| then|,|hoshi| )*[\s?!.…]*$"
)
_PLACE: Final = _asked(
    r"where (?:do i live|i live|am i from|i'm from|i am from|do i come from"
    r"|i come from|is my home|my home is|am i living|was i born|i was born"
    r"|did i grow up|i grew up|do i stay|am i based)(?: at| in)?"
    r"|(?:what|which) (?:city|town|country|place|village"
    r"|part of the world) (?:do i live in|i live in|am i from|i'm from|am i in"
    r"|do i come from|am i living in)|my (?:hometown|home town|city)|what(?:'s"
    r"| is) my (?:hometown|home town|city|home)"
)
_AGE: Final = _asked(
    r"how old (?:am i|i am|i'm)|what(?:'s| is) my age|my age|what age (?:am i|i am)"
)
_BIRTHDAY: Final = _asked(
    r"when(?:'s| is)? (?:is )?my birthday(?: is)?|when (?:was i|i was) born"
    r"|my birthday|what day (?:is my birthday|was i born)|(?:what|which) (?:day"
    r"|month|date) (?:is my birthday|my birthday is)(?: in| on)?"
)
_JOB: Final = _asked(
    r"what (?:do i|i) do(?: for (?:a living|work)| professionally| all day)"
    r"|what(?:'s| is) my (?:job|profession|occupation|work)|my job|where (?:do i"
    r"|i) work|what (?:do i|i) work as|what (?:kind of )?(?:job"
    r"|work) (?:do i (?:have|do)|i (?:have|do))"
    r"|what (?:do i|i|am i) (?:study|studying)|what my (?:job|profession) is"
    r"|how (?:do i|i) (?:earn|make) (?:my|a) living"
)
_PET: Final = _asked(
    rf"what(?:'s| is| are)? (?:is |are )?my (?P<pet>{_PETS})(?:'s?)? ?(?:name|names"
    rf"|called|named)?|(?:what|which)(?: kind of)? (?P<pet2>{_PETS}) (?:do i|i) have"
    rf"|(?:what(?:'s| is) )?(?:the )?name of my (?P<pet3>{_PETS})|what (?:do i"
    rf"|did i) (?:call|name) my (?P<pet4>{_PETS})"
    rf"|(?:do i have|if i have|that i have|whether i have) (?:an? "
    rf"|any )?(?P<pet5>{_PETS})|how my (?P<pet6>{_PETS}) is called"
    rf"|my (?P<pet7>{_PETS})(?:'s name)?|how many (?P<pet8>{_PETS}) (?:do i|i) have"
    rf"|who is my (?P<pet9>{_PETS})"
)
_FAMILY: Final = _asked(
    rf"what(?:'s| is| are)? (?:is |are )?my (?P<kin>{_KIN})(?:'s?)? ?(?:name|names"
    rf"|called|named|job)?|(?:what(?:'s| is) )?(?:the )?name of my (?P<kin2>{_KIN})"
    rf"|who(?:'s| is) my (?P<kin3>{_KIN})|(?:do i have|if i have) (?:an? "
    rf"|any )?(?P<kin4>{_KIN}|family)"
    rf"|how many (?P<kin5>{_KIN}) (?:do i|i) have|my (?P<kin6>{_KIN})(?:'s name)"
    rf"|what (?:does|do) my (?P<kin7>{_KIN}) do(?: for a living)?|where (?:does"
    rf"|do) my (?P<kin8>{_KIN}) live"
)
_FAVOURITE: Final = _asked(
    r"(?:what|which|who)(?:'s| is| are)? ?(?:is "
    r"|are )?my favou?rite (?P<thing>[\w' -]+?)"
    r"|what my favou?rite (?P<thing2>[\w' -]+?) is"
    r"|my favou?rite (?P<thing3>[\w' -]+?)|(?:what|which) (?P<thing4>\w+) (?:do i"
    r"|i) (?:like|love) (?:the )?(?:best|most)"
)
_LIKES: Final = _asked(
    r"what (?:do i|i) (?:really )?(?:like|love|enjoy)(?: to (?:eat|do|drink"
    r"|listen to|watch|play|read)| doing| eating| most| best| the most)?"
    r"|what (?:am i|i'm) into|what my hobbies are|what(?:'s| is| are) my hobb(?:y"
    r"|ies)|what (?:things|kind of things) (?:do i|i) like"
)
_DISLIKES: Final = _asked(
    r"what (?:do i|i) (?:hate|dislike|not like|don't like)|what (?:don't i"
    r"|do i not) like|what (?:am i|i'm) (?:afraid|scared) of"
)
_ALLERGY: Final = _asked(
    r"what (?:am i|i'm|i am) allergic to|what my allergies are|(?:what are )?my allergies"
)
_DO_I: Final = _asked(
    r"(?:do i|if i|whether i|that i) (?:still |really )?(?P<verb>like|love|enjoy"
    r"|hate) (?P<thing>[\w' -]+?)"
)
_PLANS: Final = _asked(
    r"what (?:am i|i'm|are we) (?:going to do|doing|planning"
    r"|planning to do)(?: (?:tomorrow|next week|this weekend|on \w+day|next \w+"
    r"|later|tonight|soon))?|what (?:are my|my) plans(?: are)?(?: for .+)?"
    r"|where (?:am i|i'm) (?:going|travelling|traveling)(?: to)?(?: (?:tomorrow"
    r"|next \w+|soon|this \w+))?|what (?:do i have|i have)(?: planned)? (?:tomorrow"
    r"|next week|on \w+day|this weekend)"
)
_PROMISES: Final = _asked(r"what (?:did )?i promise(?:d)?(?: you)?(?: to do)?|my promise")
_FOREIGN: Final = (
    (
        "ja",
        re.compile(
            r"(?:私|僕|俺|わたし|ぼく)の名前(?:を|は|、|って)?(?:何|なん|覚え|おぼえ|わか|分か|知って)"
            r"|(?<!お)(?<!の)名前(?:を|は)?(?:覚え|おぼえ)"
            r"|(?:私|僕|俺|わたし|ぼく)(?:は|が|のこと)?(?:誰|だれ)(?:です|か|？|\?|$)"
        ),
    ),
    (
        "zh",
        re.compile(
            r"我叫什么|我的名字(?:是|叫)(?:什么|啥)|(?:记得|知道)我(?:的名字|叫什么|是谁)|我是谁"
        ),
    ),
    (
        "es",
        re.compile(
            r"(?i)c[oó]mo me llamo|cu[aá]l es mi nombre|(?:recuerdas|sabes) (?:c[oó]mo me llamo"
            r"|mi nombre)|te acuerdas de mi nombre|qui[eé]n soy"
        ),
    ),
    (
        "de",
        re.compile(
            r"(?i)wie hei(?:ß|ss)e ich|(?:was|wie) ist mein name"
            r"|wei(?:ß|ss)t du (?:noch,? )?(?:wie ich hei(?:ß|ss)e|meinen namen)"
        ),
    ),
    (
        "fr",
        re.compile(
            r"(?i)comment (?:est-ce que )?je m'appelle|quel est mon (?:pré)?nom"
            r"|te souviens de mon (?:pré)?nom"
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be known of who asks."""

    about: str
    """A kind of fact; `me` where somebody asks whether they are remembered, and `all` for what is
    known of them."""
    slot: str = ""
    """The beginning of the slots that answer it, where one kind has several."""
    thing: str = ""
    """What they ask about: `favourite food`, `dog`."""
    language: str = "en"


_ASKS: Final = re.compile(
    r"(?i)[?？]|\b(?:what|what's|where|who|when|how|which|do i|remember|recall|tell me|say|know"
    r"|guess|remind|forgot|forget|forgotten)\b"
)
_TWO: Final = re.compile(r"(?i)(?<=[?.!]) +|,? and (?=what|where|who|when|how|do )")
_LONGEST: Final = 200


def questions_in(said: str) -> tuple[Question, ...]:
    """What somebody asks about themselves; empty where they ask for something else as well."""
    if len(said) > _LONGEST:
        return ()
    if (whole := _question_in(said)) is not None:
        return (whole,)
    parts = [_question_in(each) for each in _TWO.split(said)]
    found = [each for each in parts if each is not None]
    return tuple(found) if len(found) == len(parts) else ()


def _question_in(said: str) -> Question | None:
    said = " ".join(said.replace("’", "'").split())
    for language, pattern in _FOREIGN:
        if pattern.search(said):
            return Question("name", "name", language=language)
    if not _ASKS.search(said):
        return None
    if _NAME.match(said):
        return Question("name", "name")
    if _ME.match(said):
        return Question("me")
    if _ALL.match(said):
        return Question("all")
    return _about_a_fact(said)


def _about_a_fact(said: str) -> Question | None:
    if (found := _FAVOURITE.match(said)) and " is " not in (thing := _group(found)):
        return Question(
            "like", f"favourite/{thing.lower().removesuffix('s')}", f"favourite {thing}"
        )
    if found := _PET.match(said):
        pet = _group(found).lower().removesuffix("s")
        return Question("pet", "pet/" if pet in ("pet", "animal") else f"pet/{pet}", pet)
    if found := _FAMILY.match(said):
        kin = _group(found).lower()
        kin = {"children": "child", "kids": "child", "kid": "child"}.get(kin, kin.removesuffix("s"))
        return Question(
            "family", "family/" if kin in ("family", "sibling") else f"family/{kin}", kin
        )
    if found := _DO_I.match(said):
        return Question("like", "taste/", found["thing"])
    for pattern, question in _SIMPLE:
        if pattern.match(said):
            return question
    return None


_SIMPLE: Final = (
    (_PLACE, Question("place", "", "where you live")),
    (_AGE, Question("age", "", "how old you are")),
    (_BIRTHDAY, Question("birthday", "", "when your birthday is")),
    (_JOB, Question("job", "", "what you do")),
    (_LIKES, Question("like", "", "what you like")),
    (_DISLIKES, Question("dislike", "", "what you do not like")),
    (_ALLERGY, Question("other", "allergy/", "what you are allergic to")),
    (_PROMISES, Question("promise", "promise/", "what you promised")),
    (_PLANS, Question("plan", "", "what you are going to do")),
)


def _group(found: re.Match[str]) -> str:
    return next(value for value in found.groupdict().values() if value).strip()
