import pytest

from idol_runtime.conversation.identity import (
    asks_for_own_name,
    is_somebody_else,
    names_given,
)

SAM = frozenset({"sam"})


@pytest.mark.parametrize(
    "clause",
    [
        "My name is Sam.",
        "I'm Sam!",
        "Oh, I am Sam, and I sing.",
        "My name is Elena.",
        "My name's Elena, by the way.",
        "You can call me Alessandro.",
        "Me llamo Elena.",
        "我叫小明。",
        "私の名前はエレナです。",
    ],
)
def test_a_name_that_is_not_its_own_is_found(clause: str) -> None:
    assert is_somebody_else(clause, "Hoshi", SAM)


@pytest.mark.parametrize(
    "clause",
    [
        "My name is Hoshi.",
        "I'm Hoshi, and you are Sam!",
        "You are Sam!",
        "Your name is Sam, of course.",
        "I'm glad you came.",
        "I'm English on my mother's side.",
        "My name is a secret of the stars.",
        "Call me when you are home.",
        "Call me anytime.",
        "It's Monday!",
        "私の名前はホシです。",
        "I am a singer.",
    ],
)
def test_its_own_name_and_what_is_no_name_pass(clause: str) -> None:
    assert not is_somebody_else(clause, "ホシ" if "ホシ" in clause else "Hoshi", SAM)


def test_every_word_of_its_name_is_its_own() -> None:
    assert not is_somebody_else("My name is Rourke.", "Captain Rourke", SAM)
    assert not is_somebody_else("Call me Captain.", "Captain Rourke", SAM)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hi, my name is Sam.", ["Sam"]),
        ("my name's sam", ["sam"]),
        ("I'm Sam, a baker.", ["Sam"]),
        ("Call me Kit!", ["Kit"]),
        ("Me llamo Lucía.", ["Lucía"]),
        ("我叫小明。", ["小明"]),
        ("I'm tired.", []),
        ("What is my name?", []),
    ],
)
def test_the_names_that_users_give_are_known(text: str, names: list[str]) -> None:
    assert names_given([text]) == names


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("What is my name?", True),
        ("Do you remember who I am?", True),
        ("¿Cómo me llamo?", True),
        ("我叫什么名字？", True),
        ("私の名前を覚えてるか？", True),
        ("My name is Sam, what is yours?", False),
        ("What is your name?", False),
        ("I forgot to tell you my name.", False),
    ],
)
def test_it_is_known_whose_name_is_asked_for(text: str, asks: bool) -> None:
    assert asks_for_own_name(text) is asks
