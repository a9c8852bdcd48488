"""Who lives here, without a server: real performers on a stage whose time moves by hand."""

import asyncio
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from idol_protocol.frames import FaceFrame
from idol_protocol.items import InputText, MessageItem
from idol_runtime.character import DEFAULT_CHARACTER, load_character
from idol_runtime.conversation.character_handle import CharacterHandle
from idol_runtime.conversation.events import ConversationEvent, TurnEnded, TurnStarted
from idol_runtime.conversation.hooks import Hooks, Meeting
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.turn_handle import Ended
from idol_runtime.engine.cast import LiveCast
from idol_runtime.engine.engine import open_stage
from idol_runtime.engine.live_character import Member
from idol_runtime.engine.meetings import Meetings
from idol_runtime.errors import RequestError
from idol_runtime.timeline import Card, Frame, PlaybackCut, VirtualClock
from tests.engine.counted_stage import CountedStage
from tests.server.conftest import ScriptedDialogue, ScriptedSpeech

HOSHI = load_character(DEFAULT_CHARACTER)
REN = replace(HOSHI, name="Ren")


class Viewer:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.events: list[ConversationEvent] = []

    def on_frame(self, frame: Frame) -> None:
        self.frames.append(frame)

    def on_event(self, event: ConversationEvent) -> None:
        self.events.append(event)

    @property
    def faces(self) -> list[bytes]:
        return [each.weights.tobytes() for each in self.frames if isinstance(each, FaceFrame)]


class Sender(Viewer):
    """An output that notes what it had been given when it was closed."""

    frames_at_close: list[Frame]

    async def open(self, card: Card) -> None:
        pass

    async def aclose(self) -> None:
        self.frames_at_close = list(self.frames)


@dataclass
class House:
    """A private Hoshi and a shared Ren."""

    stage: CountedStage = field(
        default_factory=lambda: CountedStage(open_stage("cpu", VirtualClock()))
    )
    dialogue: ScriptedDialogue = field(default_factory=ScriptedDialogue)
    made: list[tuple[str, str]] = field(default_factory=list)
    """The hooks that were made: of which character, for which conversation."""
    ended: list[Ended] = field(default_factory=list)

    def __post_init__(self) -> None:
        models = Models(self.dialogue, ScriptedSpeech())
        members = [Member("hoshi", HOSHI, models), Member("ren", REN, models, is_shared=True)]
        self.cast = LiveCast(self.stage, members, self.make_hooks)
        self.cast.on_turn_ended = self.ended.append

    def make_hooks(self, meeting: Meeting) -> Hooks:
        self.made.append((meeting.character_id, meeting.conversation_id))
        return Hooks()

    async def enter(self, name: str) -> CharacterHandle:
        return await self.cast.enter(name, is_host=False)

    async def singing(self, name: str) -> CharacterHandle:
        """A character in the middle of an answer that never ends."""
        self.dialogue.never_ends = True
        handle = await self.enter(name)
        await handle.reply(ReplyOptions())
        await self.steps(20)
        return handle

    async def steps(self, count: int) -> None:
        for _ in range(count):
            self.stage.stage.tick()
            await asyncio.sleep(0)

    async def finish(self, handle: CharacterHandle) -> None:
        """Moves the clock until the answer is given."""
        settled = asyncio.create_task(handle.settled())
        while not settled.done():
            await self.steps(1)


@pytest.fixture
def house() -> House:
    return House()


def said(text: str) -> MessageItem:
    return MessageItem(role="user", content=[InputText(text=text)])


async def test_a_private_character_comes_and_goes_with_its_session(house: House) -> None:
    before = len(house.stage.performers)
    one, other = await house.enter("hoshi"), await house.enter("hoshi")
    assert len(house.stage.performers) == before + 2
    assert one.card.conversation_id != other.card.conversation_id
    await one.leave()
    await other.leave()
    assert len(house.stage.performers) == before


async def test_a_shared_character_is_alive_before_and_after_anyone_sees_it(house: House) -> None:
    [ren] = house.stage.performers
    one, other = await house.enter("ren"), await house.enter("ren")
    assert house.stage.performers == [ren]
    assert one.card == other.card
    assert one.card.is_shared
    await one.leave()
    await other.leave()
    assert house.stage.performers == [ren]
    await house.steps(3)
    assert ren.frame == 3


async def test_no_two_characters_move_alike(house: House) -> None:
    viewers = [Viewer() for _ in range(3)]
    for viewer, name in zip(viewers, ("hoshi", "hoshi", "ren"), strict=True):
        await (await house.enter(name)).watch(viewer)
    await house.steps(30)
    assert len(set(house.stage.seeds)) == len(house.stage.seeds) == 3
    one, other, shared = (viewer.faces for viewer in viewers)
    assert len(one) == len(other) == len(shared) == 30
    assert one != other != shared != one


