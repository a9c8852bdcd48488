import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.dialogue.token_text import TokenBytes, TokenText
from tests.dialogue.tiny_models import byte_level_tokenizer

TOKENIZER = byte_level_tokenizer()
BYTES = TokenBytes(TOKENIZER)


def spoken(ids: list[int], stop: tuple[str, ...] = ()) -> list[str]:
    text = TokenText(BYTES, stop)
    return [*(text.push(index) for index in ids), text.flush()]


@given(st.text())
def test_pieces_of_a_reply_join_to_its_text(text: str) -> None:
    ids = TOKENIZER.encode(text, add_special_tokens=False).ids
    assert "".join(spoken(ids)) == text.lstrip()


@given(st.text(st.characters(exclude_characters="\ufffd", exclude_categories=["Cs"])))
def test_every_piece_is_whole_characters(text: str) -> None:
    pieces = spoken(TOKENIZER.encode(text, add_special_tokens=False).ids)
    assert "\ufffd" not in "".join(pieces)
    assert all(piece.encode().decode() == piece for piece in pieces)


def test_a_character_waits_for_its_last_byte_and_half_of_one_at_the_end_is_dropped() -> None:
    ids = TOKENIZER.encode("🐱🐱", add_special_tokens=False).ids
    assert spoken(ids[:-1]) == ["", "", "", "🐱", "", "", "", ""]


@given(st.lists(st.integers(-1, 400)))
def test_tokens_that_are_no_text_never_fail(ids: list[int]) -> None:
    assert isinstance("".join(spoken(ids)), str)


@given(st.text("ab", max_size=20), st.lists(st.text("ab", min_size=1, max_size=3), max_size=3))
def test_text_ends_before_the_stop_string_that_is_complete_first(
    text: str, stops: list[str]
) -> None:
    ids = TOKENIZER.encode(text, add_special_tokens=False).ids
    found = [(at + len(stop), at) for stop in stops if (at := text.find(stop)) >= 0]
    assert "".join(spoken(ids, tuple(stops))) == text[: min(found, default=(0, len(text)))[1]]


@pytest.mark.parametrize("control", ["<|im_start|>", "<|im_end|>"])
def test_control_tokens_are_silent(control: str) -> None:
    index = TOKENIZER.token_to_id(control)
    assert index is not None
    assert BYTES.of(index) == b""
