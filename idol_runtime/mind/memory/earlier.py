"""What a character knows of the part of a conversation that its prompt holds no more.

Rules retell at once what users told in it; then, between two turns, the dialogue model writes a
summary, which takes the place of what it holds.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from idol_runtime.conversation.hooks import Meeting, Occasion
from idol_runtime.conversation.prompt import Prompt
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.mind.memory.notes import tokens_in
from idol_runtime.mind.memory.settings import MemorySettings
from idol_runtime.mind.memory.summarising import (
    checked_summary,
    share_of,
    summary_request,
    written_summary,
)
from idol_runtime.mind.memory.summary import Retold, most_telling, retold, told_of
from idol_runtime.mind.memory.window import (
    KEPT,
    USUAL_CONTEXT,
    cut_start,
    tokens_of,
    window_start,
    window_tokens,
)

log = logging.getLogger(__name__)

SOON: Final = 0.8
"""Of a window that is so full is summed up what leaves it when it moves."""
MODELS_SHARE: Final = 0.75
"""Of the tokens of a summary, for what the model wrote; the rest is for the users' lines."""
CHARACTERS_A_TOKEN: Final = 4
IN_IT: Final = 0.6
"""Of a line's words, in a summary that says as much."""
MOST_UNREAD: Final = 60
"""Messages that wait for the model; what it does not come to is left to the rules."""


@dataclass(slots=True)
class _Talk:
    """How far a conversation has gone; places are counted from its first message on, whether it is
    still there or not.
    """

    first: int = 0
    """The place of the first of `messages`."""
    messages: tuple[ChatMessage, ...] = ()
    """As they were at the last answer."""
    start: int = 0
    """Where the prompt's window begins."""
    summed_up: int = 0
    """Up to where the model's summary goes."""
    refused: int = -1
    """Up to where the model was asked for a summary that was of no use."""
    summary: str = ""
    """In the model's words."""
    lines: list[Retold] = field(default_factory=list)
    """What users told before the window."""
    unread: list[ChatMessage] = field(default_factory=list)
    """What has left the window and is not in the summary."""

    @property
    def settled(self) -> int:
        """Up to where nothing may change without what is known of it being wrong."""
        return max(self.start, self.summed_up)

    def goes_on_as(self, first: int, messages: Sequence[ChatMessage]) -> bool:
        """Whether what has left the window, as far as it is still there, is what it was."""
        before = self.messages[first - self.first : max(0, self.settled - self.first)]
        return first >= self.first and tuple(messages[: len(before)]) == before


