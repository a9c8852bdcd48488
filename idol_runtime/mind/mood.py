"""How a character feels and how it likes whoever it talks with: what is said changes both, and
time brings the mood back to the character's own and lets the liking fade.
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

from idol_runtime.character import Character
from idol_runtime.conversation.hooks import Feel, Hooks, Meeting, Occasion
from idol_runtime.conversation.prompt import Prompt
from idol_runtime.mind.appraisal import EFFECTS, Deed, deed_of

AFFINITY_HALF_LIFE_S: Final = 30 * 24 * 3600.0
NOTICED: Final = 0.25
"""How far a mood is from the character's own before it is told."""
RISE_S: Final = 0.3
FALL_S: Final = 20.0
"""How long the face takes back to its usual expression."""
_SOMEBODY: Final = "the person you talk with"
_EMPATHY: Final = 0.4
"""How much of what somebody feels goes over to the character."""


@dataclass(frozen=True, slots=True)
class Feeling:
    """What somebody feels who said something."""

    valence: float
    """From -1 to 1."""
    arousal: float
    """From -1 to 1."""
    label: str = ""


ReadFeeling: TypeAlias = Callable[[str], Awaitable[Feeling | None]]
"""Reads in words what whoever says them feels; None where that is not clear."""


@dataclass(frozen=True, slots=True)
class Mood:
    """Of one character towards one person."""

    valence: float
    """How good it feels, from -1 to 1."""
    arousal: float
    """How excited it is, from -1 to 1."""
    affinity: float = 0.0
    """How it likes that person, from -1 to 1."""
    at_s: float = 0.0
    """When that was so, in seconds of the clock it was made with."""

    def later(self, at_s: float, baseline: "Mood", half_life_s: float) -> "Mood":
        """What time has made of it."""
        passed_s = max(0.0, at_s - self.at_s)
        left, liking = 0.5 ** (passed_s / half_life_s), 0.5 ** (passed_s / AFFINITY_HALF_LIFE_S)
        return Mood(
            baseline.valence + (self.valence - baseline.valence) * left,
            baseline.arousal + (self.arousal - baseline.arousal) * left,
            self.affinity * liking,
            at_s,
        )

    def changed(self, valence: float, arousal: float, affinity: float = 0.0) -> "Mood":
        """The same after something that happened: the nearer to an end, the less."""
        return replace(
            self,
            valence=_moved(self.valence, valence),
            arousal=_moved(self.arousal, arousal),
            affinity=_moved(self.affinity, affinity),
        )


class MoodStore(Protocol):
    """Keeps moods from one conversation to the next."""

    async def load_mood(self, character_id: str, speaker_id: str) -> Mood | None: ...

    async def save_mood(self, character_id: str, speaker_id: str, mood: Mood) -> None: ...


class MoodsInMemory:
    """As long as the program runs; the oldest are forgotten first."""

    def __init__(self, most: int = 10_000) -> None:
        self._moods: dict[tuple[str, str], Mood] = {}
        self._most = most

    async def load_mood(self, character_id: str, speaker_id: str) -> Mood | None:
        return self._moods.get((character_id, speaker_id))

    async def save_mood(self, character_id: str, speaker_id: str, mood: Mood) -> None:
        self._moods.pop((character_id, speaker_id), None)
        self._moods[character_id, speaker_id] = mood
        if len(self._moods) > self._most:
            del self._moods[next(iter(self._moods))]


def mood_hooks(
    meeting: Meeting,
    store: MoodStore,
    now_s: Callable[[], float],
    read_feeling: ReadFeeling | None = None,
) -> Hooks:
    """What is said changes the mood before it is answered; a mood that is not the character's
    usual one, and whom it likes, are told to its model and shown by its face.
    """
    moods = _Moods(meeting, store, now_s, read_feeling)
    return Hooks(answer=(moods.notice,), prompt=(moods.note,)) if moods.sensitivity else Hooks()


def baseline_of(character: Character) -> Mood:
    """How the character feels when nothing happens."""
    emotion = character.emotion
    return Mood(emotion.get("valence", 0.0), emotion.get("arousal", 0.0))


def notes_of(mood: Mood, baseline: Mood, name: str, deed: Deed | None = None) -> tuple[str, ...]:
    """What the dialogue model is told of a mood.

    Args:
        mood: Of the character towards whoever speaks.
        baseline: Its usual one.
        name: Of whoever speaks; empty where nobody knows.
        deed: What they just did to it.
    """
    them = name or _SOMEBODY
    notes = list[str]()
    feeling = _feeling_of(mood, baseline)
    if deed == "hurtful":
        notes.append(f"You feel {feeling or 'hurt'} because {them} was mean to you.")
    elif deed == "apology":
        notes.append(f"{them[0].upper()}{them[1:]} apologises to you.")
    elif feeling:
        notes.append(f"You feel {feeling}.")
    liking = liking_of(mood.affinity)
    if liking and (name or mood.affinity < 0):
        notes.append(f"You {liking} {them}.")
    return tuple(notes)


