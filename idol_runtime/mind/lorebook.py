"""The lorebook of a character: what comes to its mind because somebody spoke of it.

After Character Card V3 (https://github.com/kwaroran/character-card-spec-v3): keys, secondary keys,
constant entries, scan depth, recursion, budget, and the decorators that `Decorators` has.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from idol_runtime.character import Character
from idol_runtime.character.decorators import Role, read_decorators
from idol_runtime.character.lore import LoreEntry
from idol_runtime.character.macros import SOMEBODY, expand
from idol_runtime.conversation.hooks import Hooks, Occasion
from idol_runtime.conversation.prompt import Prompt
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.mind.lore_keys import Keys, Scanned, as_scanned
from idol_runtime.mind.notes import estimated_tokens, on_one_line

MAX_ENTRIES: Final = 2_000
AT_ONCE: Final = 200
"""More entries are looked through beside the stage, which must not wait for it."""
ByMeaning: TypeAlias = Callable[[str, Sequence[str]], Awaitable[Sequence[int]]]
"""Which of some texts have to do with what was said, though no key came up."""


@dataclass(frozen=True, slots=True)
class Told:
    """An entry that came up."""

    text: str
    role: Role
    depth: int | None
    """Before how many of the last messages it belongs; None for the notes."""
    in_persona: bool


class _Entry:
    """An entry that is ready to be looked for."""

    def __init__(self, raw: LoreEntry, number: int) -> None:
        self.raw, self.number = raw, number
        self.decorators, self.text = read_decorators(raw.text)
        self.tokens = estimated_tokens(self.text)
        self.has_come_up = False

        def keys(several: Sequence[str], are_regex: bool = False) -> Keys:
            return Keys(
                several,
                is_case_sensitive=raw.case_sensitive,
                whole_words=raw.whole_words,
                are_regex=are_regex,
            )

        self._keys = keys(raw.keys, raw.regex)
        needed = (raw.secondary_keys, self.decorators.additional_keys)
        self._needed = [keys(several) for several in needed if several]
        self._excluded = keys(self.decorators.exclude_keys)

    @property
    def has_regex(self) -> bool:
        return self._keys.has_regex or any(each.has_regex for each in self._needed)

    @property
    def importance(self) -> tuple[float, float, int]:
        """The least important is left out first."""
        raw = self.raw
        return (
            raw.order if raw.priority is None else raw.priority,
            raw.order,
            -self.number,
        )

    def is_told_always(self, answers: int) -> bool | None:
        """Yes or no where that does not depend on what was said."""
        rules = self.decorators
        if rules.activate:
            return True
        if rules.dont_activate or (rules.dont_activate_after_match and self.has_come_up):
            return False
        if rules.keep_activate_after_match and self.has_come_up:
            return True
        if answers < rules.activate_only_after or answers % rules.activate_only_every:
            return False
        return True if self.raw.constant else None

    def may_come_up(self, answers: int) -> bool:
        """Whether it may be told because of what was said, where its keys do not count."""
        return self.is_told_always(answers) is None

    def comes_up_in(self, text: Scanned) -> bool:
        return (
            self._keys.are_in(text)
            and all(needed.are_in(text) for needed in self._needed)
            and not self._excluded.are_in(text)
        )


class Lorebook:
    """What one character knows, for one conversation."""

    def __init__(self, character: Character) -> None:
        self._name = character.name
        self._settings = character.lorebook
        entries = (
            _Entry(raw, number)
            for number, raw in enumerate(character.lore[:MAX_ENTRIES])
            if raw.enabled
        )
        self._entries = [entry for entry in entries if entry.text]

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def has_regex(self) -> bool:
        """Whether looking for keys may take longer than a moment."""
        return any(entry.has_regex for entry in self._entries)

    def told(
        self, history: Sequence[ChatMessage], user: str = SOMEBODY, also: Iterable[int] = ()
    ) -> tuple[Told, ...]:
        """What comes up, in the order in which it is told.

        Args:
            history: What was said, the newest last.
            user: The name of whoever speaks.
            also: Entries that came up by their meaning, as `texts` numbers them.
        """
        answers = _answers(history)
        found = {entry.number: entry for entry in self._first(history)}
        self._recur(found, answers)
        by_key = set(found)
        meant = [self._entries[at] for at in also if at < len(self._entries)]
        found |= {each.number: each for each in meant if each.may_come_up(answers)}
        for entry in found.values():
            entry.has_come_up = True
        kept = self._within_budget(found.values(), by_key)
        return tuple(self._told(entry, user, len(history)) for entry in kept)

    def texts(self) -> tuple[str, ...]:
        """What the entries say, for whoever compares meanings."""
        return tuple(entry.text for entry in self._entries)

    def _first(self, history: Sequence[ChatMessage]) -> list[_Entry]:
        answers, scanned = _answers(history), dict[int, Scanned]()

        def last(depth: int) -> Scanned:
            if depth not in scanned:
                messages = history[-depth:] if depth else ()
                scanned[depth] = as_scanned("\n".join(each.content for each in messages))
            return scanned[depth]

        def comes_up(entry: _Entry) -> bool:
            always = entry.is_told_always(answers)
            own = entry.decorators.scan_depth
            depth = self._settings.scan_depth if own is None else own
            return entry.comes_up_in(last(depth)) if always is None else always

        return [entry for entry in self._entries if comes_up(entry)]

    def _recur(self, found: dict[int, _Entry], answers: int) -> None:
        newest = list(found.values())
        for _ in range(self._settings.recursion):
            text = as_scanned("\n".join(entry.text for entry in newest))
            newest = [
                entry
                for entry in self._entries
                if entry.number not in found
                and entry.is_told_always(answers) is None
                and entry.comes_up_in(text)
            ]
            if not newest:
                return
            found |= {entry.number: entry for entry in newest}

    def _within_budget(self, entries: Iterable[_Entry], by_key: set[int]) -> list[_Entry]:
        left, kept = self._settings.token_budget, []

        def importance(entry: _Entry) -> tuple[bool, tuple[float, float, int]]:
            return entry.number in by_key, entry.importance

        for entry in sorted(entries, key=importance, reverse=True):
            if entry.tokens <= left:
                left -= entry.tokens
                kept.append(entry)
        return sorted(kept, key=lambda each: (each.raw.order, each.number))

    def _told(self, entry: _Entry, user: str, num_messages: int) -> Told:
        rules = entry.decorators
        depth = rules.depth
        if depth is None and rules.reverse_depth is not None:
            depth = max(0, num_messages - rules.reverse_depth)
        in_persona = rules.in_persona or (entry.raw.constant and depth is None)
        text = expand(entry.text, self._name, user)
        return Told(text, rules.role, None if in_persona else depth, in_persona)


def lore_hooks(character: Character, by_meaning: ByMeaning | None = None) -> Hooks:
    """The lore that comes up is told right before the answer; what is always true, once, with the
    persona, where it costs nothing in later turns.
    """
    book = Lorebook(character)
    if not len(book):
        return Hooks()

    async def add(occasion: Occasion, prompt: Prompt) -> Prompt:
        also: Sequence[int] = ()
        if by_meaning is not None and occasion.said:
            also = await by_meaning(occasion.said, book.texts())
        user = occasion.speaker.name or SOMEBODY
        if book.has_regex or len(book) > AT_ONCE:
            told = await asyncio.to_thread(book.told, occasion.history, user, also)
        else:
            told = book.told(occasion.history, user, also)
        return with_lore(prompt, told)

    return Hooks(prompt=(add,))


def with_lore(prompt: Prompt, told: Sequence[Told]) -> Prompt:
    """The prompt with each entry in its place."""
    persona, *others = prompt.opening
    constant = [each.text for each in told if each.in_persona]
    persona = ChatMessage(persona.role, "\n\n".join((persona.content, *constant)))
    history = list(prompt.history)
    noted = [each for each in told if not each.in_persona and _is_note(each)]
    placed = [each for each in told if not each.in_persona and not _is_note(each)]
    # From the end on, so that places before it stay what they are.
    for _, each in sorted(enumerate(placed), key=lambda one: (one[1].depth or 0, -one[0])):
        at = max(0, len(prompt.history) - max(1, each.depth or 0))
        history.insert(at, ChatMessage(each.role, each.text))
    notes = (on_one_line(each.text) for each in noted)
    return replace(
        prompt, opening=(persona, *others), history=tuple(history), notes=(*prompt.notes, *notes)
    )


def _is_note(told: Told) -> bool:
    """Whether its place is where notes stand anyway."""
    return told.depth is None or (told.depth <= 1 and told.role == "system")


def _answers(history: Sequence[ChatMessage]) -> int:
    return sum(each.role == "assistant" for each in history)
