import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.character.macros import expand, expand_spoken


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("{{char}} knows {{User}}.", "Maren knows Sam."),
        ("<BOT> knows <user>.", "Maren knows Sam."),
        ("a{{// not to be read}}b{{comment: nor this}}c", "abc"),
        ("{{original}}Be brief.", "Be brief."),
        ("{{reverse:abc}}", "cba"),
        ("{{random:only}} {{pick::only}}", "only only"),
        ("{{unknown}} {{ }} <3", "{{unknown}} {{ }} <3"),
        ("{{{{char}}}}", "{{Maren}}"),
    ],
)
def test_macros_become_what_they_mean(text: str, becomes: str) -> None:
    assert expand(text, "Maren", "Sam") == becomes


def test_what_is_drawn_is_one_of_the_choices_and_the_same_each_time() -> None:
    text = "{{random:red,green\\, dark,blue}} {{roll:d6}}"
    drawn = expand(text, "Maren")
    colour, _, number = drawn.rpartition(" ")
    assert colour in ("red", "green, dark", "blue")
    assert 1 <= int(number) <= 6
    assert expand(text, "Maren") == drawn
    many = {expand(f"{number}: {{{{random:a,b}}}}", "M")[-1] for number in range(30)}
    assert many == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Come in, {{user}}!", "Come in!"),
        ("Well, {{user}}, sit.", "Well, sit."),
        ("Is that {{user}}?", "Is that you?"),
        ("I am {{char}}.", "I am Maren."),
    ],
)
def test_aloud_nobody_is_called_by_a_name_that_is_not_known(text: str, said: str) -> None:
    assert expand_spoken(text, "Maren") == said


@given(st.text("{}<>userchar:/,\\ 9", max_size=60))
def test_no_text_makes_trouble(text: str) -> None:
    expand_spoken(text, "Maren")
    assert expand(text, "", "").count("{{user}}") == 0
