"""What was said is read before anybody waits for the next answer."""

import asyncio
from dataclasses import dataclass, replace

from idol_runtime.character import Character
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.hooks import Hooks, Meeting, Occasion
from idol_runtime.conversation.prompt import Prompt
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.dialogue.messages import DialogueRequest
from tests.mind.talk import KnownModels, MindTalk, Speaking, Writer, open_mind_talk

REN = Character("Ren", "You are Ren.", repeats=True)
IN_TEXT = ReplyOptions(spoken=False)


@dataclass(frozen=True)
class Reader(KnownModels):
    """Models that keep what they read."""

    has_time: bool = True

    def has_time_to_read(self) -> bool:
        return self.has_time


def noting(meeting: Meeting) -> Hooks:
    """Tells something else for every answer, and leaves the first exchange out."""

    async def note(occasion: Occasion, prompt: Prompt) -> Prompt:
        window = replace(prompt, history=prompt.history[2:] or prompt.history)
        return window.noted(f"{len(occasion.history)} were said.")

    return Hooks(prompt=(note,))


def talk_with(models: KnownModels) -> MindTalk:
    talk = open_mind_talk(REN, noting, writer=models.dialogue)
    conversation = Conversation(REN, talk.performer, models, noting)
    return MindTalk(conversation, talk.performer, models.dialogue, models.speech)


def shared(one: DialogueRequest, other: DialogueRequest) -> int:
    """How many messages both begin with."""
    pairs = zip(one.messages, other.messages, strict=False)
    same = [first == second for first, second in pairs]
    return same.index(False) if False in same else len(same)


async def test_the_next_prompt_begins_as_what_was_read() -> None:
    talk = talk_with(Reader(Writer(sums_up="."), Speaking()))
    for number in range(4):
        await talk.say(f"This is line {number}.", IN_TEXT)
        await talk.pause()
    answers, read = talk.writer.asked, talk.writer.unhurried
    assert len(read) == len(answers) == 4
    for before, after, between in zip(answers[1:3], answers[2:], read[1:3], strict=True):
        # All but the mark for what comes next; without it the note had to be read past.
        assert shared(between, after) == len(between.messages) - 1
        assert shared(before, after) < shared(between, after)
    assert all(each.max_tokens == 1 for each in read)


async def test_nothing_is_read_by_a_model_that_forgets_it_or_is_busy() -> None:
    talk = talk_with(Reader(Writer(sums_up="."), Speaking(), has_time=False))
    await talk.say("Hello.", IN_TEXT)
    await talk.pause()
    assert not talk.writer.unhurried
    assert len(talk.writer.asked) == 1


async def test_what_is_answered_beside_a_conversation_is_not_read_on() -> None:
    talk = talk_with(Reader(Writer(sums_up="."), Speaking()))
    await talk.say("Hello.", IN_TEXT)
    await talk.pause()
    await talk.conversation.aside(
        ReplyOptions(spoken=False, joins=False, context=()), lambda event: None
    )
    await talk.pause()
    assert len(talk.writer.unhurried) == 1


async def test_reading_stops_when_somebody_talks_and_when_the_conversation_ends() -> None:
    writer = Writer()
    talk = talk_with(Reader(writer, Speaking()))
    await talk.say("Hello.", IN_TEXT)
    await asyncio.sleep(0)
    await talk.say("And this is another line.", IN_TEXT)
    await asyncio.sleep(0)
    assert (len(writer.unhurried), writer.given_up) == (2, 1)
    await talk.conversation.aclose()
    await talk.pause()
    assert writer.given_up == 2
