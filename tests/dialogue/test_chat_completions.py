import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.character import Sampling
from idol_runtime.dialogue.chat_completions import (
    ARRANGEMENTS,
    CompletionPiece,
    Unthinking,
    body_of,
    piece_of,
)
from idol_runtime.dialogue.messages import ChatMessage, DialogueRequest
from idol_runtime.errors import InputError

PERSONA, GREETING = ChatMessage("system", "You are Aki."), ChatMessage("assistant", "Welcome!")
QUESTION, NOTES = ChatMessage("user", "A room?"), ChatMessage("system", "Sam likes cats.")


def roles(*messages: ChatMessage, arrangement: int = 0) -> list[tuple[str, str]]:
    body = body_of(DialogueRequest(messages, Sampling()), "m", ARRANGEMENTS[arrangement])
    return [(each["role"], each["content"]) for each in body["messages"]]


def test_notes_go_in_front_of_the_question_they_are_for() -> None:
    assert roles(PERSONA, GREETING, NOTES, QUESTION) == [
        ("system", "You are Aki."),
        ("assistant", "Welcome!"),
        ("user", "Sam likes cats.\n\nA room?"),
    ]


def test_strict_templates_get_turns_that_begin_with_the_user() -> None:
    assert [role for role, _ in roles(PERSONA, GREETING, QUESTION, arrangement=1)] == [
        "system",
        "user",
    ]
    [(role, content)] = roles(PERSONA, GREETING, QUESTION, arrangement=2)
    assert role == "user"
    assert all(text in content for text in ("You are Aki.", "Welcome!", "A room?"))


def test_what_no_character_asks_for_is_left_to_the_server() -> None:
    body = body_of(DialogueRequest((QUESTION,), Sampling()), "m")
    assert set(body) == {"model", "messages", "stream", "max_tokens"}


def test_sampling_is_told_in_the_words_that_servers_know() -> None:
    sampling = Sampling(
        temperature=0.4, top_p=0.8, top_k=20, min_p=0.1, repetition_penalty=1.1, max_tokens=50
    )
    request = DialogueRequest((QUESTION,), sampling, seed=7, stop=("a", "b", "c", "d", "e"))
    body = body_of(request, "m")
    assert body["temperature"] == 0.4
    assert (body["top_p"], body["top_k"], body["min_p"]) == (0.8, 20, 0.1)
    assert body["repeat_penalty"] == body["repetition_penalty"] == 1.1
    assert (body["max_tokens"], body["seed"], body["stop"]) == (50, 7, ["a", "b", "c", "d"])
    assert body_of(DialogueRequest((QUESTION,), sampling, max_tokens=5), "m")["max_tokens"] == 5


def test_an_event_is_a_piece_of_text_or_says_how_it_ended() -> None:
    choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}
    assert piece_of("data: " + json.dumps({"choices": [choice]})) == CompletionPiece("Hi")
    end = {"choices": [{"delta": {}, "finish_reason": "length"}]}
    assert piece_of("data:" + json.dumps(end)) == CompletionPiece(finish="length")
    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
    counted = CompletionPiece(prompt_tokens=9, completion_tokens=3)
    assert piece_of("data: " + json.dumps(usage)) == counted
    for silent in ("", ": ping", "event: x", "data: [DONE]", "data:"):
        assert piece_of(silent) is None


@pytest.mark.parametrize("line", ["data: {", "data: 3", 'data: {"error": {"message": "x"}}'])
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(InputError):
        piece_of(line)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "content", "finish_reason", "usage"]), inner
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_a_piece_or_refused(value: object) -> None:
    with suppress(InputError):
        assert isinstance(piece_of(f"data: {json.dumps(value)}"), CompletionPiece)


@given(st.lists(st.text("<>/think a\n", min_size=1, max_size=6), max_size=12), st.booleans())
def test_thoughts_are_taken_out_however_the_stream_is_cut(pieces: list[str], thinks: bool) -> None:
    whole = "".join(pieces)
    text = f"<think>{whole}</think>\n\nHello there." if thinks else whole
    for size in (1, 3, 1000):
        unthinking = Unthinking()
        cut = [text[at : at + size] for at in range(0, len(text), size)]
        heard = "".join(map(unthinking.push, cut)) + unthinking.flush()
        if thinks and "</think>" not in whole:
            assert heard == "Hello there."
        elif not whole.lstrip().startswith("<think>") and not thinks:
            assert heard == whole
