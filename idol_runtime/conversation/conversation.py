"""A conversation: a character on the stage, what was said so far, at most one turn at a time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

from idol_runtime.character import Character
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.turn import Turn, run_turn
from idol_runtime.conversation.turn_metrics import TurnMetrics
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.errors import InputError
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.utterance import line_of
from idol_runtime.timeline import Frame, UtteranceStarted

MAX_TEXT_CHARS = 8_000
"""Longer than anything said to a character; a longer text is refused before the model sees it."""


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """What one response may change."""

    instructions: str = ""
    spoken: bool = True
    max_tokens: int | None = None
    voice: str | None = None
    seed: int | None = None


@dataclass(slots=True)
class _Heard:
    """An output that keeps the clauses whose sound was handed over, gesture tags and all."""

    clauses: list[str] = field(default_factory=list)

    def on_frame(self, frame: Frame) -> None:
        if isinstance(frame, UtteranceStarted):
            self.clauses.append(line_of(frame).written)

    __hash__ = object.__hash__


class Conversation:
    """What one user and one character say to each other."""

    def __init__(self, character: Character, performer: Performer, models: Models) -> None:
        self.character = character
        self.performer = performer
        self.history: list[ChatMessage] = []
        self.written = ""
        """What was really said last as the dialogue model wrote it, gesture tags and all."""
        self._models = models
        self._turn: asyncio.Task[TurnMetrics] | None = None

    @property
    def is_replying(self) -> bool:
        return self._turn is not None

    def hear(self, text: str) -> None:
        """Adds what the user said; the character listens.

        Raises:
            InputError: the text is empty or longer than `MAX_TEXT_CHARS`.
        """
        check_text(text)
        self.history.append(ChatMessage("user", text))
        self.performer.activity = "listen"

    async def reply(
        self,
        on_reply: Callable[[str], None],
        options: ReplyOptions = ReplyOptions(),  # frozen, so sharing it is safe
        *,
        turn_id: str | None = None,
    ) -> TurnMetrics:
        """Answers what was heard, or greets when nothing was heard yet.

        The history keeps what was really said: after a cancelled reply, only the clauses whose
        sound was handed over. Gesture tags stay in it, so that the model goes on using them.

        Args:
            on_reply: Told the reply piece by piece, without gesture tags.
            options: What this reply changes.
            turn_id: Names the turn in cues; made up by default.

        Raises:
            InputError: a reply is already being given.
            asyncio.CancelledError: `cancel` was called.
        """
        if self._turn is not None:
            raise InputError(
                "Expected one reply at a time, but one is being given; cancel it first."
            )
        turn = Turn(
            turn_id or f"turn_{uuid4().hex[:12]}",
            self.character,
            tuple(self.history),
            options.instructions,
            scripted_reply=None if self.history else self.character.greeting or None,
            spoken=options.spoken,
            max_tokens=options.max_tokens,
            voice=options.voice,
            seed=options.seed,
        )
        written: list[str] = []
        heard = _Heard()
        self.performer.attach(heard)
        self._turn = asyncio.create_task(
            run_turn(turn, self._models, self.performer, on_reply, written.append)
        )
        finished = False
        try:
            metrics = await self._turn
            finished = True
            return metrics
        finally:
            self._turn.cancel()  # does nothing to a finished task
            self._turn = None
            self.performer.detach(heard)
            self.performer.activity = "idle"
            if not finished:
                self.performer.cut()
            said = "".join(written) if finished or not turn.spoken else " ".join(heard.clauses)
            self.written = said.strip()
            if self.written:
                self.history.append(ChatMessage("assistant", self.written))

    async def cancel(self) -> None:
        """Stops the reply that is being given, if any, and waits until it has stopped."""
        if (turn := self._turn) is not None:
            turn.cancel()
            await asyncio.wait([turn])


def check_text(text: str) -> None:
    """Refuses text no character can answer.

    Raises:
        InputError: the text is empty or longer than `MAX_TEXT_CHARS`.
    """
    if not text.strip():
        raise InputError("Expected some text, found none; say something to the character.")
    if len(text) > MAX_TEXT_CHARS:
        raise InputError(
            f"Expected at most {MAX_TEXT_CHARS} characters, found {len(text)}; "
            "send a shorter text, or several."
        )
