from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.conversation.plain_speech import PlainSpeech


def said(*deltas: str) -> str:
    plain = PlainSpeech("Hoshi Star", ("Sam",))
    return "".join(plain.push(each) for each in deltas) + plain.flush()


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ('A: "Good evening!"', "Good evening!"),
        ("Hoshi: Good evening.", "Good evening."),
        ("Hoshi Star: Good evening.", "Good evening."),
        ("**Assistant:** Good evening.", "Good evening."),
        ("[happy] Hoshi: Good evening.", "[happy] Good evening."),
        ("“Good evening.”", "Good evening."),
        ("「こんばんは。」", "こんばんは。"),
        ('A: "Good evening." B: "Who is there?"', "Good evening."),
        ("Good evening.\nUser: Who is there?", "Good evening."),
        ("Good evening. Sam: Thank you!", "Good evening."),
        ("Sam: Thank you!", ""),
        ("# Menu\n- Soup\n- Bread", "Menu\nSoup\nBread"),
        ("Type `help` now.", "Type help now."),
    ],
)
def test_what_is_written_around_the_words_is_not_said(written: str, heard: str) -> None:
    assert said(written) == heard


@pytest.mark.parametrize(
    "words",
    [
        "You are right: it is late.",
        "Assistant cooks wanted: ask inside.",
        "My plan B: we run.",
        "Sam, one thing: close the door.",
        'He said "no". I said "yes".',
        'Well... "perhaps" is an answer.',
        "*waves* Hi! [nod] Me too.",
        "At 5:30, by the well - alone.",
    ],
)
def test_what_only_looks_like_it_is_said(words: str) -> None:
    assert said(words) == words


PIECES = st.lists(
    st.sampled_from(
        [*("A: ", "B: ", "Hoshi", ": ", "Sam:", '"', "“", "”", "「", "*", "**", "[happy] ", "`"),
         *("\n", "- ", "# ", "Hello", " there", ". ", "! ", "...", "You", "Me: ", "1. ", "你好。")]
    ),
    max_size=14,
)  # fmt: skip


@given(PIECES, st.data())
def test_it_does_not_matter_how_a_reply_is_cut(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    edges = [0, *cuts, len(text)]
    parts = [text[start:end] for start, end in pairwise(edges)]
    assert said(*parts) == said(text)


@given(st.text(max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    heard = said(text)
    assert len(heard) <= len(text)


def test_words_that_can_be_no_name_come_out_at_once() -> None:
    plain = PlainSpeech("Hoshi")
    assert plain.push("Good") == "Good"
    assert plain.push(" evening. Yo") == " evening."
    assert plain.push("ur turn.") == " Your turn."
