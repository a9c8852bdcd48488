"""What rules learn from lines that were written for them, and what they leave alone."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.mind.memory.facts import Dropped, Fact, Learned
from idol_runtime.mind.memory.reading import changes_in
from tests.mind.lines_about_oneself import NOT_TOLD, TOLD

MONDAY = date(2026, 3, 2)


def facts_in(said: str, asked: str = "") -> list[Fact]:
    return [each.fact for each in changes_in(said, MONDAY, asked) if isinstance(each, Learned)]


def test_what_people_tell_of_themselves_is_found_and_nothing_else() -> None:
    found = [
        line
        for line, kind, words in TOLD
        if any(
            each.kind == kind and words.lower() in f"{each.text} {each.value}".lower()
            for each in facts_in(line)
        )
    ]
    invented = [line for line in NOT_TOLD if facts_in(line)]
    recall = len(found) / len(TOLD)
    precision = len(found) / (len(found) + len(invented))
    print(f"{len(TOLD)} told, {len(NOT_TOLD)} not: recall {recall:.3f}, precision {precision:.3f}")
    assert len(TOLD) >= 150
    assert len(NOT_TOLD) >= 150
    assert recall >= 0.97, [line for line, _, _ in TOLD if line not in found]
    assert precision >= 0.97, invented


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        ("I'm Sam, a baker from Oslo.", {"is called Sam", "is a baker", "comes from Oslo"}),
        ("I'm 25 and live in Lyon", {"is 25 years old", "lives in Lyon"}),
        (
            "my name is kim and i have a dog called rex",
            {"is called Kim", "has a dog named Rex"},
        ),
        ("I love my job but I hate my boss.", {"likes their job", "does not like their boss"}),
        ("I like tea, cake and rock and roll.", {"likes tea", "likes cake", "likes rock and roll"}),
    ],
)
def test_one_line_may_tell_several_things(said: str, texts: set[str]) -> None:
    assert {each.text for each in facts_in(said)} == texts


@pytest.mark.parametrize(
    ("said", "dropped"),
    [
        ("I don't live in Oslo any more.", Dropped("place", "Oslo")),
        ("I lost my job.", Dropped("job")),
        ("My dog died.", Dropped("pet/dog")),
        ("I don't have any pets.", Dropped("pet/")),
        ("My name isn't Sam.", Dropped("name", "Sam")),
    ],
)
def test_what_does_not_hold_any_more_is_dropped(said: str, dropped: Dropped) -> None:
    assert dropped in changes_in(said, MONDAY)


def test_a_taste_and_its_contrary_are_about_the_same() -> None:
    [likes] = facts_in("I love cats.")
    [likes_no_more] = facts_in("I don't like cats any more.")
    assert likes.slot == likes_no_more.slot


@pytest.mark.parametrize("answer", ["Sam.", "sam", "It's Sam!", "Just Sam"])
def test_a_bare_name_is_one_where_it_was_asked_for(answer: str) -> None:
    assert {each.value for each in facts_in(answer, "Hi! What's your name?")} == {"Sam"}


def test_a_bare_word_is_no_name_where_none_was_asked_for() -> None:
    assert facts_in("Oslo.", "It's raining.") == []


@pytest.mark.parametrize(
    "secret",
    ["My car is at 0047 123 45 678.", "I live at sam@example.org.", "My pin code is 1234."],
)
def test_passwords_numbers_and_addresses_are_not_kept(secret: str) -> None:
    assert facts_in(secret) == []


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(TOLD), max_size=4).map(
        lambda told: " ".join(each[0] for each in told)
    )
)
def test_any_text_can_be_read_and_what_is_learned_is_one_line(said: str) -> None:
    for fact in facts_in(said):
        assert fact.text
        assert "\n" not in fact.text
