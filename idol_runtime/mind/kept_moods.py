"""How characters feel about people: kept, seen and erased with what they remember of them."""

from dataclasses import dataclass
from typing import Final

from idol_runtime.conversation.items import Speaker
from idol_runtime.mind.memory.facts import IMPORTANCE, Fact
from idol_runtime.mind.memory.keeping import Keeper
from idol_runtime.mind.memory.remembering import whose_of
from idol_runtime.mind.memory.store import KeptFact, Whose
from idol_runtime.mind.mood import Mood, MoodsInMemory, liking_of

FEELING: Final = "feeling"
"""Kind and slot of the memory that holds a mood."""
WORTH_KEEPING: Final = 0.05
"""How much somebody is liked, or not, before that is kept."""
FRESH_S: Final = 600.0
"""A mood that was read longer ago may have been changed by another server."""
_SEEN: Final = {
    "are very fond of": "is dear to the character",
    "like": "is liked by the character",
    "cannot stand": "is disliked by the character",
    "do not trust": "is not trusted by the character",
    "": "is known to the character",
}


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store says of one person."""

    kept: KeptFact | None
    mood: Mood | None
    version: int
    read_s: float


class KeptMoods:
    """A `MoodStore` on a store of memories. Of those who are not known nothing is kept."""

    def __init__(self, keeper: Keeper, most: int = 10_000) -> None:
        self._keeper = keeper
        self._others = MoodsInMemory(most)
        self._known: dict[Whose, _Known] = {}
        self._most = most

    async def load_mood(self, character_id: str, speaker_id: str) -> Mood | None:
        whose = whose_of(Speaker(speaker_id), character_id)
        if whose is None:
            return await self._others.load_mood(character_id, speaker_id)
        known = await self._read(whose)
        if known is None:  # the store is out of reach
            return await self._others.load_mood(character_id, speaker_id)
        return known.mood

    async def save_mood(self, character_id: str, speaker_id: str, mood: Mood) -> None:
        whose = whose_of(Speaker(speaker_id), character_id)
        known = None if whose is None else self._known.get(whose)
        if whose is None or known is None:
            # Where it is not known what is kept, nothing takes its place.
            await self._others.save_mood(character_id, speaker_id, mood)
            return
        kept = known.kept
        if kept is not None or abs(mood.affinity) >= WORTH_KEEPING:
            kept = _memory(mood, kept)
            self._keeper.change_soon(whose, [kept], [])
        self._keep(whose, _Known(kept, mood, known.version, known.read_s))

    async def _read(self, whose: Whose) -> _Known | None:
        now_s, version = self._keeper.clock(), self._keeper.version(whose)
        known = self._known.get(whose)
        if known and known.version == version and now_s - known.read_s < FRESH_S:
            return known
        memories = await self._keeper.memories(whose)
        if memories is None:
            return known if known and known.version == version else None
        kept = next((each for each in memories if each.fact.kind == FEELING), None)
        mood = None if kept is None else _mood(kept)
        if mood is None and known and known.version == version:
            mood = known.mood  # what was not worth keeping
        return self._keep(whose, _Known(kept, mood, version, now_s))

    def _keep(self, whose: Whose, known: _Known) -> _Known:
        self._known.pop(whose, None)
        self._known[whose] = known
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return known


def _memory(mood: Mood, before: KeptFact | None) -> KeptFact:
    levels = (mood.valence, mood.arousal, mood.affinity)
    told = (
        f"{_SEEN[liking_of(mood.affinity)]} (affinity {mood.affinity:.2f}, last mood: valence "
        f"{mood.valence:.2f}, arousal {mood.arousal:.2f})"
    )
    fact = Fact(FEELING, FEELING, told, " ".join(map(repr, levels)))
    importance = IMPORTANCE[FEELING]
    if before is None:
        return KeptFact(fact, mood.at_s, mood.at_s, importance)
    return KeptFact(fact, mood.at_s, mood.at_s, importance, before.id)


def _mood(kept: KeptFact) -> Mood | None:
    """None where the memory holds no mood."""
    try:
        valence, arousal, affinity = (
            max(-1.0, min(1.0, float(each))) for each in kept.fact.value.split()
        )
    except ValueError:
        return None
    return Mood(valence, arousal, affinity, kept.said_s)
