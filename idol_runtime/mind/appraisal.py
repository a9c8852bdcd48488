"""What somebody does to a character by what they say: is it kind, hurtful, a gift, an apology?"""

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Deed: TypeAlias = Literal["kind", "hurtful", "gift", "apology"]

_VERY: Final = (
    r"(?:(?:so|such|an?|the|really|very|too|most|just|always|pretty|my|bloody|fucking|little|total|"
    r"complete|absolutely)\s+){0,3}"
)
_YOU_ARE: Final = r"\byou(?:'re| are|r|re| look| sound| seem| sing| sang| were)\s+" + _VERY
_KIND_WORDS: Final = (
    r"(?:great|sweet|kind|nice|cute|beautiful|pretty|lovely|amazing|awesome|wonderful|adorable|"
    r"funny|smart|clever|talented|brilliant|cool|fantastic|incredible|perfect|good|best|helpful|"
    r"gorgeous|charming|friend|favou?rite|beautifully|wonderfully|well)\b"
)
_HURTFUL_WORDS: Final = (
    r"(?:stupid|dumb|ugly|boring|useless|annoying|awful|terrible|horrible|pathetic|worthless|lame|"
    r"disgusting|fat|fake|liar|idiot|moron|fool|loser|bitch|trash|garbage|the worst|worst|weird|"
    r"crap|shit|ridiculous|dull|mean|bad)\b"
)
_APOLOGY: Final = (
    r"\bi(?:'?m| am) (?:so |very |really |truly )?sorry "
    r"(?:for|about|that i|i (?:was|said|did|hurt)|if i)\b",
    r"\bi apologi[sz]e\b|\bforgive me\b|\bi didn'?t mean (?:it|that|to)\b",
    r"\bperdóname\b|\blo siento mucho\b",
    r"許して|ごめんなさい|ごめんね|原谅我|对不起",
)
_GIFT: Final = (
    r"\b(?:here(?:'s| is)|i have)\b[^.?!]{0,40}\b(?:for you|gift|present|flowers?|cake|cookies?)\b",
    r"\bi (?:brought|bought|baked|made|got) (?:you|something for you)\b",
    r"\b(?:this|it)(?:'s| is) (?:a (?:gift|present) )?for you\b",
    r"\b(?:gives?|hands?) you (?:a|an|some|the)\b",
    r"\b(?:te traje|es para ti|un regalo para ti)\b",
    r"プレゼント(?:です|だよ|あげる)|送给你|送你",
)
_HURTFUL: Final = (
    _YOU_ARE + _HURTFUL_WORDS,
    _YOU_ARE + r"(?:not|never)\s+" + _VERY + _KIND_WORDS,
    r"\b(?:you (?:suck|stink|disgust me)|shut up|go to hell|screw you|fuck (?:you|off))\b",
    r"\b(?:get lost|nobody likes you)\b",
    r"\bi (?:really |so )?(?:hate|despise|can't stand|don't like|do not like) you\b",
    r"\bi (?:hate|don't like) (?:your|the way you)\b",
    r"^(?:what an? |you )?(?:stupid |dumb )?(?:idiot|moron|loser|liar|bitch)\W*$",
    r"\beres (?:muy |tan )?(?:tont[ao]|fe[ao]|estúpid[ao]|aburrid[ao]|idiota)\b",
    r"\b(?:te odio|cállate)\b",
    r"ばか|バカ|馬鹿|うざい|嫌い|ブス|黙れ|笨蛋|讨厌你|白痴|闭嘴|恨你|丑八怪",
)
_KIND: Final = (
    _YOU_ARE + _KIND_WORDS,
    _YOU_ARE + r"(?:not|never)\s+" + _VERY + _HURTFUL_WORDS,
    r"\bi (?:really |do |just |so )?"
    r"(?:love|like|adore|miss(?:ed)?|appreciate|admire) you\b(?! to\b)",
    r"\bi (?:really )?(?:love|like|adore) (?:your|the way you|talking (?:to|with) you)\b",
    r"\b(?:thank you|thanks|thx|good job|well done|great job|you rock|bravo|proud of you)\b",
    r"\b(?:nice to (?:meet|see) you|good to see you)\b",
    r"\b(?:(?:muchas )?gracias|te quiero)\b",
    r"\beres (?:muy |tan )?(?:simpátic[ao]|guap[ao]|lind[ao]|genial|buen[ao]|amable)\b",
    r"ありがとう|大好き|可愛い|かわいい|すてき|素敵|谢谢|喜欢你|爱你|可爱|你真好|太棒了",
)
_WORDS: Final[tuple[tuple[Deed, tuple[str, ...]], ...]] = (
    ("hurtful", _HURTFUL),
    ("apology", _APOLOGY),
    ("gift", _GIFT),
    ("kind", _KIND),
)
_PATTERNS: Final = tuple(
    (deed, re.compile("|".join(patterns), re.IGNORECASE)) for deed, patterns in _WORDS
)
"""The first that is found counts."""
_UNSAID: Final = re.compile(
    r"\b(?:if|would|wouldn't|they|he|she|people|someone|somebody|who)\b[^.?!]{0,20}$", re.I
)
"""What stands before words that are not said to the character."""
MAX_CHARS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Effect:
    """What a deed changes at once, before the character's own sensitivity."""

    valence: float
    arousal: float
    affinity: float


EFFECTS: Final[dict[Deed, Effect]] = {
    "kind": Effect(0.25, 0.1, 0.06),
    "hurtful": Effect(-0.6, 0.25, -0.15),
    "gift": Effect(0.35, 0.2, 0.1),
    "apology": Effect(0.3, -0.1, 0.05),
}


def deed_of(said: str) -> Deed | None:
    """What a line does to whom it is said to, or None where it is about something else."""
    line = said[:MAX_CHARS].replace("’", "'")
    for deed, pattern in _PATTERNS:
        if (found := pattern.search(line)) and not _UNSAID.search(line[: found.start()]):
            return deed
    return None
