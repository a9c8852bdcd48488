"""What the server needs of the engine; `idol_runtime.engine.engine.Engine` has it."""

from typing import Protocol

from idol_runtime.character import Character
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.stage.performer import Performer


class MediaClocks(Protocol):
    def now_us(self, performer: Performer) -> int:
        """The character's media time."""
        ...


class Host(Protocol):
    @property
    def stage(self) -> MediaClocks: ...

    def join(self, character: Character, *, seed: int | None = None) -> Conversation: ...

    async def leave(self, conversation: Conversation) -> None: ...
