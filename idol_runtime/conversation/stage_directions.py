"""Which marked words of a reply are a stage direction (`*smiles*`) and which are said (`*really*`).

A reply is written by a language model, so this is a reading, not a grammar: what the body is known
to do is a direction wherever it stands, unless the sentence needs it (`I *laugh* at that`); other
words are one only where they stand alone, between sentences.
"""

import re
from typing import Final

from idol_protocol.channels import FEELINGS, GAZES, GESTURES, STRENGTHS
from idol_runtime.conversation.gesture_words import gesture_named, gestures_in, is_plain
from idol_runtime.timeline import Doing, Emote, Gaze, Gesture, ReplyCue


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EMOTES: Final = _words(
    "smile grin smirk laugh giggle chuckle snicker cackle sigh gasp wink blush blink pout frown "
    "cry sob sniff sniffle yawn shiver shudder tremble gulp cough hiccup sneeze purr meow squeal "
    "groan whimper growl snort hug cuddle snuggle nuzzle facepalm hum mumble mutter beam"
)
"""What is a direction in its plain form too: `*giggle*`."""
_SIGHTS: Final = _EMOTES | _words(
    "bounce exhale fidget gaze glance hesitate hop inhale kiss lean pause smooch squeak sulk tilt "
    "twirl whisper whistle"
)
"""What can hardly be meant otherwise, wherever it stands."""
_ACTIONS: Final = _EMOTES | _words(
    "adjust approach arch bat bite blow bounce breathe brighten bring brush clasp clear clench "
    "close cock collapse cover cross curl dance deadpan drool duck emerge exhale extend faint "
    "fall fidget fix flail flick flinch flip flop flutter fold freeze furrow fume gaze gesture "
    "glance glare gleam glow grab grimace hesitate hide hiss hop huff inhale inflate jump kick "
    "kiss kneel lean leap lick lift light listen look lower melt mimic moan motion munch narrow "
    "nibble nudge open pace pat pause peek peer perk pinch place play poke pose pounce prance "
    "press puff pull pump push put raise reach recoil relax reply retreat rest roll rub run rush "
    "salute scoff scoot scowl scratch scrunch shake shift shuffle shush shut sing sip sit skip "
    "slap slump smooth snap sneak sparkle speak spin spread squeak squeeze squint squirm stand "
    "stare step stick stomp stop stretch stroke strum strut stumble stutter sulk swallow sway "
    "swing take tap tear tease throw tickle tilt touch trail trip tuck tug turn twinkle twirl "
    "twist twitch type wag wail wait wake walk watch wave whine whisper whistle widen wiggle "
    "wince wipe wonder wrap wrinkle write"
)
_MOODS: Final = _words(
    "happy joy joyful sad sadness angry anger fear scared surprise surprised disgust neutral "
    "excited shy calm bored confused curious embarrassed love proud relaxed serious sleepy smirk "
    "thinking tired worried"
)
"""What character cards ask models to write in brackets: `[joy]`."""
_FEELINGS_OF: Final[dict[str, ReplyCue]] = {
    **dict.fromkeys(("joy", "joyful", "love", "proud"), Emote("happy")),
    "excited": Emote("happy", 1.0),
    "sadness": Emote("sad"),
    "anger": Emote("angry"),
    "surprise": Emote("surprised"),
    **dict.fromkeys(("fear", "scared", "worried"), Emote("surprised", 0.35)),
    "calm": Emote("relaxed"),
}
"""What other models mean by some of them."""
_CUES: Final[tuple[ReplyCue, ...]] = (
    *(Emote(name, level) for name in FEELINGS for level in STRENGTHS.values()),
    *map(Gaze, GAZES),
    Doing("dance"),
)
_TAGS: Final[dict[str, ReplyCue]] = _FEELINGS_OF | {cue.tag: cue for cue in _CUES}
_KEYS: Final = r"act|action|anim|animation|emote|emotion|expression|face|mood|motion|pose|gesture"
_KEYED: Final = re.compile(rf"(?:{_KEYS})\s*[:=]\s*(?P<value>[a-z][a-z_ -]*)", re.IGNORECASE)

