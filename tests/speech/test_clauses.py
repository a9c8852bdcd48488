import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.speech.clauses import ClauseSplitter

WRITTEN = st.text(alphabet="ab I3 .,;!?…-—*\n\"'。、あ", max_size=300)


def split(*deltas: str) -> list[str]:
    splitter = ClauseSplitter()
    return [clause for delta in deltas for clause in splitter.push(delta)] + splitter.flush()


@given(WRITTEN)
def test_nothing_is_lost_or_said_twice(text: str) -> None:
    assert "".join("".join(split(text)).split()) == "".join(text.split())


@given(WRITTEN, st.lists(st.integers(0, 300), max_size=8))
def test_how_the_text_arrives_does_not_change_the_clauses(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    deltas = [text[start:stop] for start, stop in itertools.pairwise(edges)]
    assert split(*deltas) == split(text) == split(*text)


def test_the_first_clause_ends_at_a_pause_and_later_ones_at_sentences() -> None:
    assert split("Hello there, traveler! I have waited, you know, for so very long. Come in.") == [
        "Hello there,",
        "traveler! I have waited, you know, for so very long.",
        "Come in.",
    ]


def test_the_first_clause_is_out_as_soon_as_the_next_word_begins() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("Well, of course,") == []
    assert splitter.push(" ") == ["Well, of course,"]


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith paid 3.14 dollars",
        "See https://a.example/b.html?c=1,2 now",
        "He came at 5 p.m. and stayed",
        "Take food, e.g. bread",
        "Mr. J. Doe is here",
    ],
)
def test_numbers_abbreviations_and_links_stay_whole(text: str) -> None:
    assert split(f"Sure! {text}.") == ["Sure!", f"{text}."]


def test_wide_punctuation_ends_clauses_without_a_space() -> None:
    assert split("こんにちは、今日はいい天気ですね。一緒に散歩に行きましょう。") == [
        "こんにちは、",
        "今日はいい天気ですね。",
        "一緒に散歩に行きましょう。",
    ]


def test_text_without_marks_is_cut_at_spaces() -> None:
    clauses = split("word " * 200)
    assert len(clauses[0]) <= 60
    assert all(len(clause) <= 221 for clause in clauses)


def test_a_stage_direction_is_not_cut_in_the_middle() -> None:
    splitter = ClauseSplitter()
    text = "*smiles warmly, then waves* Hello there, friend."
    assert [*splitter.push(text), *splitter.flush()][0].startswith("*smiles warmly, then waves*")
