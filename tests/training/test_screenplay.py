"""Screenplays: what is written by hand is read as it stands, or refused with a sentence."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.dialogue.cue_syntax import FELT, MOVES, read_reply
from training.dialogue.placeholders import Values, draw, read_values
from training.dialogue.scenes import ScreenplayError
from training.dialogue.screenplay import parse_screenplay

SMITH = """
# a comment
@persona smith
name: Torvald | Grenda
let: sword = 40 | 55
action: give_item {"item": "sword|shield", "count": number} (gives the player an item)
You are {self}, a smith. A sword costs {sword} gold.
---
- {self}
- sword: {sword}
"""

words = st.text(
    st.characters(categories=["L", "Nd", "P"], exclude_characters="{}|[]#@"),
    min_size=1,
    max_size=30,
).filter(lambda text: text == text.strip())


@given(st.lists(st.tuples(words, words, st.sampled_from(FELT)), min_size=1, max_size=6))
def test_a_talk_is_read_line_by_line_as_it_was_written(
    lines: list[tuple[str, str, str]],
) -> None:
    text = SMITH + "@talk smith shop\n"
    text += "".join(f"U: {said}\nA: [{felt}] {reply}\n" for said, reply, felt in lines)
    (talk,) = parse_screenplay(text).talks
    spoken = [beat.texts[0] for beat in talk.beats]
    assert spoken == [x for said, reply, felt in lines for x in (said, f"[{felt}] {reply}")]


@given(st.integers(0, 2**32), st.integers(2, 9))
def test_a_sum_follows_the_price_that_was_drawn(seed: int, count: int) -> None:
    text = SMITH + f"@talk smith\nU: {count} swords?\nA: [happy] That is {{sword*{count}}} gold.\n"
    play = parse_screenplay(text)
    drawn = draw(play.talks[0], play.personas, {}, random.Random(seed))
    price = next(price for price in (40, 55) if str(price) in drawn.persona)
    assert drawn.exchanges[0].replies == (f"[happy] That is {price * count} gold.",)
    assert drawn.name in drawn.persona
    assert drawn == draw(play.talks[0], play.personas, {}, random.Random(seed))


def test_notes_hold_until_other_notes_come() -> None:
    text = SMITH + (
        "@talk smith\nN: One.\nN: Two.\nU: a\nA: b\nU: c\nA: d\n"
        "N: Three.\nU: e\nA: f\nN: -\nU: g\nA: h\n"
    )
    play = parse_screenplay(text)
    drawn = draw(play.talks[0], play.personas, {}, random.Random(0))
    notes = [exchange.notes for exchange in drawn.exchanges]
    assert notes == [("One.", "Two."), ("One.", "Two."), ("Three.",), ()]


def test_results_stand_between_the_replies_of_an_exchange() -> None:
    text = SMITH + (
        '@talk smith\nU Sam: A sword!\nA: Here. [give_item {"item": "sword", "count": 1}]\n'
        'R: give_item {"ok": true}\nA: It is yours.\n'
    )
    play = parse_screenplay(text)
    (exchange,) = draw(play.talks[0], play.personas, {}, random.Random(0)).exchanges
    assert exchange.speaker == "Sam"
    assert exchange.replies[1] == "It is yours."
    assert exchange.results == (('give_item {"ok": true}',),)


def test_two_placeholders_of_a_list_differ_and_never_are_her_own_name() -> None:
    for seed in range(40):
        values = Values({"name": ("Sam", "Ada", "Bo")}, random.Random(seed))
        values.let("self", "Ada")
        assert {values.fill("{name}"), values.fill("{name2}")} == {"Sam", "Bo"}
        with pytest.raises(ScreenplayError, match="needs more values"):
            values.fill("{name3}")


def test_names_of_different_lists_differ_and_numbers_may_agree() -> None:
    lists = {"name": ("Sam", "Ada"), "girl": ("Ada",), "small": ("3",), "price": ("3",)}
    for seed in range(20):
        values = Values(lists, random.Random(seed))
        assert values.fill("{girl} {name} {small} {price}") == "Ada Sam 3 3"


def test_a_value_at_the_beginning_of_a_sentence_is_written_large() -> None:
    values = Values({"food": ("ramen",)}, random.Random(0))
    assert values.fill("[happy] {food}! {food}, so {food}.") == "[happy] Ramen! Ramen, so ramen."
    assert values.fill('[give {"item": "{food}"}]') == '[give {"item": "ramen"}]'


def test_a_language_has_its_own_values(tmp_path: Path) -> None:
    path = tmp_path / "values.txt"
    path.write_text("# names\nname = Sam\nname.ja = 健太\n", "utf-8")
    lists = read_values(path)
    assert Values(lists, random.Random(0), "ja").fill("{name}") == "健太"
    assert Values(lists, random.Random(0), "fr").fill("{name}") == "Sam"


def test_a_script_holds_rules_and_sessions() -> None:
    text = (
        SMITH
        + "@script s1 smith shop\nU: Price?\n? any: 40 | 55\n? question\n@session\nU: Again?\n"
    )
    (script,) = parse_screenplay(text).scripts
    assert [beat.kind for beat in script.beats] == ["U", "@session", "U"]
    assert script.beats[0].rules == (("any", "40 | 55"), ("question", ""))


def test_pairs_and_labels_hold_their_verdicts() -> None:
    text = SMITH + (
        "@pair smith\nU: Hi\nG: [happy] Hello. || [happy] Hey.\nB echo: Hi\n"
        "@judged smith\nU: Hi\nB loop: Hi hi hi\nW: says one word three times\n"
    )
    play = parse_screenplay(text)
    assert play.pairs[0].good == ("[happy] Hello.", "[happy] Hey.")
    assert play.pairs[0].bad == (("echo", "Hi"),)
    assert (play.judged[0].kind, play.judged[0].reason) == ("loop", "says one word three times")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("U: hi\n", "line 1: expected a block"),
        ("@talk smith\nU: hi\n", "ends with A"),
        ("@talk smith\nA: hi\n", "cannot follow the beginning"),
        ("@talk smith\nU: hi\nU: ho\nA: x\n", "line 3: U: cannot follow U"),
        ("@talk smith\nU: hi || \nA: x\n", "a wording on each side"),
        ("@talk smith\nHello\n", "line 2: expected N:, U:"),
        ("@talk smith\nU: hi\nA: x\n? any: x\n", "rule after a U of a script"),
        ("@script s smith shop\nU: hi\n? regex: (\n", "the rule regex cannot be read"),
        ("@script s smith shop\nU: hi\n? colour: red\n", "expected \\? RULE"),
        ("@script s smith shop\nU: hi\n? words: few\n", "the rule words cannot be read"),
        ("@pair smith\nU: hi\nG: x\n", "at least one B KIND"),
        ("@pair smith\nU: hi\nG: x\nB ugly: y\n", "found B ugly"),
        ("@judged smith\nU: hi\nG: x\n", "then W: with the reason"),
        ("@persona a\nname: A\n", "a text of the persona a"),
        ("@persona a\nname: A\nlang: xx\nhello\n", "expected one of en"),
        ("@opera a\n", "found @opera a"),
        ("@talk Smith!\n", "expected words of a to z"),
    ],
)
def test_what_is_not_written_as_it_must_be_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(ScreenplayError, match=says):
        parse_screenplay(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [("{price}", "has no values"), ("{item+1}", "sums are of whole numbers")],
)
def test_a_placeholder_without_a_value_is_refused(text: str, says: str) -> None:
    with pytest.raises(ScreenplayError, match=says):
        Values({"item": ("rope",)}, random.Random(0)).fill(text)


def test_a_reply_is_read_into_speech_and_cues() -> None:
    reply = read_reply(
        "[very happy] Take it! [wave] [look at you] "
        '[give_item {"item": "a [big] \\"sword\\""}] Bye.',
        ["give_item"],
    )
    assert reply.speech == "Take it! Bye."
    assert (reply.emotions, reply.moves, reply.gazes) == (("happy",), ("wave",), ("at you",))
    assert reply.calls[0].arguments == {"item": 'a [big] "sword"'}
    assert reply.faults == ()


@given(st.lists(st.sampled_from([*(f"[{name}]" for name in (*FELT, *MOVES)), "yes", "no"])))
def test_any_tags_and_words_are_clean_where_something_is_said(parts: list[str]) -> None:
    reply = read_reply(" ".join([*parts, "so"]))
    assert reply.faults == ()
    assert len(reply.emotions) + len(reply.moves) == sum(part[0] == "[" for part in parts)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    read_reply(text)


@pytest.mark.parametrize(
    "text",
    [
        "[happy]",
        "[joyful] Hi",
        "[happy Hi",
        "Hi **there**",
        "Hoshi: Hi",
        '"Hi there"',
        "one\ntwo",
        "- one",
        "1. one 2. two",
        "[run {}] Hi",
        "[give_item {bad}] Hi",
    ],
)
def test_what_a_reply_must_not_hold_is_told(text: str) -> None:
    assert read_reply(text, names=["Hoshi"]).faults
