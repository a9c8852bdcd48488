import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.character.toml_text import toml_text

TEXT = st.text(st.characters(codec="utf-8")) | st.text('"\\\n\r\t\x00\x7f a', max_size=12)
PLAIN = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXT
    | st.lists(TEXT | st.integers(0, 9), max_size=3)
)
TABLE = st.recursive(
    st.dictionaries(TEXT, PLAIN, max_size=4),
    lambda inner: st.dictionaries(
        TEXT, PLAIN | inner | st.lists(inner, min_size=1, max_size=3), max_size=4
    ),
    max_leaves=6,
)


@given(TABLE)
def test_what_is_written_is_read_back(table: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(table)) == table


def test_long_texts_stand_as_people_write_them() -> None:
    assert toml_text({"persona": "You are Ren.\nYou like tea."}) == (
        'persona = """\nYou are Ren.\nYou like tea."""\n'
    )


def test_half_a_character_becomes_a_sign_for_it() -> None:
    assert tomllib.loads(toml_text({"a": "x\ud83d"})) == {"a": "x\ufffd"}
