"""Characters in one scene: who hears what, and who speaks next."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

import pytest
from msgspec import UNSET

from idol_protocol.items import InputText, MessageItem
from idol_runtime.character import Character
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.items import ItemLimits, Speaker, messages_of
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.turn_handle import Turn
from idol_runtime.dialogue.messages import DialogueRequest, Generated, GenerationDone, TextDelta
from idol_runtime.engine.cast import LiveCast
from idol_runtime.engine.live_character import Member
from idol_runtime.errors import ConfigError
from idol_runtime.mind.mind import make_mind
from tests.server.conftest import ScriptedSpeech, SteppedStage

TEXT = ReplyOptions(spoken=False)
SAM = Speaker("sam", "Sam")


@dataclass
class Script:
    """A dialogue model that has its lines; after the last one it says the last one again."""

    lines: list[str]
    asked: list[DialogueRequest] = field(default_factory=list)

    async def stream(self, request: DialogueRequest) -> AsyncGenerator[Generated, None]:
        self.asked.append(request)
        yield TextDelta(self.lines.pop(0) if len(self.lines) > 1 else self.lines[0])
        yield GenerationDone("stop")


class Tavern:
    """Ren, Mio and Kai Stone, who have a scene together; Ada is shared, too, and elsewhere."""

    def __init__(self, stage: SteppedStage, turns: int, items: ItemLimits | None) -> None:
        self.scripts = {name: Script([f"I am {name}."]) for name in ("ren", "mio", "kai", "ada")}
        names = {"ren": "Ren", "mio": "Mio", "kai": "Kai Stone", "ada": "Ada"}
        members = [
            Member(
                name,
                Character(names[name], f"You are {names[name]}."),
                Models(script, ScriptedSpeech()),
                is_shared=True,
            )
            for name, script in self.scripts.items()
        ]
        self.cast = LiveCast(stage, members, make_mind(), items=items)
        self.cast.bring_together(["ren", "mio", "kai"], turns)

    def conversation(self, name: str) -> Conversation:
        return self.cast.shared(name)

    async def say(self, name: str, text: str, speaker: Speaker = SAM) -> list[str]:
        """What is said until nobody speaks any more: names and lines."""
        before = {each: self.answers(each) for each in self.scripts}
        self.conversation(name).hear(text, speaker)
        turn: Turn | None = self.conversation(name).reply(TEXT)
        while turn is not None:
            await turn
            turns = (self.conversation(each).turn for each in self.scripts)
            turn = next((each for each in turns if each is not None), None)
        return [each for each in self.scripts for _ in range(self.answers(each) - before[each])]

    def answers(self, name: str) -> int:
        return sum(each.role == "assistant" for each in self.conversation(name).items)

    def heard(self, name: str) -> list[str]:
        return [message.content for message in messages_of(self.conversation(name).items)]


@pytest.fixture
async def stage() -> AsyncIterator[SteppedStage]:
    stage = SteppedStage()
    running = asyncio.create_task(stage.run())
    yield stage
    running.cancel()


def tavern(stage: SteppedStage, turns: int = 3, items: ItemLimits | None = None) -> Tavern:
    return Tavern(stage, turns, items)


async def test_all_hear_what_is_said_and_read_who_said_it(stage: SteppedStage) -> None:
    room = tavern(stage, turns=0)
    assert await room.say("ren", "Good evening, Ren.") == ["ren"]
    assert room.heard("ren") == ["Good evening, Ren.", "I am ren."]
    assert room.heard("mio") == ["Good evening, Ren.", "Ren: I am ren."]
    assert room.heard("ada") == []
    overheard = list(room.conversation("mio").items)[-1]
    assert isinstance(overheard.message, MessageItem)
    assert (overheard.message.role, overheard.message.speaker) == ("user", "Ren")
    assert overheard.text == "I am ren."
    assert overheard.speaker == Speaker("character/ren", "Ren")


async def test_each_is_told_who_else_is_there(stage: SteppedStage) -> None:
    room = tavern(stage)
    await room.say("ren", "Good evening.")
    told = [message.content for message in room.scripts["ren"].asked[0].messages]
    assert any("Mio and Kai Stone are here, too." in each for each in told)


async def test_spoken_to_all_each_answers_once(stage: SteppedStage) -> None:
    assert await tavern(stage).say("mio", "Good evening, everyone!") == ["ren", "mio", "kai"]


async def test_spoken_to_one_the_others_listen(stage: SteppedStage) -> None:
    room = tavern(stage)
    assert await room.say("ren", "What do you think, Ren?") == ["ren"]


async def test_whoever_is_named_answers_next(stage: SteppedStage) -> None:
    room = tavern(stage)
    room.scripts["ren"].lines = ["Ask Kai, he knows."]
    room.scripts["kai"].lines = ["Nobody knows."]
    assert await room.say("ren", "Where is the king, Ren?") == ["ren", "kai"]
    assert room.heard("kai")[-2:] == ["Ren: Ask Kai, he knows.", "Nobody knows."]
    assert room.heard("mio")[-1] == "Kai Stone: Nobody knows."


async def test_a_user_may_name_somebody_else_than_they_are_connected_to(
    stage: SteppedStage,
) -> None:
    assert await tavern(stage).say("ren", "And you, Mio?") == ["ren", "mio"]


@pytest.mark.parametrize("turns", [0, 1, 4])
async def test_two_who_name_each_other_do_not_talk_for_ever(
    stage: SteppedStage, turns: int
) -> None:
    room = tavern(stage, turns)
    room.scripts["ren"].lines = [
        "What do you say, Mio?", "Mio, is it still raining?", "Sing of the old king, Mio.",
        "Where did your sword go, Mio?", "Mio never paid for that soup!", "Dance, Mio!",
    ]  # fmt: skip
    room.scripts["mio"].lines = [
        "I say what Ren says.", "It pours, Ren.", "Ren knows that song better.",
        "Ask Ren about swords.", "Ren ate it all.", "Only with Ren.",
    ]  # fmt: skip
    assert len(await room.say("ren", "Go on, Ren.")) == 1 + turns


async def test_a_user_who_speaks_again_gives_them_as_many_turns_once_more(
    stage: SteppedStage,
) -> None:
    room = tavern(stage, turns=1)
    room.scripts["ren"].lines = ["What do you say, Mio?", "Sing of the old king, Mio."]
    room.scripts["mio"].lines = ["It pours out there, Ren.", "Ask Ren about swords."]
    assert await room.say("ren", "Go on, Ren.") == ["ren", "mio"]
    assert await room.say("ren", "And then, Ren?") == ["ren", "mio"]


async def test_an_answer_that_the_host_asks_for_starts_no_talk_of_its_own(
    stage: SteppedStage,
) -> None:
    room = tavern(stage)
    await room.conversation("ren").reply(TEXT)
    assert room.conversation("mio").turn is None
    assert room.heard("mio") == ["Ren: I am ren."]


async def test_an_answer_that_was_stopped_is_heard_as_far_as_it_went(stage: SteppedStage) -> None:
    room = tavern(stage)
    room.conversation("ren").hear("Good evening.")
    turn = room.conversation("ren").reply(TEXT)
    turn.cancel()
    await turn
    assert room.heard("mio") == ["Good evening."]
    assert room.conversation("mio").turn is None


async def test_a_full_conversation_hears_no_more_and_the_others_go_on(
    stage: SteppedStage,
) -> None:
    room = tavern(stage, turns=0, items=ItemLimits(max_items=3))
    for _ in range(3):
        content = [InputText(text="It rains.")]
        room.conversation("mio").add(MessageItem(role="system", content=list(content)))
    assert await room.say("ren", "Hello, Ren.") == ["ren"]
    assert len(room.heard("mio")) == 3
    assert room.heard("kai") == ["Hello, Ren.", "Ren: I am ren."]


async def test_a_client_s_own_word_for_who_speaks_is_not_taken(stage: SteppedStage) -> None:
    room = tavern(stage)
    message = MessageItem(role="user", content=[InputText(text="Hi.")], speaker="Mio")
    added = room.conversation("ren").add(message).message
    assert isinstance(added, MessageItem)
    assert added.speaker is UNSET


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["ren"], "two characters or more"),
        (["ren", "ren"], "each once"),
        (["ren", "bo"], "found bo"),
    ],
)
async def test_a_scene_is_of_shared_characters(
    stage: SteppedStage, names: list[str], says: str
) -> None:
    room = tavern(stage)
    with pytest.raises(ConfigError, match=says):
        room.cast.bring_together(names, 3)
