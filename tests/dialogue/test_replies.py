"""Who is served when several ask one model."""

from collections.abc import Iterator

from idol_runtime.character import Sampling
from idol_runtime.dialogue.engine import DialogueCapabilities
from idol_runtime.dialogue.messages import (
    ChatMessage,
    DialogueRequest,
    Generated,
    PrefillProgress,
    TextDelta,
)
from idol_runtime.dialogue.replies import Replies, WrittenReply
from idol_runtime.errors import InputError
from idol_runtime.inference.service import StreamEnd

PARTS, WORDS = 3, 2


def answer(request: DialogueRequest) -> Iterator[Generated]:
    [message] = request.messages
    if message.content == "refused":
        raise InputError("Expected something shorter.")
    for part in range(1, PARTS + 1):
        yield PrefillProgress(part, PARTS)
    for word in range(WORDS):
        yield TextDelta(f"{word}")


def opened(replies: Replies, *texts: str) -> dict[WrittenReply, str]:
    def ask(text: str) -> DialogueRequest:
        return DialogueRequest((ChatMessage("user", text),), Sampling())

    return {replies.open(ask(text)): text for text in texts}


def step(replies: Replies, live: dict[WrittenReply, str]) -> list[tuple[str, str]]:
    made = []
    for reply, item in replies.step(list(live)):
        match item:
            case PrefillProgress(done_tokens=done):
                made.append((live[reply], f"part {done}"))
            case TextDelta(text=text):
                made.append((live[reply], f"word {text}"))
            case StreamEnd(error=error):
                made.append((live[reply], f"failed: {error}" if error else "end"))
    return made


def service() -> Replies:
    return Replies(answer, DialogueCapabilities(context_length=100))


def test_the_first_word_leaves_with_the_last_part_of_the_prompt() -> None:
    replies = service()
    live = opened(replies, "a", "b")
    assert step(replies, live) == [("a", "part 1")]
    assert step(replies, live) == [("a", "part 2")]
    assert step(replies, live) == [("a", "part 3"), ("a", "word 0")]


def test_while_one_prompt_is_read_all_others_are_written_on() -> None:
    replies = service()
    live = opened(replies, "a", "b")
    for _ in range(PARTS):
        step(replies, live)
    assert step(replies, live) == [("a", "word 1"), ("b", "part 1")]
    assert step(replies, live) == [("a", "end"), ("b", "part 2")]


def test_a_prompt_that_is_refused_ends_its_own_reply() -> None:
    replies = service()
    live = opened(replies, "refused", "b")
    assert step(replies, live) == [("refused", "failed: Expected something shorter.")]
    live = {reply: text for reply, text in live.items() if text == "b"}
    assert step(replies, live) == [("b", "part 1")]


def test_a_closed_reply_is_ended() -> None:
    replies = service()
    [reply] = live = opened(replies, "a")
    step(replies, live)
    replies.close(reply)
    assert step(replies, live) == [("a", "end")]
