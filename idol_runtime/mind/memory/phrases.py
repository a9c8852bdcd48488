"""What a character says word for word of what it knows of somebody, where a small model would say
it of itself: asked "What is my name?" with the right note before it, Qwen2.5-Coder-0.5B says "My
name is Sam".
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from idol_runtime.character import Character


@dataclass(frozen=True, slots=True)
class Phrases:
    """Each several ways of saying it, taken in turn, with `{name}`, `{fact}` and `{thing}`."""

    name: tuple[str, ...]
    """Asked for their name."""
    no_name: tuple[str, ...]
    """Asked for a name that nobody told."""
    fact: tuple[str, ...]
    """Asked for something they told; `{fact}` is a verb phrase: `live in Oslo`."""
    no_fact: tuple[str, ...]
    """Asked for something they did not tell; `{thing}`: `where you live`."""
    known: tuple[str, ...]
    """Asked whether they are remembered."""
    unknown: tuple[str, ...]
    """Asked that where nothing is known of them."""


ENGLISH: Final = Phrases(
    name=(
        "Your name is {name}!",
        "You're {name}, of course! How could I forget?",
        "{name}! Your name is {name}.",
        "I know that one: you're {name}!",
    ),
    no_name=(
        "I don't think you've told me your name yet. What is it?",
        "I don't know your name yet. What shall I call you?",
        "You haven't told me your name. Who are you?",
    ),
    fact=(
        "You {fact}!",
        "I remember that: you {fact}.",
        "You told me that you {fact}.",
        "Of course I know! You {fact}.",
    ),
    no_fact=(
        "I don't think you've told me {thing} yet. Will you?",
        "You haven't told me {thing} yet, but I'd love to know.",
        "I don't know {thing} yet. Tell me!",
    ),
    known=(
        "Of course I remember you, {name}! {facts}",
        "How could I forget you, {name}? {facts}",
        "Yes, you're {name}! {facts}",
    ),
    unknown=(
        "Hmm, I don't think we've met before. What's your name?",
        "I don't think I know you yet. Who are you?",
    ),
)
_NAME_ONLY: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "ja": (
        ("{name}さんですね！", "もちろん、{name}さんです！"),
        ("まだお名前を聞いていません。教えてくれますか？",),
    ),
    "zh": (
        ("你叫{name}呀！", "当然记得，你是{name}！"),
        ("你还没有告诉我你的名字呢。你叫什么？",),
    ),
    "es": (
        ("¡Te llamas {name}!", "¡Claro que lo sé, eres {name}!"),
        ("Todavía no me has dicho tu nombre. ¿Cómo te llamas?",),
    ),
    "de": (
        ("Du heißt {name}!", "Na klar, du bist {name}!"),
        ("Du hast mir deinen Namen noch nicht gesagt. Wie heißt du?",),
    ),
    "fr": (
        ("Tu t'appelles {name} !", "Bien sûr, tu es {name} !"),
        ("Tu ne m'as pas encore dit ton nom. Comment t'appelles-tu ?",),
    ),
}


def phrases_of(character: Character) -> Phrases:
    """The character's own where it has some, else the default."""
    own = character.memory
    given = {each.name: tuple(getattr(own, each.name)) for each in fields(Phrases)}
    return Phrases(**{name: said or getattr(ENGLISH, name) for name, said in given.items()})


def name_in(language: str, phrases: Phrases) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """How a name is told and how it is asked for, in a language."""
    return _NAME_ONLY.get(language, (phrases.name, phrases.no_name))
