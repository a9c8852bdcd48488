"""What a user asks a character's body to do: `Please wave at me!`, `Dance for me!`.

A reading of English requests, and of the plainest ones in Japanese, Chinese and Spanish. It looks
for a verb in the place of a command, not anywhere: people talk of dances and of waves.
"""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from idol_runtime.stage.utterance import Line
from idol_runtime.timeline import Doing, Gesture, PlacedCue, ReplyCue

_VERBS: Final[dict[str, tuple[str, str]]] = {
    "wave": ("wave", "waving"),
    "bow": ("(?:bow|curtsy|curtsey)", "(?:bowing|curtsying)"),
    "nod": ("nod", "nodding"),
    "clap": ("(?:clap|applaud)", "(?:clapping|applauding)"),
    "cheer": ("cheer", "cheering"),
    "shrug": ("shrug", "shrugging"),
    "point": ("point (?=at|to|up|down|left|right|over)", "pointing"),
    "dance": ("dance", "dancing"),
}
"""What grants it, and its plain form and gerund."""
_PHRASES: Final[dict[str, str]] = {
    "shake": r"shake your head|shak(?:e|ing) your head",
    "heart": r"(?:make|show|form|do|give|draw|send)(?: (?:me|us|them))? (?:a|an?other|the|your|one)"
    r"(?: \w+){0,2}? hearts?(?: sign| shape| gesture)?(?! (?:attack|to heart|beat|rate))",
    "cheer": r"(?:raise|throw|put|lift) (?:up )?your (?:arms|hands)(?: up| in the air)?",
    "think": r"(?:strike|do|make|show)(?: (?:me|us))? (?:a|your) thinking (?:pose|face|gesture)",
    "dance": r"(?:bust|show)(?: (?:me|us))? (?:a|your|some) (?:dance )?moves?|start dancing",
}
_NOUNS: Final = r"(?P<noun>wave|bow|curtsy|nod|clap|cheer|shrug|dance|round of applause)"
_GRANTED_BY: Final = {"curtsy": "bow", "round of applause": "clap"}
_GIVE: Final = (
    r"(?:give|do|make|take|perform|show)(?: (?:me|us|him|her|them|everyone|everybody))?"
    r"(?: (?:a|an?other|one|one more|your best|your|that|the))(?: \w+)?? "
)
_AGAIN: Final = r"(?:a|another|one more|one)(?: \w+)?? "

