"""Answers to what somebody asks about themselves, out of what is known of them."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from idol_runtime.mind.memory.phrases import Phrases, name_in
from idol_runtime.mind.memory.questions import Question
from idol_runtime.mind.memory.store import KeptFact
from idol_runtime.mind.memory.tastes import slot_of
from idol_runtime.mind.memory.wording import second_person

_MOST_FACTS: Final = 3
_SAYS_SO: Final = frozenset(
    {"name", "me", "all", "place", "age", "birthday", "job", "pet", "family"}
)
"""What she says that she does not know; of the rest a model may say something better."""
Draw = Callable[[Sequence[str]], str]
"""Takes one of several ways of saying the same."""


def answer_to(
    questions: Sequence[Question],
    said: str,
    known: Sequence[KeptFact],
    name: str,
    phrases: Phrases,
    draw: Draw,
) -> str | None:
    """What to say word for word, or None where that is for a model to find.

    Args:
        questions: At least one.
        said: Where they were found.
        known: Of who asks, the most telling first.
        name: What who asks is called; empty where nobody knows.
        phrases: The ways of saying it.
        draw: Takes one of them.
    """
    answers = [_answer(each, said, known, name, phrases, draw) for each in questions]
    if any(each is None for each in answers):
        return None
    return " ".join(filter(None, answers))


def _answer(
    question: Question,
    said: str,
    known: Sequence[KeptFact],
    name: str,
    phrases: Phrases,
    draw: Draw,
) -> str | None:
    others = [each for each in known if each.fact.kind != "name" and not _is_hers(each)]
    if question.about == "name":
        told, asked = name_in(question.language, phrases)
        return draw(told).format(name=name) if name else draw(asked)
    if question.about == "me":
        if not name and not others:
            return draw(phrases.unknown)
        facts = _sentence(others[:2])
        if name:
            return draw(phrases.known).format(name=name, facts=facts).strip()
        return draw(phrases.fact).format(fact=_listed(others[:2]))
    if question.about == "all":
        told_facts = others[:_MOST_FACTS]
        if not told_facts:
            return (
                draw(phrases.known).format(name=name, facts="").strip()
                if name
                else draw(phrases.unknown)
            )
        fact = _listed(told_facts)
        sentence = draw(phrases.fact).format(fact=fact)
        return f"{draw(phrases.name).format(name=name)} {sentence}" if name else sentence
    found = _found(question, said, others)
    if found:
        return draw(phrases.fact).format(fact=_listed(found))
    if question.about in _SAYS_SO or question.slot.startswith("favourite/"):
        return draw(phrases.no_fact).format(thing=_thing(question))
    return None


def _found(question: Question, said: str, known: Sequence[KeptFact]) -> list[KeptFact]:
    fitting = [
        each
        for each in known
        if (each.fact.kind == question.about and each.fact.slot.startswith(question.slot))
        or (question.slot == "taste/" and each.fact.kind == "dislike")
    ]
    if question.slot == "taste/":  # "Do I like cats?"
        slot = slot_of("taste", question.thing)
        return [each for each in fitting if each.fact.slot == slot]
    if question.about == "place":
        is_origin = re.search(r"(?i)\b(?:from|born|grow up|grew up|hometown|home town)\b", said)
        wanted = ("origin",) if is_origin else ("place", "home")
        fitting = [each for each in fitting if each.fact.slot in wanted]
        return fitting[:1]
    if question.about in ("like", "dislike", "plan"):
        return fitting[:_MOST_FACTS]
    return fitting[: 2 if question.about in ("pet", "family", "job") else 1]


def _listed(memories: Sequence[KeptFact]) -> str:
    """`live in Oslo, are a baker and have a dog`."""
    facts = [second_person(each.fact.text) for each in memories]
    likes = [each.fact.value for each in memories if each.fact.text == f"likes {each.fact.value}"]
    if len(likes) == len(memories) > 1:
        return f"like {', '.join(likes[:-1])} and {likes[-1]}"
    if len(facts) < 2:
        return "".join(facts)
    return f"{', '.join(facts[:-1])} and {facts[-1]}"


def _sentence(memories: Sequence[KeptFact]) -> str:
    return f"You {_listed(memories)}." if memories else ""


def _thing(question: Question) -> str:
    if question.about in ("pet", "family"):
        return (
            f"about your {question.thing}"
            if question.thing not in ("pet", "animal")
            else "about a pet"
        )
    return f"your {question.thing}" if question.thing.startswith("favourite") else question.thing


def _is_hers(memory: KeptFact) -> bool:
    return memory.fact.slot.startswith("hers/")
