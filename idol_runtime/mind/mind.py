"""A character's mind: what takes hold of its conversations, made from its settings."""

from idol_runtime.conversation.hooks import Hooks, MakeHooks, Meeting
from idol_runtime.mind.languages import language_hooks
from idol_runtime.mind.lorebook import lore_hooks


def make_mind() -> MakeHooks:
    """Makes the hooks of every conversation of a cast."""

    def make_hooks(meeting: Meeting) -> Hooks:
        # In the order in which what they note is told: how to answer last.
        return lore_hooks(meeting.character) + language_hooks(meeting)

    return make_hooks
