"""What a character knows of those it talks with, in one conversation: its hooks."""

import itertools
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_runtime.character import lines_of
from idol_runtime.conversation.hooks import Exchange, Hooks, Meeting, Occasion
from idol_runtime.conversation.items import Speaker
from idol_runtime.conversation.prompt import Prompt
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.mind.memory.answers import answer_to
from idol_runtime.mind.memory.doings import promise_in
from idol_runtime.mind.memory.earlier import Earlier
from idol_runtime.mind.memory.facts import IMPORTANCE, NOT_OF_THEMSELVES, Change, Dropped, Fact
from idol_runtime.mind.memory.keeping import Keeper, has_vector, vectors_of
from idol_runtime.mind.memory.notes import NAMELESS, chosen, greeting_note, tokens_in
from idol_runtime.mind.memory.phrases import phrases_of
from idol_runtime.mind.memory.questions import questions_in
from idol_runtime.mind.memory.reading import changes_in
from idol_runtime.mind.memory.retrieval import (
    relevance_by_meaning,
    relevance_by_words,
    scores,
)
from idol_runtime.mind.memory.settings import MemorySettings
from idol_runtime.mind.memory.store import KeptFact, Whose

_MARKUP: Final = re.compile(r"[\[\](){}<>*]")
"""Of a name, it would be read as a tag."""
_MOST_READ: Final = 400
"""Lines of users whose place in the history is known; more than a prompt ever holds."""
_NAME_TOKENS: Final = 4
"""Of a note, beside what it tells."""


@dataclass(slots=True)
class Person:
    """What is known of one speaker: what was kept, and what this conversation has added."""

    whose: Whose | None
    """None for somebody unknown, of whom nothing is kept."""
    name: str
    """As the client says; what they say themselves counts more."""
    memories: dict[str, KeptFact] = field(default_factory=dict)
    """By slot."""
    is_loaded: bool = False
    touched: set[str] = field(default_factory=set)
    version: int = 0
    """Of what is kept, when it was read."""

    @property
    def called(self) -> str:
        told = self.memories.get("name")
        return told.fact.value if told else self.name

    def by_importance(self) -> list[KeptFact]:
        """What they told of themselves."""
        facts = [each for each in self.memories.values() if each.fact.kind not in NOT_OF_THEMSELVES]
        return sorted(facts, key=lambda each: (-each.importance, -each.said_s))


