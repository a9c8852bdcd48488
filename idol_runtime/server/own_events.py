"""Events of ours on a session's way out: a plain Realtime client gets none before it asked."""

from typing import Final

from idol_protocol.events import is_ours
from idol_protocol.idol_events import (
    IdolActivity,
    IdolCharacter,
    IdolEmotion,
    IdolGoaway,
    IdolPhonemes,
    IdolPlaybackCut,
    IdolResumeToken,
    IdolStreamOpened,
    IdolUtteranceEnded,
    IdolUtteranceStarted,
)
from idol_protocol.server_events import ServerEvent

_HOLDS: Final = (
    IdolCharacter,
    IdolResumeToken,
    IdolStreamOpened,
    IdolActivity,
    IdolEmotion,
    IdolUtteranceStarted,
    IdolPhonemes,
    IdolGoaway,
)
"""What holds until the next of its type: state, not a moment."""


class OwnEvents:
    """Holds our events back while the client may know nothing but the Realtime API."""

    def __init__(self) -> None:
        self.is_open = False
        """Whether the client is told of ours."""
        self._held: dict[type[ServerEvent], ServerEvent] = {}

    def passes(self, event: ServerEvent) -> bool:
        """Whether the client gets this event; what it does not get is kept while it holds."""
        if self.is_open or not is_ours(event):
            return True
        if isinstance(event, IdolUtteranceEnded | IdolPlaybackCut):
            self._held.pop(IdolUtteranceStarted, None)
            self._held.pop(IdolPhonemes, None)
        elif isinstance(event, _HOLDS):
            self._held.pop(type(event), None)  # so that they stay in the order in which they came
            self._held[type(event)] = event
        return False

    def open(self) -> list[ServerEvent]:
        """From now on every event passes.

        Returns:
            What the client was not told and still holds, oldest first.
        """
        self.is_open = True
        held, self._held = list(self._held.values()), {}
        return held
