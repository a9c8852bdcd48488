"""Forty turns with SmolLM2: what was said first has left the prompt, and is known all the same."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

import pytest

from idol_runtime.character import Character, with_small_mind
from idol_runtime.conversation.models import ModelWorkers, start_models
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.dialogue.messages import (
    DialogueRequest,
    Generated,
    GenerationDone,
    TextDelta,
)
from idol_runtime.engine.model_files import fetch_models
from idol_runtime.mind.mind import make_mind
from idol_runtime.store import default_store
from tests.mind.talk import Writer, open_mind_talk

pytestmark = [pytest.mark.models, pytest.mark.slow]

CONTEXT = 1_024
TURNS = 40
FIRST = "Last winter my grandmother Ida and I repaired her old red tractor in the barn."
TOPICS = ("rain", "bread", "the sea", "old songs", "trains", "cats", "mountains", "snow")


@dataclass
class Real(Writer):
    """Asks a real model, and keeps what it was asked and what it said."""

    workers: ModelWorkers | None = None
    done: list[GenerationDone] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)

    is_done: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether a summary was written since somebody looked."""

    async def stream(self, request: DialogueRequest) -> AsyncGenerator[Generated, None]:
        assert self.workers is not None
        said, is_summary = "", request.priority < 0
        (self.unhurried if is_summary else self.asked).append(request)
        async for item in self.workers.dialogue.stream(request):
            if isinstance(item, TextDelta):
                said += item.text
            elif isinstance(item, GenerationDone) and not is_summary:
                self.done.append(item)
            yield item
        if is_summary:
            self.summaries.append(said)
            self.is_done.set()


@pytest.fixture
async def workers() -> AsyncIterator[ModelWorkers]:
    folders = fetch_models(default_store(), with_small_mind(Character("Ren", "You are Ren.")))
    workers = start_models(folders, provider="cpu", threads=1)
    yield workers
    await workers.aclose()


async def test_what_was_said_first_is_known_after_forty_turns(workers: ModelWorkers) -> None:
    ren = Character("Ren", "You are Ren, a quiet gardener who answers in one short sentence.")
    writer = Real(workers=workers)
    talk = open_mind_talk(ren, make_mind(), context=CONTEXT, writer=writer)
    brief = ReplyOptions(spoken=False, max_tokens=12, seed=1)
    for number in range(TURNS):
        topic = TOPICS[number % len(TOPICS)]
        question = f"What do you think of {topic} on day {number}?" if number else FIRST
        talk.conversation.hear(question)
        await talk.conversation.reply(brief)
        await talk.conversation.aclose()  # until its hooks were told
        await asyncio.sleep(0)
        if len(writer.unhurried) > len(writer.summaries):
            await writer.is_done.wait()
            writer.is_done.clear()
    messages = talk.writer.asked[-1].messages
    assert not any(FIRST in each.content for each in messages if each.role == "user")
    [note] = [note for note in talk.notes if note.startswith("Earlier: ")]
    assert "red tractor" in note
    assert len(writer.summaries) >= 2
    # Most prompts begin as the one before them, whose attention state is still there.
    read = sum(done.prompt_tokens for done in writer.done)
    assert sum(done.cached_tokens for done in writer.done) > 0.6 * read
    assert max(done.prompt_tokens for done in writer.done) < CONTEXT
