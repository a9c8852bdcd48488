"""A character's mind: what takes hold of its conversations, made from its settings."""

import time
from collections.abc import Callable

from idol_runtime.conversation.hooks import Hooks, MakeHooks, Meeting
from idol_runtime.mind.languages import language_hooks
from idol_runtime.mind.lorebook import lore_hooks
from idol_runtime.mind.memory.keeping import Keeper
from idol_runtime.mind.memory.remembering import memory_hooks
from idol_runtime.mind.mood import MoodsInMemory, MoodStore, mood_hooks
from idol_runtime.mind.world import world_hooks


def make_mind(
    *,
    now_s: Callable[[], float] = time.time,
    keeper: Keeper | None = None,
    moods: MoodStore | None = None,
) -> MakeHooks:
    """Makes the hooks of every conversation of a cast.

    Args:
        now_s: The time of the day, in seconds.
        keeper: Of what is remembered beyond a conversation; without one nothing is.
        moods: Keeps how characters feel about people; in memory by default.
    """
    moods = moods or MoodsInMemory()

    def make_hooks(meeting: Meeting) -> Hooks:
        # In the order in which what they note is told: how to answer last.
        return (
            memory_hooks(meeting, keeper)
            + mood_hooks(meeting, moods, now_s)
            + world_hooks(meeting)
            + lore_hooks(meeting.character)
            + language_hooks(meeting)
        )

    return make_hooks
