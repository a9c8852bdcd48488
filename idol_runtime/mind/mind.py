"""A character's mind: what takes hold of its conversations, made from its settings."""

import time
from collections.abc import Callable

from idol_runtime.conversation.hooks import Hooks, MakeHooks, Meeting
from idol_runtime.mind.kept_moods import KeptMoods
from idol_runtime.mind.languages import language_hooks
from idol_runtime.mind.lore_meaning import Meanings
from idol_runtime.mind.lorebook import lore_hooks
from idol_runtime.mind.memory.keeping import Keeper
from idol_runtime.mind.memory.remembering import memory_hooks
from idol_runtime.mind.mood import MoodsInMemory, MoodStore, mood_hooks
from idol_runtime.mind.world import world_hooks


def make_mind(
    *,
    now_s: Callable[[], float] | None = None,
    keeper: Keeper | None = None,
    moods: MoodStore | None = None,
) -> MakeHooks:
    """Makes the hooks of every conversation of a cast.

    Args:
        now_s: Seconds since 1970; by default the keeper's clock, or this machine's.
        keeper: Of what is remembered beyond a conversation; without one nothing is.
        moods: Keeps how characters feel about people; by default the keeper does.
    """
    now = now_s or (keeper.clock if keeper else time.time)
    meanings = Meanings(keeper.embedded) if keeper else None
    moods = moods or (KeptMoods(keeper) if keeper else MoodsInMemory())

    def make_hooks(meeting: Meeting) -> Hooks:
        by_meaning = None if meanings is None else meanings.of(meeting.character.lorebook)
        # In the order in which what they note is told: how to answer last.
        return (
            memory_hooks(meeting, keeper)
            + mood_hooks(meeting, moods, now)
            + world_hooks(meeting)
            + lore_hooks(meeting.character, by_meaning)
            + language_hooks(meeting)
        )

    return make_hooks