def face_of(mood: Mood, baseline: Mood, deed: Deed | None) -> dict[str, float]:
    """The emotion that a body shows of it, by names of `EMOTIONS`."""
    change = mood.valence - baseline.valence
    shown = {"valence": mood.valence, "arousal": mood.arousal}
    if deed == "hurtful":
        angry = mood.arousal > 0.5
        shown |= {"angry" if angry else "sad": min(1.0, 0.3 + abs(change) / 2), "happy": 0.0}
    elif deed is not None:
        shown |= {"happy": min(1.0, 0.5 + max(0.0, change) / 2)}
    return shown


class _Moods:
    """The mood of one conversation's character towards each who speaks."""

    def __init__(
        self,
        meeting: Meeting,
        store: MoodStore,
        now_s: Callable[[], float],
        read_feeling: ReadFeeling | None,
    ) -> None:
        settings = meeting.character.mood
        self.sensitivity = settings.sensitivity
        self._half_life_s = settings.half_life_s
        self._baseline = baseline_of(meeting.character)
        self._character_id = meeting.character_id
        self._conversation_id = meeting.conversation_id
        self._feel: Feel = meeting.feel
        self._store = store
        self._now_s = now_s
        self._read_feeling = read_feeling
        self._deed: Deed | None = None
        self._noticed: tuple[int, str] | None = None

    async def notice(self, occasion: Occasion) -> None:
        """Takes in what was said, once; leaves the answer to others."""
        noticed = len(occasion.history), occasion.said
        if not occasion.said or noticed == self._noticed:
            return
        self._noticed, self._deed = noticed, deed_of(occasion.said)
        mood = await self._mood(occasion)
        feeling = None if self._read_feeling is None else await self._read_feeling(occasion.said)
        if self._deed is not None:
            effect = EFFECTS[self._deed]
            share = self.sensitivity
            mood = mood.changed(
                share * effect.valence, share * effect.arousal, share * effect.affinity
            )
        elif feeling is not None:
            share = self.sensitivity * _EMPATHY
            mood = mood.changed(share * feeling.valence, share * feeling.arousal, 0.01)
        else:
            mood = mood.changed(0.0, 0.0, 0.01 * self.sensitivity)  # who talks grows familiar
        await self._store.save_mood(self._character_id, self._id_of(occasion), mood)
        if self._deed is not None or _feeling_of(mood, self._baseline):
            shown = face_of(mood, self._baseline, self._deed)
            self._feel(shown, rise_s=RISE_S, fall_s=FALL_S)

    async def note(self, occasion: Occasion, prompt: Prompt) -> Prompt:
        mood = await self._mood(occasion)
        speaker = occasion.speaker
        name = speaker.name or (_SOMEBODY if speaker.id else "")
        return prompt.noted(*notes_of(mood, self._baseline, name, self._deed))

    async def _mood(self, occasion: Occasion) -> Mood:
        known = await self._store.load_mood(self._character_id, self._id_of(occasion))
        now_s = self._now_s()
        if known is None:
            return replace(self._baseline, at_s=now_s)
        return known.later(now_s, self._baseline, self._half_life_s)

    def _id_of(self, occasion: Occasion) -> str:
        """Who nobody knows is somebody else in every conversation."""
        return occasion.speaker.id or f"conversation {self._conversation_id}"


def _moved(value: float, by: float) -> float:
    room = 1.0 - value if by > 0 else 1.0 + value
    return max(-1.0, min(1.0, value + by * min(1.0, room)))


def _feeling_of(mood: Mood, baseline: Mood) -> str:
    valence, arousal = mood.valence, mood.arousal
    if math.hypot(valence - baseline.valence, arousal - baseline.arousal) < NOTICED:
        return ""
    if valence < -0.2:
        return "upset" if arousal > 0.3 else "sad"
    if valence < baseline.valence - NOTICED:
        return "a little hurt"
    if valence > 0.3:
        return "very happy" if arousal > 0.3 else "happy"
    return "excited" if arousal > baseline.arousal else "calm"


def liking_of(affinity: float) -> str:
    """What somebody says of whom they like so much, behind `You`; empty where there is nothing to
    say.
    """
    if affinity >= 0.6:
        return "are very fond of"
    if affinity >= 0.25:
        return "like"
    if affinity <= -0.6:
        return "cannot stand"
    return "do not trust" if affinity <= -0.25 else ""
