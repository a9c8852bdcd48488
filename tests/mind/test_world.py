import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.conversation.world import MAX_FACT_BYTES, MAX_FACTS, Fact, World
from idol_runtime.errors import RequestError
from idol_runtime.mind.notes import estimated_tokens
from idol_runtime.mind.world import note_of_company, notes_of_world

FACT = st.text(max_size=30) | st.integers() | st.floats(allow_nan=False) | st.booleans()


def test_where_not_all_fits_the_newest_facts_are_told() -> None:
    facts: dict[str, Fact] = {"a": "The old bridge is broken.", "b": "The king is dead.", "c": 3}
    assert notes_of_world(facts, 100) == ("The old bridge is broken.", "The king is dead.", "c: 3")
    assert notes_of_world(facts, 8) == ("The king is dead.", "c: 3")
    assert notes_of_world(facts, 0) == ()


def test_a_fact_is_one_line_whatever_stands_in_it() -> None:
    assert notes_of_world({"a\nb": "The shop\n\n is open."}, 50) == ("The shop is open.",)
    assert notes_of_world({"a\nb": True}, 50) == ("a b: yes",)


@pytest.mark.parametrize(
    ("names", "note"),
    [
        ((), ()),
        (("Mio",), ("Mio is here, too.",)),
        (("Mio", "Kai", "Ada"), ("Mio, Kai and Ada are here, too.",)),
    ],
)
def test_who_else_is_there_is_a_sentence(names: tuple[str, ...], note: tuple[str, ...]) -> None:
    assert note_of_company(names) == note


@given(st.lists(st.dictionaries(st.text(max_size=8), st.none() | FACT, max_size=6), max_size=6))
def test_the_world_is_what_was_said_of_it_last(updates: list[dict[str, Fact | None]]) -> None:
    world, expected = World(), dict[str, Fact | None]()
    for facts in updates:
        world.update(facts)
        expected |= facts
    assert dict(world.facts) == {key: fact for key, fact in expected.items() if fact is not None}
    for note in notes_of_world(world.facts, 20):
        assert len(note.splitlines()) <= 1
        assert 0 < estimated_tokens(note) <= 20


@given(st.integers(0, 2 * MAX_FACTS), st.integers(0, 500))
def test_a_world_that_would_be_too_large_stays_as_it_was(number: int, size: int) -> None:
    world = World()
    world.update({"gold": 50})
    facts: dict[str, Fact | None] = {f"{each}": "x" * size for each in range(number)}
    total = sum(len(f"{name}{fact}") for name, fact in facts.items()) + len("gold50")
    if number + 1 <= MAX_FACTS and total <= MAX_FACT_BYTES:
        world.update(facts)
        return
    with pytest.raises(RequestError, match="at most 200 facts"):
        world.update(facts)
    assert dict(world.facts) == {"gold": 50}
