"""What is varied in a conversation without making its replies wrong.

Names, prices and wordings are drawn by `placeholders`; here are examples before the conversation,
notes that nobody asks for, and the order of notes. No note is ever left out: a reply that needs it
would teach to invent.
"""

import random
from typing import Final

from training.dialogue.placeholders import DrawnExchange, Values
from training.dialogue.prompts import Scene, with_notes
from training.dialogue.scenes import PersonaSheet, Screenplay, Talk
from training.dialogue.settings import AugmentSettings

DISTRACTORS: Final = (
    "It is evening.",
    "It is early in the morning.",
    "It is raining outside.",
    "It is Tuesday.",
    "It is a warm day.",
    "You are in a good mood.",
    "You are calm.",
    "You are a little tired.",
    "You met for the first time yesterday.",
    "You have talked with them a few times.",
    "Somebody walks by outside.",
    "A cat sleeps on the window sill.",
    "The street is quiet.",
    "They live by the sea.",
    "They have a younger brother.",
    "They like green tea.",
    "They play the piano.",
    "They own a red bicycle.",
)
"""True of anybody, asked for by nobody."""


class Examples:
    """Exchanges of each persona that may stand before any conversation of it: they name nothing
    that was drawn but the character itself, and were given without notes.
    """

    def __init__(self, play: Screenplay) -> None:
        self._of: dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
        for talk in play.talks:
            if not any(tag.startswith("lang:") for tag in talk.tags):
                self._of.setdefault(talk.persona, []).extend(_plain_exchanges(talk))

    def draw(
        self, sheet: PersonaSheet, name: str, most: int, rng: random.Random
    ) -> tuple[tuple[str, str], ...]:
        known = self._of.get(sheet.id, [])
        values = Values({}, rng, sheet.lang)
        values.let("self", name)
        return tuple(
            (values.fill(rng.choice(said)), values.fill(rng.choice(replies)))
            for said, replies in rng.sample(known, min(rng.randint(1, most), len(known)))
        )


def _plain_exchanges(talk: Talk) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The first exchange, where it needs nothing else; later ones answer what was said before."""
    if len(talk.beats) < 2:
        return []
    said, answered = talk.beats[:2]
    acts = len(talk.beats) > 2 and talk.beats[2].kind == "R"
    texts = [text.replace("{self}", "") for text in (*said.texts, *answered.texts)]
    is_plain = (
        (said.kind, answered.kind) == ("U", "A")
        and not (said.speaker or acts)
        and not any("{" in text for text in texts)
    )
    return [(said.texts, answered.texts)] if is_plain else []


def varied(scene: Scene, settings: AugmentSettings, rng: random.Random) -> Scene:
    """The scene with other notes around those that its replies need."""
    return with_notes(scene, [_notes(exchange, settings, rng) for exchange in scene.exchanges])


def _notes(
    exchange: DrawnExchange, settings: AugmentSettings, rng: random.Random
) -> tuple[str, ...]:
    notes = list(exchange.notes)
    if settings.distractors and rng.random() < settings.distractors_share:
        count = rng.randint(1, settings.distractors)
        notes += rng.sample(DISTRACTORS, count)
    if settings.shuffled_notes:
        rng.shuffle(notes)
    return tuple(notes)
