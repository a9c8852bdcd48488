"""Has the dialogue model read what was said while nobody waits for it.

The notes of an answer stand before what it answers, and are gone in the next prompt: without this
the last question and its answer would be read once more when somebody waits for the first words.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

from idol_runtime.character import Sampling
from idol_runtime.conversation.hooks import Hooks, Occasion
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.prompt import Prompt
from idol_runtime.dialogue.messages import ChatMessage, DialogueRequest

log = logging.getLogger(__name__)

_NEXT = ChatMessage("user", ".")
"""In place of what is said next: templates want somebody to be answered."""


class ReadingAhead:
    """Of one conversation."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._prompt: Prompt | None = None
        """The last one, as the hooks left it."""
        self._history: tuple[ChatMessage, ...] = ()
        """What had been said then, all of it."""
        self._reading: asyncio.Task[None] | None = None
        self.hooks = Hooks(answer=(self._somebody_waits,), prompt=(self._look_at,))
        """They come behind all others."""

    def begin(self, history: Sequence[ChatMessage]) -> None:
        """An answer has ended.

        Args:
            history: The conversation with it.
        """
        self.stop()
        known = len(self._history)
        if self._prompt is None or not known or tuple(history[:known]) != self._history:
            return
        if not self._models.has_time_to_read():
            return
        said = (*self._prompt.history, *history[known:], _NEXT)
        messages = replace(self._prompt, history=said, notes=()).messages()
        self._reading = task = asyncio.create_task(self._read(messages))
        task.add_done_callback(_ended)

    def stop(self) -> None:
        """What was read so far stays read."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()

    async def _read(self, messages: tuple[ChatMessage, ...]) -> None:
        request = DialogueRequest(messages, Sampling(), max_tokens=1, priority=-1)
        async with aclosing(self._models.dialogue.stream(request)) as items:
            async for _ in items:
                pass

    async def _somebody_waits(self, occasion: Occasion) -> None:
        self.stop()

    async def _look_at(self, occasion: Occasion, prompt: Prompt) -> Prompt:
        if occasion.let_go is not None:  # else it is another history than the conversation's
            self._prompt, self._history = prompt, occasion.history
        return prompt


def _ended(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        # Then it is read when it is needed; the message may quote what was said.
        log.info("nothing was read ahead", extra={"error": type(error).__name__})
