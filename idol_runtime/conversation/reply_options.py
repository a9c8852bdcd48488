"""What one answer may change."""

from collections.abc import Mapping
from dataclasses import dataclass

from idol_protocol.items import ItemReference, MessageItem
from idol_runtime.character import Action
from idol_runtime.conversation.items import NOBODY_KNOWN, Speaker


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """How one answer is made; what is None follows the character."""

    instructions: str = ""
    """Takes the place of the persona for this answer; empty for the persona."""
    spoken: bool = True
    """False for an answer in text only: the body stays, the voice is silent."""
    max_tokens: int | None = None
    voice: str | None = None
    speed: float | None = None
    temperature: float | None = None
    seed: int | None = None
    """Draws the reply; None draws a new one each time."""
    actions: tuple[Action, ...] | None = None
    """What the answer may call, as `checked_actions` gives it; None for what the character can."""
    context: tuple[MessageItem | ItemReference, ...] | None = None
    """What is answered in place of the conversation."""
    joins: bool = True
    """Whether the answer becomes an item of the conversation."""
    asked_by: Speaker = NOBODY_KNOWN
    """Who is talked to where nobody has said anything yet."""
    metadata: Mapping[str, str] | None = None
    """Kept for whoever asked; nothing reads it here."""

    @property
    def is_aside(self) -> bool:
        """Whether it is neither seen nor heard by anybody but whoever asked for it."""
        return not self.joins and not self.spoken


AS_THE_CHARACTER = ReplyOptions()
"""Nothing is changed."""
