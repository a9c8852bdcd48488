import itertools
import re
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idol_protocol.channels import GESTURES
from idol_runtime.conversation.gesture_words import gestures_in
from idol_runtime.conversation.reply_reader import (
    MAX_DIRECTION,
    MAX_TAG,
    Gesture,
    GestureReader,
    Lines,
    read_gestures,
)
from idol_runtime.speech.clauses import ClauseSplitter
from idol_runtime.stage.utterance import Line
from idol_runtime.timeline import PlacedGesture

TAGS = [f"[{name}]" for name in GESTURES] + ["[Wave]", "[waves]", "[gesture: bow]", "*nods*"]
PLAIN = "Hello there I'm so happy! No. Really? well, [sic] [1] *very* **bold** *smiles* … 😀 [ * ]"
WORDS = st.sampled_from([*PLAIN.split(), "2 * 3", "[a link](http://x.y)", "\n"])
REPLIES = st.lists(WORDS | st.sampled_from(TAGS), max_size=20).map(" ".join)
MARKED = st.text("ab [*]waves\n.!:", max_size=60)


def read(deltas: Sequence[str]) -> tuple[str, list[tuple[str, int]]]:
    """The text and the gestures at their places, of a reply in these deltas."""
    reader, shown = GestureReader(), ""
    gestures: list[tuple[str, int]] = []
    for pieces in [*map(reader.push, deltas), reader.flush()]:
        for piece in pieces:
            if isinstance(piece, Gesture):
                gestures.append((piece.name, len(shown)))
            else:
                shown += piece
    return shown, gestures


def names(text: str) -> list[str]:
    return [each.name for each in read_gestures(text)[1]]


def lines(deltas: Sequence[str]) -> list[Line]:
    reader, cut = GestureReader(), Lines()
    made: list[Line] = []
    for pieces in [*map(reader.push, deltas), reader.flush()]:
        for piece in pieces:
            made += cut.push(piece)
    return made + cut.flush()


def cut_at(text: str, cuts: Sequence[int]) -> list[str]:
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("tag", ["[wave]", "[Wave]", "[waves]", "[gesture: wave]", "[ WAVE ]"])
def test_a_tag_becomes_a_gesture_on_the_word_that_follows_it(tag: str) -> None:
    assert read_gestures(f"Hi {tag} there!") == ("Hi there!", (PlacedGesture("wave", 2),))


@pytest.mark.parametrize(
    "text",
    [
        "as he said [sic] yesterday",
        "see [1] and [note: x]",
        "[wave](https://example.com) and ![wave](a.png)",
        "I *really* mean it, **truly**, ***so***",
        "I *think* so, and *wave* is a word",
        "*smiles* Hello. *sits down at the desk*",
        "2 * 3 * 4 and a*b*c",
        "* first\n* second",
        "[waver] [wav] [] [ ] **waves**",
        "an open [wa",
        "an open *wa",
        "   \n ",
    ],
)
def test_text_that_names_no_gesture_stays_as_it_is(text: str) -> None:
    assert read_gestures(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[wave] Hi!", "Hi!"),
        ("Bye! [wave]", "Bye!"),
        ("Bye [wave]!", "Bye!"),
        ("Hi [wave][nod] there", "Hi there"),
        ("Hi![wave] There", "Hi! There"),
        ("One.\n[wave]\nTwo.", "One.\nTwo."),
        ("*waves*", ""),
    ],
)
def test_a_tag_leaves_no_hole_in_the_text(text: str, shown: str) -> None:
    assert read_gestures(text)[0] == shown


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("waves", ["wave"]),
        ("waving happily at you", ["wave"]),
        ("bows deeply", ["bow"]),
        ("curtsies", ["bow"]),
        ("points at the stars", ["point"]),
        ("shrugs", ["shrug"]),
        ("cheers", ["cheer"]),
        ("throws her arms up", ["cheer"]),
        ("raises both hands in the air", ["cheer"]),
        ("jumps for joy", ["cheer"]),
        ("makes a heart with her hands", ["heart"]),
        ("makes a little heart", ["heart"]),
        ("hearts", ["heart"]),
        ("claps her hands", ["clap"]),
        ("applauds", ["clap"]),
        ("thinks for a moment", ["think"]),
        ("ponders", ["think"]),
        ("strokes chin", ["think"]),
        ("nods", ["nod"]),
        ("shakes her head", ["shake"]),
        ("shakes head slowly", ["shake"]),
        ("nods, then waves and bows", ["nod", "wave", "bow"]),
        ("wave and smile", ["wave"]),
        ("smiles and wave", ["wave"]),
        ("smiles", []),
        ("adjusts her bow", []),
        ("shakes with laughter", []),
        ("hearts in her eyes", []),
        ("reaches the point", []),
    ],
)
def test_the_words_of_a_direction_name_gestures_in_order(
    direction: str, expected: list[str]
) -> None:
    assert gestures_in(direction) == expected
    assert names(f"*{direction}* Hello.") == expected


