import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.speech.normalize import normalize


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("I have $5.50 and 3 apples.", "I have five dollars and fifty cents and three apples."),
        ("At 10:30 pm on May 3rd, 2024.", "At ten thirty P M on May third, twenty twenty-four."),
        ("-5°C and 50%", "minus five degrees Celsius and fifty percent"),
        ("3.14 or 1st", "three point one four or first"),
        ("5km at 100 km/h", "five kilometers at one hundred kilometers per hour"),
        ("*smiles* Hello *waves* you!", "Hello you!"),
        ("[smiles] Hello [laughs softly] you!", "Hello you!"),
        ("He said [sing.] it was [Hugo].", "He said (sing.) it was (Hugo)."),
        ("I *really* mean it.", "I really mean it."),
        ("It costs 5* today.", "It costs five today."),
        ("Hello *waves", "Hello waves"),
        ("**Bold** `code`, [a page](https://x.example/z).", "Bold code, a page."),
        ("See https://example.com/a?b=c, please", "See a link, please"),
        ("# Title\n- one\n- two", "Title. one. two"),
        ("WOW!!! What?!?! Noooo....", "WOW! What? No…"),
        ("Dogs vs. cats, etc.", "Dogs versus cats, et cetera"),
        ("Great :-) really (^_^) yes 😀", "Great really yes"),
    ],
)
def test_written_text_becomes_spoken_text(written: str, spoken: str) -> None:
    assert normalize(written) == spoken


@pytest.mark.parametrize(
    "text", ["😀👋🏽", "(◕‿◕)", ":-) <3 XD", "*waves*", "...", "", "¯\\_(ツ)_/¯"]
)
def test_what_is_no_speech_becomes_nothing(text: str) -> None:
    assert normalize(text) == ""


def test_japanese_keeps_its_numbers_and_loses_its_emoji() -> None:
    assert normalize("3時です😀。", "ja") == "3時です。"


@given(st.text(max_size=200), st.sampled_from(["en-us", "ja", "zh"]))
def test_any_text_is_read_or_dropped(text: str, language: str) -> None:
    spoken = normalize(text, language)
    assert spoken == "" or any(character.isalnum() for character in spoken)


@given(st.integers(0, 10**12))
def test_english_numbers_leave_no_digits(number: int) -> None:
    assert not any(character.isdigit() for character in normalize(f"About {number} of them"))
