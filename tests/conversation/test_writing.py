"""What is asked of the dialogue model, and what of its replies is let through."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from idol_runtime.character import Character
from idol_runtime.character.character import Example
from idol_runtime.character.scripted import ScriptedLines
from idol_runtime.conversation.attempts import ATTEMPTS
from idol_runtime.conversation.hooks import Hooks, Occasion
from idol_runtime.conversation.items import Speaker
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.turn_metrics import TurnWatch
from idol_runtime.conversation.turn_request import TurnRequest
from idol_runtime.conversation.writing import written_clauses
from idol_runtime.dialogue.messages import (
    ChatMessage,
    DialogueRequest,
    Generated,
    GenerationDone,
    TextDelta,
)
from idol_runtime.speech.types import SpeechChunk, SpeechRequest

REN = Character(
    "Ren",
    "You are Ren, who keeps a small tea house by the harbour in the north.",
    examples=[Example("Do you have cake?", "Plum cake today, fresh from the oven.")],
    lines=ScriptedLines(
        lost=["My mind went blank.", "Where was I?"], again=["As before: {answer}"]
    ),
)


class Writer:
    """Writes replies in order, the last one for ever."""

    def __init__(self, *replies: str) -> None:
        self.replies = replies
        self.requests: list[DialogueRequest] = []

    async def stream(self, request: DialogueRequest) -> AsyncGenerator[Generated, None]:
        reply = self.replies[min(len(self.requests), len(self.replies) - 1)]
        self.requests.append(request)
        for at in range(0, len(reply), 3):
            yield TextDelta(reply[at : at + 3])
        yield GenerationDone("stop")


class Silence:
    async def stream(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        nothing: tuple[SpeechChunk, ...] = ()
        for chunk in nothing:
            yield chunk


def answer(
    writer: Writer,
    *said: str,
    character: Character = REN,
    options: ReplyOptions = ReplyOptions(),  # noqa: B008 - frozen
) -> tuple[str, int]:
    """The answer to the last thing said, and how many clauses were left out.

    Args:
        writer: Answers.
        said: By the user and the character in turn.
        character: Who answers.
        options: How.
    """
    roles: Sequence[str] = ("user", "assistant")
    history = tuple(
        ChatMessage("user" if roles[at % 2] == "user" else "assistant", text)
        for at, text in enumerate(said)
    )
    occasion = Occasion(Speaker(), said[-1], history)
    request = TurnRequest("resp", character, occasion, options, Hooks())

    async def read() -> tuple[str, int]:
        with TurnWatch() as watch:
            made = written_clauses(request, Models(writer, Silence()), watch)
            lines = [clause.line.text async for clause in made]
            return " ".join(lines), watch.metrics().stale_clauses

    return asyncio.run(read())


def test_a_reply_that_is_new_is_asked_for_once() -> None:
    writer = Writer("Ren: A pot of green tea, then.")
    assert answer(writer, "Tea, please.") == ("A pot of green tea, then.", 0)
    assert len(writer.requests) == 1


def test_a_reply_in_another_name_is_asked_for_anew_and_more_freely() -> None:
    writer = Writer("My name is Sam.", "I'm Sam!", "I'm Ren, Sam, and I pour the tea.")
    said, left_out = answer(writer, "My name is Sam, what is yours?")
    assert (said, left_out) == ("I'm Ren, Sam, and I pour the tea.", 2)
    temperatures = [each.sampling.temperature for each in writer.requests]
    assert temperatures[0] is None
    assert 0 < (temperatures[1] or 0) < (temperatures[2] or 0) <= 1


def test_the_model_is_told_what_it_must_not_say_again() -> None:
    writer = Writer("It rains again.")
    answer(writer, "Hello.", "A fine evening to you.", "How is the weather?")
    assert writer.requests[0].fresh_against == ("A fine evening to you.",)


def test_each_attempt_draws_another_reply_from_the_same_seed() -> None:
    writer = Writer("A fine evening to you.")
    options = ReplyOptions(seed=5)
    answer(writer, "Hello.", "A fine evening to you.", "How are you?", options=options)
    assert [each.seed for each in writer.requests] == [5, 6, 7]


def test_who_asks_again_is_answered_as_before_and_told_so() -> None:
    writer = Writer("The tea is ten coins.")
    said = ("How much is the tea?", "The tea is ten coins.", "How much is the tea?")
    assert answer(writer, *said) == ("As before: The tea is ten coins.", ATTEMPTS)


def test_the_way_out_is_another_one_each_time() -> None:
    writer = Writer("The tea is ten coins.")
    told = ["How much is the tea?", "The tea is ten coins.", "Tell me a story."]
    assert answer(writer, *told)[0] == "My mind went blank."
    told += ["My mind went blank.", "Sing me a song."]
    assert answer(writer, *told)[0] == "Where was I?"


def test_an_example_is_followed_where_it_answers_what_was_asked() -> None:
    writer = Writer(REN.examples[0].reply, "I read the leaves.")
    assert answer(writer, "Do you have cake?")[0] == REN.examples[0].reply
    writer = Writer(REN.examples[0].reply, "I read the leaves.")
    assert answer(writer, "What do you do all day?")[0] == "I read the leaves."


def test_the_persona_is_not_read_aloud() -> None:
    writer = Writer(REN.persona, "I keep the tea house.")
    assert answer(writer, "Who are you?")[0] == "I keep the tea house."


def test_who_may_repeat_and_what_is_asked_beside_the_conversation_comes_as_it_is() -> None:
    told = ("Hello.", "A fine evening to you.", "Hello!")
    for character, options in (
        (Character("Ren", REN.persona, repeats=True), ReplyOptions()),
        (REN, ReplyOptions(joins=False)),
    ):
        writer = Writer("A fine evening to you.")
        assert answer(writer, *told, character=character, options=options) == (told[1], 0)
        assert writer.requests[0].fresh_against == ()


def test_a_reply_ends_where_somebody_else_is_written() -> None:
    writer = Writer("Tea it is, then.\nUser: And cake?\nRen: And cake.")
    assert answer(writer, "Tea, please.")[0] == "Tea it is, then."


def test_where_names_are_mixed_up_to_the_end_the_right_one_is_told() -> None:
    writer = Writer("My name is Sam.")
    told = ["My name is Sam, what is yours?"]
    assert answer(writer, *told)[0] == "I'm Ren."
    told += ["I'm Ren.", "What is my name?"]
    assert answer(writer, *told)[0] == "You're Sam!"
