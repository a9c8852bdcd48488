"""What a turn is to answer, and how."""

from dataclasses import dataclass

from idol_runtime.character import Character
from idol_runtime.conversation.hooks import Hooks, Occasion
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.dialogue.cues import AllowedCues


@dataclass(frozen=True, slots=True)
class TurnRequest:
    id: str
    character: Character
    occasion: Occasion
    options: ReplyOptions
    hooks: Hooks
    greeting: str | None = None
    """Said word for word instead of asking the dialogue model, where nobody has said anything."""

    @property
    def is_to_be_new(self) -> bool:
        """Whether nothing may be said twice; what is asked beside the conversation may be so."""
        return self.options.joins and not self.character.repeats

    @property
    def allowed(self) -> AllowedCues:
        """What the reply may do beside its words."""
        character, actions = self.character, self.options.actions
        return AllowedCues(
            gestures=character.gestures,
            actions=tuple(character.actions) if actions is None else actions,
        )