async def test_each_conversation_has_hooks_of_its_own(house: House) -> None:
    assert [name for name, _ in house.made] == ["ren"]  # shared, so already there
    handles = [await house.enter(name) for name in ("hoshi", "ren", "hoshi", "ren")]
    assert [name for name, _ in house.made] == ["ren", "hoshi", "hoshi"]
    assert {each for _, each in house.made} == {each.card.conversation_id for each in handles}


async def test_all_who_watch_a_shared_character_see_the_same_and_who_leaves_sees_no_more(
    house: House,
) -> None:
    handles = [await house.enter("ren") for _ in range(2)]
    one, other = Viewer(), Viewer()
    await handles[0].watch(one)
    await handles[1].watch(other)
    await handles[0].add(said("Hello."))
    await handles[0].reply(ReplyOptions())
    await house.finish(handles[1])
    assert one.frames == other.frames
    assert one.events == other.events
    assert isinstance(one.events[-1], TurnEnded)
    assert await handles[0].now_us() == await handles[1].now_us()
    await handles[0].leave()
    seen = len(one.frames), len(one.events)
    await handles[1].add(said("Are you there?"))
    await house.steps(3)
    assert (len(one.frames), len(one.events)) == seen
    assert len(other.events) == seen[1] + 1


async def test_who_comes_in_the_middle_of_an_answer_is_shown_that_it_has_begun(
    house: House,
) -> None:
    await house.singing("ren")
    late = Viewer()
    await (await house.enter("ren")).watch(late)
    assert [type(each) for each in late.events] == [TurnStarted]


async def test_every_answer_that_ends_is_reported_once(house: House) -> None:
    handles = [await house.enter(name) for name in ("hoshi", "ren", "ren")]
    for handle in handles[:2]:
        await handle.reply(ReplyOptions())
        await house.finish(handle)
    assert [each.status for each in house.ended] == ["completed", "completed"]


async def test_leaving_ends_the_answer_of_a_private_character_alone(house: House) -> None:
    private, shared = await house.singing("hoshi"), await house.singing("ren")
    await private.leave()
    await shared.leave()
    assert [each.status for each in house.ended] == ["cancelled"]
    assert len(house.stage.performers) == 1
    await (await house.enter("ren")).cancel()
    assert [each.status for each in house.ended] == ["cancelled", "cancelled"]


async def test_a_session_that_is_ended_while_it_leaves_leaves_nobody_behind(house: House) -> None:
    handle = await house.singing("hoshi")
    leaving = asyncio.create_task(handle.leave())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    assert len(house.stage.performers) == 1


async def test_a_closed_cast_leaves_the_stage_empty_and_its_outputs_whole(house: House) -> None:
    sender = Sender()
    await house.cast.send_to(sender, "ren")
    await house.singing("ren")
    await house.cast.aclose()
    assert house.stage.performers == []
    assert [each.status for each in house.ended] == ["cancelled"]
    assert isinstance(sender.frames_at_close[-1], PlaybackCut)
    await house.steps(3)
    assert sender.frames == sender.frames_at_close


async def test_what_is_not_being_given_cannot_be_cancelled(house: House) -> None:
    handle = await house.singing("ren")
    with pytest.raises(RequestError, match="but that is resp_"):
        await handle.cancel("resp_of_another_time")
    await handle.cancel()
    with pytest.raises(RequestError, match="but none is being given"):
        await handle.cancel()


def test_names_are_those_of_the_folders_and_the_first_is_the_default(house: House) -> None:
    assert house.cast.names == ("hoshi", "ren")
    assert [house.cast.find(each) for each in (None, "", "gpt-realtime", "ren", "Ren")] == [
        "hoshi", "hoshi", "hoshi", "ren", None,
    ]  # fmt: skip


async def test_who_watches_moves_over_to_a_session_that_lasts_not_to_one_that_only_passes_by() -> (
    None
):
    house = House()
    first, brief = (house.cast.join("hoshi") for _ in range(2))
    patient = Meetings(settle_s=60)
    patient.begin("hoshi", first)
    waiting = asyncio.create_task(patient.passed("hoshi", first))
    await asyncio.sleep(0)
    patient.begin("hoshi", brief)
    await asyncio.sleep(0)
    patient.end(brief)
    await asyncio.sleep(0)
    assert not waiting.done()
    patient.end(first)
    await waiting
