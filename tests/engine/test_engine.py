"""An engine with workers, the stage and a cast, in real time."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from idol_protocol.frames import AudioChunk
from idol_protocol.items import InputText, MessageItem
from idol_runtime.character import load_character
from idol_runtime.conversation.events import ConversationEvent, TurnEnded
from idol_runtime.conversation.models import ModelFolders
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.turn_handle import Ended
from idol_runtime.dialogue.messages import GenerationDone
from idol_runtime.engine.engine import CastEntry, Engine, EngineConfig, open_engine
from idol_runtime.errors import ConfigError
from idol_runtime.timeline import Card, Frame

CONFIG = EngineConfig("cpu", threads=1)


@dataclass(eq=False)
class Sender:
    """An output and a viewer that counts what it is given."""

    num_samples: int = 0
    ended: list[Ended] = field(default_factory=list)
    is_closed: bool = False

    async def open(self, card: Card) -> None:
        pass

    def on_frame(self, frame: Frame) -> None:
        if isinstance(frame, AudioChunk):
            self.num_samples += len(frame.samples)

    def on_event(self, event: ConversationEvent) -> None:
        if isinstance(event, TurnEnded):
            self.ended.append(event.ended)

    async def aclose(self) -> None:
        self.is_closed = True


@dataclass
class Company:
    """Ren, whom each session has to itself, and a shared Mai of the same bundles."""

    engine: Engine
    sender: Sender
    """An output of Mai's."""

    async def answer(self, name: str, text: str) -> Sender:
        """What somebody sees who says this to one of them."""
        handle, viewer = await self.engine.cast.enter(name, is_host=True), Sender()
        await handle.watch(viewer)
        await handle.add(MessageItem(role="user", content=[InputText(text=text)]))
        await handle.reply(ReplyOptions())
        await handle.settled()
        await handle.leave()
        return viewer


@pytest.fixture
async def company(folders: ModelFolders, desk: Path) -> AsyncIterator[Company]:
    ren, sender = load_character(desk / "ren"), Sender()
    entries = [
        CastEntry("ren", ren, folders),
        CastEntry("mai", replace(ren, name="Mai"), folders, is_shared=True, outputs=(sender,)),
    ]
    async with open_engine(entries, CONFIG) as engine:
        yield Company(engine, sender)
    assert sender.is_closed
    assert engine.ticking.cancelled()
    assert not workers()


def workers() -> set[str]:
    return {each.name for each in multiprocessing.active_children()}


async def test_characters_of_the_same_bundles_share_their_workers(company: Company) -> None:
    assert not workers()
    await company.engine.warm_up()
    assert workers() == {"idol-dialogue", "idol-speech"}
    assert len(multiprocessing.active_children()) == 2
    seen = await asyncio.gather(company.answer("ren", "Hi, Ren."), company.answer("mai", "Hi."))
    assert len(multiprocessing.active_children()) == 2
    assert [each.ended[0].status for each in seen] == ["completed", "completed"]
    assert [each.ended[0].item.text for each in seen] == ["Hi, Ren.", "Hi."]
    ren, mai = seen
    assert 0 < mai.num_samples < ren.num_samples
    assert company.sender.num_samples == mai.num_samples  # of the shared one alone


async def test_ticks_and_answers_are_reported_to_whoever_watches(company: Company) -> None:
    ticks_s: list[float] = []
    ended: list[Ended] = []
    company.engine.watch_ticks(ticks_s.append)
    company.engine.watch_turns(ended.append)
    replies: list[tuple[int, GenerationDone]] = []
    company.engine.watch_replies(lambda model, done: replies.append((model, done)))
    seen = await company.answer("ren", "Hi, Ren.")
    assert ended == seen.ended
    assert [(model, done.finish_reason) for model, done in replies] == [(0, "stop")]
    assert len(ticks_s) > 3
    assert min(ticks_s) > 0


async def test_outputs_that_could_not_be_opened_are_reported_to_who_watches_later(
    folders: ModelFolders, desk: Path
) -> None:
    class Unreachable(Sender):
        async def open(self, card: Card) -> None:
            raise ConnectionRefusedError

    failing, working = Unreachable(), Sender()
    ren = load_character(desk / "ren")
    entry = CastEntry("ren", ren, folders, is_shared=True, outputs=(failing, working))
    async with open_engine([entry], CONFIG) as engine:
        evicted: list[str] = []
        engine.watch_evictions(evicted.append)
    assert evicted == ["Unreachable"]
    assert failing.is_closed


async def test_two_characters_of_one_name_are_refused(folders: ModelFolders, desk: Path) -> None:
    entry = CastEntry("ren", load_character(desk / "ren"), folders)
    with pytest.raises(ConfigError, match="different names, found ren, ren; rename one"):
        async with open_engine([entry, entry], CONFIG):
            pass
    assert not workers()