_SUBJECTS: Final = _words("he she it who that which this everyone everybody someone nobody")
_BEFORE_NOUNS: Final = _words(
    "a an the my your his her its our their some any no every each these those of for in on "
    "at by with from about"
)
_BEFORE_VERBS: Final = _words(
    "i you we they to is are was were am be been being will would can could should must may might "
    "shall do does did don't doesn't didn't can't won't cannot not never always just even really "
    "very so too also only and or but if when let let's please"
)
_LEADS: Final = _SUBJECTS | _BEFORE_NOUNS | _BEFORE_VERBS
"""After these a marked verb is part of the sentence, in one form or another."""
_SPEAKERS: Final = _words("i i'm i'll i've i'd you you're we we're it it's that's what so not very")
_NO_VERB: Final = _words(
    "yes is was has does this his hers its us always thanks perhaps sometimes as less unless plus "
    "besides towards congrats yours ours theirs guys something anything nothing everything thing "
    "things king ring spring bring sing string wing during morning evening amazing interesting "
    "being"
)
_NOUNS: Final = _words(
    "points hearts waves looks turns bows claps cheers shakes steps plays stops lights rests "
    "takes tears types watches dances kisses"
)
_SAID_LY: Final = _words(
    "really absolutely totally definitely finally exactly literally certainly actually honestly "
    "seriously probably obviously clearly hopefully only truly possibly surely simply especially "
    "completely early daily family lovely friendly lonely likely"
)
_ABOUT: Final = r"her|his|their|its|my|your|both|one"
_WAYS: Final = (
    r"at|around|away|up|down|over|closer|back|forward|towards?|into|onto|out|with|in|on|to|from|"
    r"across|through|off|under|behind|slightly|a"
)
_SHAPE: Final = re.compile(
    rf"(?:\w+ly\s+)?(?P<verb>\w{{2,}}(?:s|ing))\s+(?:{_ABOUT}|{_WAYS}|\w+ly)\b", re.IGNORECASE
)
"""`flips her hair`, `glances away`, `hums softly`: any verb that the body could do."""
_THIRD: Final = re.compile(r"(?:she|he|they|her|his|their)\s", re.IGNORECASE)
_JOINS: Final = ",;:，；：、—–-&/%+=@#$"
"""After these a sentence goes on."""
_CLOSERS: Final = "\"'”’)]}»」』）】*_"


def is_direction(words: str, before: str, after: str, *, is_strong: bool = False) -> bool:
    """Whether `*words*` is done, not said.

    Args:
        words: What stands between the marks.
        before: The end of the text before them; empty at the beginning of a line.
        after: The next character that is no space; empty at the end of a line.
        is_strong: Two marks on each side (`**words**`): only what the body is known to do.
    """
    words = " ".join(words.split())
    known = _is_known(words)
    if is_alone(before):
        if known:
            return not (after.islower() and _is_plain_or_gerund(words))
        return not is_strong and not after.islower() and _reads_alone(words, after)
    if gestures_in(words) and not is_plain(words):
        return True
    if is_plain(words) or _is_noun(words) or words.lower().endswith(("ing", "ed")):
        return False
    if " " not in words:
        known = _does(words, _SIGHTS)  # the star *glows*, she *giggles*
    return known and _last_word(before) not in _leads_to(words)


def begins_direction(words: str, before: str) -> bool:
    """Whether words after a mark that is never closed are done: `*smiles softly`."""
    first = words.split(None, 1)[0] if words.strip() else ""
    return is_alone(before) and not is_plain(first) and _is_known(words) and first.islower()


def is_bracketed_direction(words: str, before: str, *, is_square: bool) -> bool:
    """Whether `(words)` or `[words]` is done: `(laughs)`, `[sighs softly]`.

    Round brackets hold asides more often (`(walking distance)`), so there it takes a clear sight.
    """
    words = " ".join(words.split()).lower()
    first, *later = words.split(" ")
    if not words or is_plain(first) or first in _LEADS or (_is_noun(words) and later):
        return False
    if _is_noun(words) and not is_alone(before):
        return False
    if first.endswith(("ing", "ed")) and later and not _is_manner(later[0]):
        return False
    return _does(words, _ACTIONS if is_square else _SIGHTS)


def _is_manner(word: str) -> bool:
    """What goes on with a verb of the body: laughing `softly`, nodding `her` head."""
    return word.endswith("ly") or re.fullmatch(_ABOUT, word) is not None