@pytest.mark.parametrize("name", GESTURES)
def test_every_gesture_can_be_asked_for_by_its_own_name(name: str) -> None:
    assert names(f"Well, [{name}] yes.") == [name]


@given(REPLIES, st.lists(st.integers(0, 400), max_size=12))
@example("Hi [wave]", [5])
@example("*waves* Hi", list(range(10)))
def test_how_a_reply_is_cut_into_deltas_changes_nothing(text: str, cuts: list[int]) -> None:
    assert read(cut_at(text, cuts)) == read([text])
    assert lines(cut_at(text, cuts)) == lines([text])


@given(MARKED)
def test_marks_anywhere_read_the_same_letter_by_letter(text: str) -> None:
    assert read(text) == read([text])


@given(st.text(st.characters(exclude_characters="[*"), max_size=80))
def test_text_without_marks_passes_unchanged(text: str) -> None:
    assert read([text]) == (text, [])


@given(REPLIES)
def test_nothing_but_tags_and_white_space_is_taken(text: str) -> None:
    tags = "|".join(map(re.escape, TAGS))
    shown, gestures = read([text])
    assert "".join(shown.split()) == "".join(re.sub(tags, "", text).split())
    assert len(gestures) == len(re.findall(tags, text))


@given(REPLIES)
def test_the_clauses_are_those_of_the_text_without_tags_and_hold_every_gesture(text: str) -> None:
    shown, gestures = read([text])
    splitter = ClauseSplitter()
    made = lines([text])
    assert [line.text for line in made if line.text] == [*splitter.push(shown), *splitter.flush()]
    assert [each.name for line in made for each in line.gestures] == [name for name, _ in gestures]
    assert all(0 <= each.offset <= len(line.text) for line in made for each in line.gestures)


@given(REPLIES)
def test_what_the_model_remembers_reads_as_the_same_gestures_and_words(text: str) -> None:
    for line in lines([text]):
        shown, gestures = read_gestures(line.written)
        assert [each.name for each in gestures] == [each.name for each in line.gestures]
        assert "".join(shown.split()) == "".join(line.text.split())


def test_a_gesture_between_clauses_belongs_to_the_next_and_at_the_end_to_the_last() -> None:
    made = lines(["Hi, I'm Hoshi! [wave] What shall ", "we talk about tonight? [no", "d]"])
    assert [(line.text, line.gestures) for line in made] == [
        ("Hi, I'm Hoshi!", ()),
        (
            "What shall we talk about tonight?",
            (PlacedGesture("wave", 0), PlacedGesture("nod", len(made[1].text))),
        ),
    ]


def test_a_reply_of_gestures_alone_is_one_clause_without_text() -> None:
    assert [(line.text, line.gestures) for line in lines(["[wave]"])] == [
        ("", (PlacedGesture("wave", 0),))
    ]


@pytest.mark.parametrize(("mark", "limit"), [("[", MAX_TAG), ("*", MAX_DIRECTION)])
def test_an_open_mark_holds_text_back_for_a_short_while_only(mark: str, limit: int) -> None:
    reader = GestureReader()
    text = mark + "a" * (limit - 1)
    assert reader.push(text[:-1]) == []
    assert reader.push(text[-1]) == [text]
