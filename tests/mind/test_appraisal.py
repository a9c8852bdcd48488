import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.mind.appraisal import Deed, deed_of

LINES: dict[Deed | None, list[str]] = {
    "kind": [
        "You're so sweet!", "I love you, Hoshi.", "Thank you for the song.", "you are the best",
        "I really like talking to you", "Your voice is lovely and you sing beautifully",
        "Well done!", "I missed you", "You're not stupid at all.", "ありがとう！", "谢谢你",
        "Eres muy simpática", "you're my favorite",
    ],
    "hurtful": [
        "You're so stupid.", "You are a boring idiot", "I hate you", "Shut up!", "Idiot!",
        "I don't like you.", "you suck", "you’re ugly", "You are not funny.", "バカ", "我讨厌你",
        "Eres tonta", "I hate your songs",
    ],
    "gift": [
        "I brought you a strawberry cake.", "Here's a present for you", "I made you some cookies",
        "These flowers are nice, here is a gift for you.", "*gives you a flower*",
        "This is for you!",
    ],
    "apology": [
        "I'm sorry for what I said.", "I apologize.", "Please forgive me", "I didn't mean it",
        "I'm so sorry about earlier", "ごめんね",
    ],
    None: [
        "What is your name?", "My boss is stupid.", "I hate Mondays.", "I love strawberries.",
        "They said you are stupid.", "I'm sorry, what was that?", "My dog died.",
        "I won the lottery!",
        "Do you think I'm ugly?", "I bought a car.", "He told me to shut up.",
        "Would you like a cake?",
        "I made a mistake.", "If you were stupid you would not sing.", "I like you to sing more.",
        "",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "deed"), [(line, deed) for deed, lines in LINES.items() for line in lines]
)
def test_what_is_said_is_kind_hurtful_a_gift_an_apology_or_nothing(
    line: str, deed: Deed | None
) -> None:
    assert deed_of(line) == deed


@given(st.text(max_size=200) | st.text("you're so not a I like ", max_size=300))
def test_any_text_is_appraised(line: str) -> None:
    deed_of(line)


def test_a_long_line_takes_no_long_time() -> None:
    """Nothing here is quadratic: a line of the longest kind is read like a short one."""
    for unit in ("you are so ", "I brought you ", "here is ", "if ", "a" * 50 + " "):
        deed_of(unit * (2_000 // len(unit)))


def test_small_talk_is_not_taken_for_more() -> None:
    """Lines of users in conversations that were written for other things."""
    folder = Path(__file__).parents[2] / "training" / "dialogue" / "data"
    lines = [
        found[1]
        for file in sorted(folder.rglob("*.txt"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if (found := re.match(r"\s*(?:user|U|>)\s*:?\s+(.{8,})", line))
    ]
    hurt = [line for line in lines if deed_of(line) == "hurtful"]
    print(len(lines), "lines,", len(hurt), "taken as hurtful")
    assert len(hurt) <= 0.05 * max(20, len(lines))