def read_tag(words: str) -> list[ReplyCue] | None:
    """The cues of the words of a tag in square brackets that is no text; None for text."""
    words = " ".join(words.split()).lower()
    if keyed := _KEYED.fullmatch(words):
        value = keyed["value"].replace("_", " ").replace("-", " ").strip()
        if (cue := _TAGS.get(value)) is not None:
            return [cue]
        name = gesture_named(value.split(" ", 1)[0])
        names = gestures_in(value) or ([name] if name else [])
        return [*map(Gesture, names)]
    if (cue := _TAGS.get(words)) is not None:
        return [cue]
    if (name := gesture_named(words)) is not None:
        return [Gesture(name)]
    return [] if words in _MOODS else None


def begins_tag(words: str) -> bool:
    """Whether a reply that breaks off within square brackets was about to write a tag."""
    words = words.lower()
    is_action = "_" in words and re.fullmatch(r"\w+ ?", words) is not None
    is_some = len(words.strip()) > 1
    return is_action or any(is_some and tag.startswith(words) for tag in (*_TAGS, *GESTURES))


def is_alone(before: str) -> bool:
    """Whether what follows `before` begins a sentence."""
    text = before.rstrip().rstrip(_CLOSERS).rstrip()
    return not text or not (text[-1].isalnum() or text[-1] in _JOINS)


def _is_known(words: str) -> bool:
    """Whether the body is known to do this."""
    lowered = words.lower()
    if _does(words, _ACTIONS):
        return True
    if _THIRD.match(lowered) or words[:1].isupper():  # Hoshi giggles softly; Eyes sparkling
        later = re.findall(r"[\w'-]+", words)[1:3]
        return any(part.endswith(("s", "ing")) and _base(part) is not None for part in later)
    shape = _SHAPE.match(lowered)
    return shape is not None and shape["verb"] not in _NO_VERB | _LEADS


def _does(words: str, actions: frozenset[str]) -> bool:
    """Whether they begin with one of these verbs, adverbs before it apart, or name a gesture."""
    lowered = words.lower()
    parts = re.findall(r"[\w'-]+", lowered)
    while len(parts) > 1 and parts[0].endswith("ly"):
        del parts[0]
    if not parts:
        return False
    return bool(gestures_in(lowered)) or parts[0] in _EMOTES or _base(parts[0]) in actions


def _reads_alone(words: str, after: str) -> bool:
    """Whether words between two sentences that name nothing known are a direction all the same."""
    lowered = words.lower()
    first = re.split(r"[^\w']", lowered, maxsplit=1)[0]
    if words[-1] in "!?！？" or first in _SPEAKERS or after in (",", "!", "?", ";", ":"):
        return False
    if words[0].isupper():
        return _THIRD.match(words) is not None
    if " " in words or not words.isascii():
        return True
    if lowered.endswith("ly"):
        return lowered not in _SAID_LY
    is_verb = lowered.endswith(("s", "ing")) and not lowered.endswith("ss")
    return is_verb and lowered not in _NO_VERB


def _is_plain_or_gerund(words: str) -> bool:
    """`smile`, `singing`: what could be the subject of the words that follow in lower case."""
    lowered = words.lower()
    return " " not in lowered and (lowered.endswith("ing") or lowered in _EMOTES)


def _leads_to(words: str) -> frozenset[str]:
    """The words after which a sentence may go on with these."""
    if " " in words:
        return _SUBJECTS
    return _SUBJECTS | _BEFORE_NOUNS if words.lower().endswith("s") else _LEADS


def _is_noun(words: str) -> bool:
    """A form that is as often a noun: `ten (points)`, `sound (waves)`."""
    return words.lower() in _NOUNS


def _last_word(before: str) -> str:
    parts = re.findall(r"[\w'’]+", before)
    return parts[-1].lower().replace("’", "'") if parts else ""


def _base(word: str) -> str | None:
    """The plain form of `smiles`, `hugging`, `cried`, where it is an action."""
    for stem in _stems(word):
        if stem in _ACTIONS:
            return stem
    return None


def _stems(word: str) -> list[str]:
    if word.endswith("ies") or word.endswith("ied"):
        return [word[:-3] + "y", word[:-1]]
    if word.endswith("s"):
        return [word[:-1], word[:-2]]
    for ending in ("ing", "ed"):
        if word.endswith(ending):
            stem = word[: -len(ending)]
            doubled = stem[-1:] == stem[-2:-1]
            return [stem, stem + "e", *([stem[:-1]] if doubled else [])]
    return []