_CALLS: Final = (
    r"(?:please|pls|plz|kindly|now|hey|hi|hello|ok|okay|so|well|oh|yes|yeah|alright|right|cool|"
    r"great|good|nice|come on|go on|go ahead|just|then|and|but|also|quick|quickly|first|[\w'-]+,)"
)
_POLITE: Final = (
    r"(?:can|could|would|will|won't|can't|couldn't) you(?: please| maybe| just| kindly| also|"
    r" perhaps)?|i(?: want|'d like| would like|'d love| would love| need) (?:you to|to see you)|"
    r"i wanna see you|(?:let me|lemme|let's|can i|may i|could i) (?:see|watch) you|"
    r"show (?:me|us) how you|try to|you (?:should|must|have to|may|can)|feel free to|"
    r"be so kind and|do me a favou?r and|don't be shy and|don't forget to|why don't you|"
    r"i (?:command|order|ask|beg) you to|time to|let's|make (?:her|him)|go"
)
_MIND: Final = r"(?:would|do) you mind|how about|what about|start|keep|try"
_HEAD: Final = rf"^(?:{_CALLS}[ ,]+)*(?:(?:{_POLITE}) )?(?:{_CALLS} )?"
_MIND_HEAD: Final = rf"^(?:{_CALLS}[ ,]+)*(?:{_MIND}) "
_NEXT: Final = (
    r"(?=$|,| (?:at|to|for|with|me|us|him|her|them|your|again|now|please|pls|like|once|twice|"
    r"thrice|if|and|then|or|hello|hi|goodbye|bye|back|everyone|everybody|in|on|a bit|a lot|"
    r"slowly|some|more|hands|while|when|as|together|around|along|right|before|after|the|this|that|"
    r"up (?:high|and)|deeply|politely|nicely|happily|wildly|loudly|too|real|really|one|two|three|"
    r"so|because|cause|hoshi|yes|no|baby|girl|darling|dear|until|till|\w+ times?|just|big|faster|"
    r"slower|harder|a little)\b)"
)
_COMMANDS: Final = {
    name: re.compile(
        rf"{_HEAD}{verb}(?! (?:is|are|was|back (?:pain|then)))(?:{_NEXT}|(?<= ))|"
        rf"{_MIND_HEAD}{gerund}{_NEXT}"
    )
    for name, (verb, gerund) in _VERBS.items()
}
_PHRASED: Final = {
    name: re.compile(rf"(?:{_HEAD}|{_MIND_HEAD})(?:{phrase})") for name, phrase in _PHRASES.items()
}
_GIVEN: Final = re.compile(
    rf"{_HEAD}(?:{_GIVE}{_NOUNS}\b(?! (?:function|class|lesson|floor|party|tie))|"
    rf"{_AGAIN}{_NOUNS.replace('noun', 'more')}(?:,? (?:please|pls|for me|for us|now)\b|$))"
)
_NEVER: Final = re.compile(
    r"\b(?:don't|do not|dont|never|stop|no need to|not to|quit|without|shouldn't|must not|"
    r"mustn't)\b(?! (?:be shy|forget to|you))"
)
_UP: Final = re.compile(r"\bcheer (?:me |us |him |her |them |yourself )?up\b|\bnod off\b")
_ENDS: Final = re.compile(r"[.!?;:…\n]+|,? (?:and|then|but)(?: then)? |\s[-–—]+\s")
_ELSEWHERE: Final = tuple(
    (name, re.compile(wish), re.compile(never))
    for name, wish, never in (
        ("wave", r"手を?(?:振|ふ)って", r"(?:振|ふ)らないで"),
        ("bow", r"お辞儀(?:を)?して|おじぎ(?:を)?して", r"しないで"),
        ("dance", r"踊って|おどって|ダンス(?:を)?して|踊りを見せて", r"踊らないで"),
        ("clap", r"拍手(?:を)?して", r"しないで"),
        ("nod", r"(?:うなず|頷)いて", r"(?:うなず|頷)かないで"),
        ("heart", r"ハート(?:を)?(?:作|つく|し|見せ)", r"しないで|作らないで"),
        ("wave", r"(?:挥挥手|挥手|挥个手|招手|招招手)", r"(?:不要|别|不用)[^，。！]*挥"),
        ("bow", r"(?:鞠躬|鞠个躬|行个礼)", r"(?:不要|别|不用)[^，。！]*鞠"),
        ("dance", r"(?:请|给|为|来|能)[^，。]*跳[^，。]*舞|^跳[个支]?舞", r"[不别][^，。！]*跳"),
        ("clap", r"(?:请|给我|来)?(?:鼓掌|鼓鼓掌|拍拍手)", r"(?:不要|别|不用)[^，。！]*[鼓拍]"),
        ("nod", r"(?:请|给我)?点(?:点|个)头", r"(?:不要|别|不用)[^，。！]*点"),
        ("heart", r"比(?:个|一个)?心", r"(?:不要|别|不用)[^，。！]*比"),
        ("wave", r"\bsal[uú]da(?:me|nos)?\b", r"\bno (?:me |nos )?saludes\b"),
        ("dance", r"\b(?:baila|báilame)\b", r"\bno bailes\b|\b(?:ella|él|mi \w+) baila\b"),
        ("bow", r"\bhaz(?:me)? una reverencia\b", r"\bno hagas\b"),
        ("clap", r"\baplaude\b", r"\bno aplaudas\b|\b(?:ella|él) aplaude\b"),
    )
)  # fmt: skip


def wished(said: str) -> ReplyCue | None:
    """What the body is asked to do; None where nothing is."""
    text = " ".join(said.lower().replace("’", "'").split())
    for name, wish, never in _ELSEWHERE:
        if wish.search(text) and not never.search(text):
            return _cue(name)
    for clause in _clauses(text):
        if not _NEVER.search(clause) and (asked := _command(_UP.sub("", clause))) is not None:
            return _cue(asked)
    return None


def _clauses(text: str) -> list[str]:
    return [clause.strip(" ,\"'“”*") for clause in _ENDS.split(text) if clause.strip()]


def _command(clause: str) -> str | None:
    for name, pattern in (*_PHRASED.items(), *_COMMANDS.items()):
        if pattern.search(clause):
            return name
    if given := _GIVEN.search(clause):
        noun = given["noun"] or given["more"]
        return _GRANTED_BY.get(noun, noun)
    return None


def _cue(name: str) -> ReplyCue:
    return Doing(name) if name == "dance" else Gesture(name)


class Wish:
    """What one answer is to do because it was asked for."""

    def __init__(self, said: str, gestures: Collection[str]) -> None:
        """Takes what a user said, and the gestures of the character."""
        cue = wished(said)
        self._cue = cue if not isinstance(cue, Gesture) or cue.name in gestures else None
        self._is_granted = False

    def granted(self, line: Line) -> Line:
        """The next clause of the answer: the first one does it, and none does it again."""
        if self._cue is None:
            return line
        kept = tuple(each for each in line.cues if each.cue != self._cue)
        if self._is_granted:
            return replace(line, cues=kept)
        self._is_granted = True
        return replace(line, cues=(PlacedCue(self._cue, 0), *kept))