class Remembering:
    """Reads what users say, knows it for the rest of the conversation, and has it kept."""

    def __init__(
        self,
        meeting: Meeting,
        keeper: Keeper | None = None,
        *,
        settings: MemorySettings = MemorySettings(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begins with nobody known.

        Args:
            meeting: The conversation.
            keeper: Where memories are kept; without one they last as long as the conversation.
            settings: How much is told.
            clock: Seconds since 1970.
        """
        self._meeting = meeting
        self._keeper = keeper
        self._settings = settings
        self._clock = clock
        self._phrases = phrases_of(meeting.character)
        self._drawn = itertools.count()
        self._people: dict[str, Person] = {}
        self._read: list[str] = []
        """The lines of users that were read, oldest first."""
        self._earlier = Earlier(meeting, settings)
        self._begun_s = clock()
        self._speakers: set[str] = set()
        self._talk = ""
        """What is kept of this conversation, in short."""

    @property
    def hooks(self) -> Hooks:
        return Hooks(
            (self.hear,), (self.answer,), (self.note,), ended=(self.ended,), greeting=(self.greet,)
        )

    def hear(self, text: str) -> str:
        """Whatever is said: a summary that is being written waits for the next pause."""
        self._earlier.be_quiet()
        return text

    async def greet(self, occasion: Occasion) -> str | None:
        """Who comes back and has told a name is greeted by it."""
        person = await self._person(occasion.speaker)
        name = _MARKUP.sub("", person.called).strip()
        is_back = person.is_loaded and any(
            each.said_s < self._begun_s for each in person.memories.values()
        )
        if not (name and is_back):
            return None
        character = self._meeting.character
        ways = lines_of(character.lines, "welcome_back", character.language)
        return ways[int(self._begun_s) % len(ways)].replace("{name}", name)

    async def answer(self, occasion: Occasion) -> str | None:
        """What is asked about oneself is answered word for word."""
        person = await self._meet(occasion)
        questions = questions_in(occasion.said)
        if not questions or not self._meeting.character.memory.scripted:
            return None
        return answer_to(
            questions,
            occasion.said,
            person.by_importance(),
            person.called,
            self._phrases,
            self._draw,
        )

    async def note(self, occasion: Occasion, prompt: Prompt) -> Prompt:
        """What is known of who speaks, as far as it fits what was said and the budget."""
        person = await self._meet(occasion)
        prompt = await self._earlier.windowed(occasion, prompt)
        name, today = person.called, self._today()
        notes = [greeting_note(name)] if name else []
        earlier = self._earlier.note(name or NAMELESS) if occasion.let_go is not None else []
        budget = self._settings.notes_tokens - sum(map(tokens_in, notes))
        memories = [each for each in person.memories.values() if self._is_to_be_told(each)]
        worth = await self._worth(occasion.said, memories, budget)
        told, taken = chosen(memories, worth, budget, name, today)
        self._use(person, taken)
        return prompt.noted(*notes, *earlier, *told)

    async def ended(self, exchange: Exchange) -> None:
        """What the character promised is kept, too."""
        person = await self._person(exchange.occasion.speaker)
        self._apply(person, tuple(promise_in(exchange.answered, self._today())))
        if exchange.occasion.said:
            self._speakers.add(exchange.occasion.speaker.id)
        summary = self._earlier.sum_up(person.called or NAMELESS)
        self._keep_talk(person)
        if summary is not None:
            summary.add_done_callback(lambda _: self._keep_talk(person))

    # What is known

    async def _meet(self, occasion: Occasion) -> Person:
        """Who speaks, with all they have said by now."""
        person = await self._person(occasion.speaker)
        lines = _lines_of_users(occasion.history)
        new = _unread(self._read, [line for line, _ in lines])
        if new is None:  # another history than this conversation's
            return person
        self._read = [line for line, _ in lines][-_MOST_READ:]
        # Who said the lines before the last is not told; alone, it was the same person.
        mine = lines[len(lines) - new :] if len(self._people) == 1 else lines[-1:] if new else []
        for line, asked in mine:
            self._apply(person, changes_in(line, self._today(), asked))
        return person

    async def _person(self, speaker: Speaker) -> Person:
        person = self._people.get(speaker.id)
        if person is None:
            whose = whose_of(speaker, self._meeting.character_id)
            person = self._people[speaker.id] = Person(whose, speaker.name)
        if self._keeper is None or person.whose is None:
            return person
        if person.version != (version := self._keeper.version(person.whose)):
            person.version, person.is_loaded = version, False
            person.memories.clear()
            self._earlier.forget()
        if not person.is_loaded:
            memories = await self._keeper.memories(person.whose)
            if memories is not None:
                person.is_loaded = True
                kept_before = {each.fact.slot: each for each in memories}
                person.memories = kept_before | person.memories
        return person

    def _apply(self, person: Person, changes: Sequence[Change]) -> None:
        learned: list[KeptFact] = []
        dropped: list[KeptFact] = []
        now_s = self._clock()
        for change in changes:
            if isinstance(change, Dropped):
                gone = [each for each in person.memories.values() if change.concerns(each.fact)]
                for each in gone:
                    del person.memories[each.fact.slot]
                dropped += gone
                learned = [each for each in learned if each not in gone]
                continue
            before = person.memories.get(change.fact.slot)
            memory = KeptFact(change.fact, now_s, now_s, IMPORTANCE[change.fact.kind])
            if before is not None:
                memory = replace(memory, id=before.id, importance=before.importance)
            person.memories[change.fact.slot] = memory
            learned.append(memory)
        if self._keeper is not None and person.whose is not None and (learned or dropped):
            self._keeper.change_soon(person.whose, learned, [each.id for each in dropped])

    def _keep_talk(self, person: Person) -> None:
        """Keeps what was said in a long conversation, in short, where one person said it."""
        if self._keeper is None or person.whose is None or len(self._speakers) != 1:
            return
        text = self._earlier.worth_keeping(person.called or NAMELESS)
        if text and text != self._talk:
            self._talk, now_s = text, self._clock()
            memory = KeptFact(Fact("talk", "talk", text), now_s, now_s, IMPORTANCE["talk"])
            self._keeper.change_soon(person.whose, [memory], [])

    def _is_to_be_told(self, memory: KeptFact) -> bool:
        """Whether it is for a note of its own; of this conversation is told elsewhere."""
        if memory.fact.kind == "talk":
            return memory.said_s < self._begun_s
        return memory.fact.kind not in ("name", "feeling")

    def _use(self, person: Person, memories: Sequence[KeptFact]) -> None:
        """They came up in this conversation; told to the store once."""
        ids = {each.id for each in memories} - person.touched
        person.touched |= ids
        if self._keeper is not None and person.whose is not None and ids:
            self._keeper.touch_soon(person.whose, sorted(ids))

    async def _worth(self, said: str, memories: Sequence[KeptFact], budget: float) -> list[float]:
        relevance = relevance_by_words(said, memories)
        if sum(tokens_in(each.fact.text) + _NAME_TOKENS for each in memories) > budget:
            # Only where not all can be told is it worth some milliseconds to know what is near.
            relevance = np.maximum(relevance, await self._nearness(said, memories))
        return [float(each) for each in scores(memories, relevance, self._clock())]

    async def _nearness(self, said: str, memories: Sequence[KeptFact]) -> NDArray[np.float32]:
        """By meaning; 0 for those of which no vector is known."""
        near = np.zeros(len(memories), np.float32)
        known = [at for at, each in enumerate(memories) if has_vector(each)]
        if self._keeper is None or not known:
            return near
        said_vector = await self._keeper.embedded([said])
        if said_vector is not None:
            vectors = vectors_of([memories[at] for at in known])
            near[known] = relevance_by_meaning(said_vector[0], vectors)
        return near

    def _draw(self, ways: Sequence[str]) -> str:
        return ways[next(self._drawn) % len(ways)]

    def _today(self) -> date:
        return date.fromtimestamp(self._clock())


def whose_of(speaker: Speaker, character_id: str) -> Whose | None:
    """Whose memories a speaker's are; None for somebody unknown. An id is `TENANT/USER`."""
    tenant, _, user = speaker.id.partition("/")
    return Whose(tenant, user, character_id) if user else None


def _lines_of_users(history: Sequence[ChatMessage]) -> list[tuple[str, str]]:
    """What users said, each with what it answers."""
    asked, found = "", []
    for message in history:
        if message.role == "assistant":
            asked = message.content
        elif message.role == "user":
            found.append((message.content, asked))
            asked = ""
    return found


def _unread(read: Sequence[str], lines: Sequence[str]) -> int | None:
    """How many of `lines` at the end were not read; None where these are other lines altogether.

    Items are deleted and the oldest let go, so that what was read need not be a beginning.
    """
    known = list(read)
    if list(lines[: len(known)]) == known:
        return len(lines) - len(known)
    if not known or not lines:
        return len(lines)
    # The longest end of what was read that stands somewhere in the lines.
    for start in range(len(known)):
        end = known[start:]
        for at in range(len(lines) - len(end), -1, -1):
            if list(lines[at : at + len(end)]) == end:
                return len(lines) - at - len(end)
    return None


def memory_hooks(meeting: Meeting, keeper: Keeper | None) -> Hooks:
    """What a character remembers of those it talks with."""
    if keeper is None:
        return Remembering(meeting).hooks
    return Remembering(meeting, keeper, settings=keeper.settings, clock=keeper.clock).hooks