class Earlier:
    """Of one conversation."""

    def __init__(self, meeting: Meeting, settings: MemorySettings) -> None:
        self._meeting = meeting
        self._settings = settings
        self._talk = _Talk()
        self._most = 0.0
        """Tokens that the window may hold."""
        self._writing: asyncio.Task[None] | None = None

    async def windowed(self, occasion: Occasion, prompt: Prompt) -> Prompt:
        """The prompt with as much of the conversation as it can hold."""
        self.be_quiet()
        context = await self._meeting.context() or USUAL_CONTEXT
        character, world = self._meeting.character, self._meeting.world
        most = window_tokens(context, prompt, character, world, self._settings)
        told = _told_before(occasion.history)
        messages = occasion.history[told:]
        if occasion.let_go is None:
            start = window_start(messages, 0, most)
        else:
            self._most = most
            start = self._move(occasion.let_go, messages)
        if len(prompt.history) != len(occasion.history):
            return prompt
        kept = prompt.history[:told] + prompt.history[told + start :]
        return replace(prompt, history=kept)

    def note(self, who: str) -> list[str]:
        """What was said before the window, in one note; none where nothing has left it."""
        told = self._told(who, is_kept=False)
        return [f"Earlier: {told}"] if told else []

    def worth_keeping(self, who: str) -> str:
        """The same for another conversation: without a word as it was said."""
        return self._told(who, is_kept=True)

    def forget(self) -> None:
        """Tells no more of what has left the window by now: who said it may have erased it."""
        self.be_quiet()
        talk = self._talk
        talk.summary, talk.lines, talk.unread = "", [], []
        talk.summed_up = min(talk.summed_up, talk.start)

    def be_quiet(self) -> None:
        """Somebody talks: what is being written for nobody in particular stops."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.cancel()

    def sum_up(self, who: str) -> "asyncio.Task[None] | None":
        """Begins a summary of what has left the window or is about to, where something has.

        It ends by itself, or when somebody talks; the task is for whoever wants to know.
        """
        self.be_quiet()
        talk = self._talk
        upto = self._leaves_soon()
        leaving = talk.messages[max(0, talk.settled - talk.first) : upto - talk.first]
        messages = [*talk.unread, *leaving]
        tokens = int(self._settings.summary_tokens * MODELS_SHARE)
        if not messages or not tokens or not self._settings.summary_by_model:
            return None
        if talk.start <= talk.refused:  # there is little more to ask about
            return None
        name = self._meeting.character.name
        request = summary_request(messages, talk.summary, who, name, tokens)
        if request is None:
            return None

        async def write() -> None:
            text = await written_summary(self._meeting.dialogue, request)
            sources = (who, name, talk.summary, *(each.content for each in messages))
            summary = checked_summary(text, sources, tokens * CHARACTERS_A_TOKEN)
            if summary is None:
                talk.refused = upto
            else:
                talk.summary, talk.unread, talk.summed_up = summary, [], upto

        self._writing = task = asyncio.create_task(write())
        task.add_done_callback(self._written)
        return task

    # What has left the window

    def _move(self, first: int, messages: tuple[ChatMessage, ...]) -> int:
        """Moves the window where it has to; where it begins among these messages."""
        talk = self._talk
        if not talk.goes_on_as(first, messages):  # somebody has changed the past
            talk = self._talk = _Talk(first=first, start=first)
        # What was let go of has left the window, too.
        self._leave(talk.messages[max(0, talk.start - talk.first) : first - talk.first])
        talk.start = max(talk.start, first)
        begin = talk.start - first
        moved = window_start(messages, begin, self._most)
        summed_up = talk.summed_up - first
        if begin < summed_up < moved and tokens_of(messages[summed_up:]) <= SOON * self._most:
            moved = summed_up
        self._leave(messages[begin:moved])
        talk.first, talk.messages, talk.start = first, messages, first + moved
        return moved

    def _leave(self, messages: Sequence[ChatMessage]) -> None:
        talk = self._talk
        others = tuple(f"{each}: " for each in self._meeting.world.company)
        for place, message in enumerate(messages, talk.start):
            is_a_users = message.role == "user" and not message.content.startswith(others)
            if is_a_users and (line := retold(message.content, place)) is not None:
                talk.lines = most_telling([*talk.lines, line])
            if place >= talk.summed_up:
                talk.unread = [*talk.unread, message][-MOST_UNREAD:]
        talk.start += len(messages)

    def _leaves_soon(self) -> int:
        """Up to where messages will leave when the window moves next, if that is soon."""
        talk = self._talk
        begin = talk.start - talk.first
        is_soon = tokens_of(talk.messages[begin:]) >= SOON * self._most
        if talk.summed_up > talk.start or not is_soon:
            return talk.settled
        # What is said until it moves fills it up to `KEPT` again.
        left = (KEPT - (1.0 - SOON)) * self._most
        return talk.first + cut_start(talk.messages, begin, left)

    def _told(self, who: str, *, is_kept: bool) -> str:
        talk = self._talk
        if not talk.start or not self._settings.summary_tokens:
            return ""
        lines = [
            line
            for line in talk.lines
            if share_of(line.text, talk.summary) < IN_IT and not (is_kept and line.is_quoted)
        ]
        budget = self._settings.summary_tokens - tokens_in(talk.summary)
        return " ".join(filter(None, (talk.summary, told_of(lines, who, budget))))

    def _written(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            # It is left to the rules; the message may quote what was said.
            log.info("no summary was written", extra={"error": type(error).__name__})


def _told_before(history: Sequence[ChatMessage]) -> int:
    """How many of a client's own system messages stand in front; they always stay."""
    return next((at for at, each in enumerate(history) if each.role != "system"), len(history))
