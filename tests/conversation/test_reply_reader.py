import itertools
import re
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idol_protocol.channels import GESTURES
from idol_runtime.character import Action, checked_actions
from idol_runtime.conversation.gesture_words import gestures_in
from idol_runtime.conversation.reply_reader import (
    MAX_CALL,
    MAX_DIRECTION,
    MAX_TAG,
    Lines,
    ReplyReader,
    read_tags,
)
from idol_runtime.dialogue.cues import AllowedCues
from idol_runtime.speech.clauses import ClauseSplitter
from idol_runtime.stage.utterance import Line
from idol_runtime.timeline import Call, Doing, Emote, Gaze, Gesture, PlacedCue, ReplyCue

TEXT = {"type": "string"}
GIVE = '[give_item {"item": "old ]} sword", "count": [1, {"a": "\\\\\\"["}]}]'
ANY = {"enum": ["old ]} sword"]}
COUNT = {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"properties": {"a": TEXT}}]}}
ACTIONS = checked_actions(
    [Action("give_item", "", {"properties": {"item": ANY, "count": COUNT}}), Action("open_shop")],
    "tools",
)
ALLOWED = AllowedCues(actions=ACTIONS)
TAGS = [f"[{name}]" for name in GESTURES] + ["[Wave]", "[waves]", "[gesture: bow]", "*nods*"]
TAGS += ["[happy]", "[very sad]", "[A little curious]", "[look at you]", "[look left]", "[dance]"]
TAGS += [GIVE, "[open_shop {}]", "[face:joy]"]
DIRECTIONS = [
    "*smiles*",
    "*laughs softly*",
    "_tilts her head_",
    "(sighs)",
    "[giggles]",
    '[close_shop {"at": 8}]',
    "[open_shop {broken]",
    "[open_shop {]}]",
]
PLAIN = "Hello there I'm so happy! No. Really? well, [sic] [1] bold (sic) snake_case … 😀 [ * ]"
WORDS = st.sampled_from([*PLAIN.split(), "2 * 3", "[a link](http://x.y)", "\n"])
STRESSED = st.sampled_from(["*very*", "**bold**", "_quite_", "***so***", "*I mean it!*"])
REPLIES = st.lists(WORDS | st.sampled_from(TAGS + DIRECTIONS), max_size=20).map(" ".join)
MARKED = st.lists(
    st.sampled_from([*"ab [](*)_\n.!:,", "**", "waves", "smiles", " softly", "She", "really"]),
    max_size=40,
).map("".join)


def reader_here() -> ReplyReader:
    return ReplyReader(ALLOWED, lambda: "call_1")


def read(deltas: Sequence[str]) -> tuple[str, list[tuple[str, int]]]:
    """The text and the tags at their places, of a reply in these deltas."""
    reader, shown = reader_here(), ""
    tags: list[tuple[str, int]] = []
    for pieces in [*map(reader.push, deltas), reader.flush()]:
        for piece in pieces:
            if isinstance(piece, str):
                shown += piece
            else:
                tags.append((piece.tag, len(shown)))
    return shown, tags


def names(text: str) -> list[str]:
    return [each.cue.name for each in read_tags(text)[1] if isinstance(each.cue, Gesture)]


def lines(deltas: Sequence[str]) -> list[Line]:
    reader, cut = reader_here(), Lines()
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
    assert read_tags(f"Hi {tag} there!") == ("Hi there!", (PlacedCue(Gesture("wave"), 2),))


@pytest.mark.parametrize(
    "text",
    [
        "as he said [sic] yesterday",
        "see [1] and [note: x]",
        "[wave](https://example.com) and ![wave](a.png)",
        "[smiles](https://example.com)",
        "2 * 3 * 4 and a*b*c, a 5* hotel",
        "* first\n* second",
        "[waver] [wav] [] [ ] [TODO] [Verse 2]",
        "word(s), (think about it), ten (points) (e.g. these)",
        "It is close (walking distance), and (depending on the rain) we go (running late).",
        "The shop (opens at nine) said so (pointing out the time). (according to him)",
        "^_^ snake_case __init__ -_- T_T ***",
        "an open [brace",
        "an open (laughs",
        "   \n ",
    ],
)
def test_text_that_names_no_gesture_stays_as_it_is(text: str) -> None:
    assert read_tags(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("I *really* mean it, **truly**, ***so***", "I really mean it, truly, so"),
        ("I _really_ do", "I really do"),
        ("I *think* so, and *wave* is a word", "I think so, and wave is a word"),
        ("I *laugh* at that, and she *sings* well", "I laugh at that, and she sings well"),
        ("*Hamlet* is a play. *Never* say so.", "Hamlet is a play. Never say so."),
        ("*Really?* Tell me!", "Really? Tell me!"),
        ("There is one thing: *love*", "There is one thing: love"),
        ("*dancing* is my life", "dancing is my life"),
        ("The star *glows* and the night *opens*", "The star glows and the night opens"),
        ("*Twinkle, Twinkle* That is the song.", "Twinkle, Twinkle That is the song."),
        ("**Ingredients:** sugar", "Ingredients: sugar"),
        ("*really like it", "really like it"),
        ("I like it* very much", "I like it very much"),
        ("私は*本当に*好き", "私は本当に好き"),
    ],
)
def test_words_that_are_only_stressed_lose_their_marks(text: str, shown: str) -> None:
    assert read_tags(text) == (shown, ())


@pytest.mark.parametrize(
    "direction",
    [
        "*smiles*", "*smile*", "*Smiles*", "**smiles**", "_smiles_", "*smiles warmly at you*",
        "*softly laughs*", "*tilts head*", "*sits down at the desk*", "*eyes sparkling*",
        "*in a whisper*", "*frobnicates happily*", "*She giggles.*", "*Hoshi grins*",
        "*her cheeks turn pink*", "*gently pats your head, then hums*", "*softly*", "*微笑む*",
        "(laughs)", "(sighs softly)", "[smiles]", "[laughing]", "[shy]", "[face:smirk]",
        "[emotion: bored]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["{} Hi you!", "Hi you! {}", "Hi.\n{}\nYou.", "{}", "Oh! {}."])
def test_what_she_is_to_do_and_cannot_is_not_said(direction: str, form: str) -> None:
    shown, gestures = read_tags(form.format(direction))
    assert not gestures
    assert shown.strip(" .\n") == form.format("").strip(" .\n").replace("\n\n", "\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("I'm so happy *smiles* to see you", "I'm so happy to see you"),
        ("Well, *giggles* that's funny", "Well, that's funny"),
        ("See you soon *flips her hair*", "See you soon"),
        ("That was fun (laughs) again?", "That was fun again?"),
        ("*smiles**winks* Hi", "Hi"),
        ("*smiles * Hi", "Hi"),
        ("*sighs*, I know", "I know"),
        ("*sighs*... I know", "... I know"),
        ("Hello! *smiles softly", "Hello!"),
        ("*smiles softly\nHello!", "Hello!"),
        ("*smiles Hello there!", "Hello there!"),
        ("Bye! [anim:wave_hands]", "Bye!"),
    ],
)
def test_directions_in_and_around_sentences_and_unbalanced_ones_go(text: str, shown: str) -> None:
    assert read_tags(text)[0].strip() == shown


def test_what_she_can_do_of_a_tag_of_another_form_is_done() -> None:
    assert names("[anim:wave_hands] Hi! **bows** (nods) _claps her hands_ Yes. *waves") == [
        "wave",
        "bow",
        "nod",
        "clap",
        "wave",
    ]


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
    assert read_tags(text)[0] == shown


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


@given(MARKED, st.lists(st.integers(0, 400), max_size=8))
@example("*smiles** waves_ (laughs) ****", [3, 8, 9])
def test_marks_anywhere_read_the_same_however_cut(text: str, cuts: list[int]) -> None:
    assert read(cut_at(text, cuts)) == read([text])


@given(MARKED)
def test_marks_anywhere_read_the_same_letter_by_letter(text: str) -> None:
    assert read(text) == read([text])


@given(st.text(st.characters(exclude_characters="[*(_"), max_size=80))
def test_text_without_marks_passes_unchanged(text: str) -> None:
    assert read([text]) == (text, [])


@given(st.lists(WORDS | st.sampled_from(TAGS), max_size=20).map(" ".join))
def test_nothing_but_tags_and_white_space_is_taken(text: str) -> None:
    tags = "|".join(map(re.escape, TAGS))
    shown, gestures = read([text])
    assert "".join(shown.split()) == "".join(re.sub(tags, "", text).split())
    assert len(gestures) == len(re.findall(tags, text))


@given(st.lists(st.sampled_from(["Oh", "I", "you", "like", "well,"]) | STRESSED, min_size=1))
def test_no_word_is_lost_and_no_mark_is_left_in_a_sentence(words: list[str]) -> None:
    text = f"So {' '.join(words)} it is."
    shown, _ = read([text])
    assert shown == re.sub(r"[*]|\b_|_\b", "", text)


@given(REPLIES)
@example("* [wave] … Hello *")
def test_what_came_out_reads_as_itself(text: str) -> None:
    shown, _ = read([text])
    assert read([shown]) == (shown, [])


@given(REPLIES)
def test_the_clauses_are_those_of_the_text_without_tags_and_hold_every_gesture(text: str) -> None:
    shown, tags = read([text])
    splitter = ClauseSplitter()
    made = lines([text])
    assert [line.text for line in made if line.text] == [*splitter.push(shown), *splitter.flush()]
    assert [each.cue.tag for line in made for each in line.cues] == [tag for tag, _ in tags]
    assert all(0 <= each.offset <= len(line.text) for line in made for each in line.cues)


@given(REPLIES)
def test_what_the_model_remembers_reads_as_the_same_gestures_and_words(text: str) -> None:
    for line in lines([text]):
        shown, tags = read([line.written])
        assert [tag for tag, _ in tags] == [each.cue.tag for each in line.cues]
        assert "".join(shown.split()) == "".join(line.text.split())


def test_a_gesture_between_clauses_belongs_to_the_next_and_at_the_end_to_the_last() -> None:
    made = lines(["Hi, I'm Hoshi! [wave] What shall ", "we talk about tonight? [no", "d]"])
    assert [(line.text, line.cues) for line in made] == [
        ("Hi, I'm Hoshi!", ()),
        (
            "What shall we talk about tonight?",
            (PlacedCue(Gesture("wave"), 0), PlacedCue(Gesture("nod"), len(made[1].text))),
        ),
    ]


def test_a_reply_of_gestures_alone_is_one_clause_without_text() -> None:
    assert [(line.text, line.cues) for line in lines(["[wave]"])] == [
        ("", (PlacedCue(Gesture("wave"), 0),))
    ]


@pytest.mark.parametrize(("mark", "limit"), [("[", MAX_TAG), ("(", MAX_TAG), ("*", MAX_DIRECTION)])
def test_an_open_mark_holds_text_back_for_a_short_while_only(mark: str, limit: int) -> None:
    reader = reader_here()
    text = mark + "a" * (limit - 1)
    assert reader.push(text[:-1]) == []
    assert reader.push(text[-1]) == [text.removeprefix("*")]


@pytest.mark.parametrize(
    ("tag", "cue"),
    [
        ("[happy]", Emote("happy", 0.65)),
        ("[very angry]", Emote("angry", 1.0)),
        ("[A little sad]", Emote("sad", 0.35)),
        ("[face:joy]", Emote("happy", 0.65)),
        ("[anger]", Emote("angry", 0.65)),
        ("[look away]", Gaze("away")),
        ("[look at you]", Gaze("you")),
        ("[dance]", Doing("dance")),
        ("[open_shop {}]", Call("open_shop", "{}", "call_1")),
        (GIVE, Call("give_item", GIVE[11:-1], "call_1")),
    ],
)
def test_every_kind_of_cue_is_read_at_its_place(tag: str, cue: ReplyCue) -> None:
    [line] = lines([f"Here, {tag} take it."])
    assert line == Line("Here, take it.", (PlacedCue(cue, 5),))
    assert line.written == f"Here, [{cue.tag}] take it."


@pytest.mark.parametrize(
    "tag",
    [
        '[give_item {"item": "gun"}]',
        '[close_shop {"at": 8}]',
        "[open_shop {broken}]",
        "[open_shop {",
        '[open_shop {"a": "never closed]',
        "[very hap",
        "[look ",
        "[wa",
        "[give_it",
    ],
)
def test_what_may_not_be_called_or_breaks_off_is_neither_said_nor_done(tag: str) -> None:
    assert read([f"Hi there! {tag}"]) == ("Hi there!", [])


def test_an_action_that_never_ends_is_lost_and_what_comes_then_is_said() -> None:
    begun = '[open_shop {"a": "'
    assert read([begun, "x" * (MAX_CALL - len(begun)), "Hi"]) == ("Hi", [])


def test_cues_of_nobody_are_lost() -> None:
    few = AllowedCues(emotions=("sad",), gestures=("nod",), gazes=(), activities=())
    reader = ReplyReader(few)
    pieces = [*reader.push("[happy] [wave] [look up] [dance] [sad] [nod] Hm."), *reader.flush()]
    assert pieces == [Emote("sad"), Gesture("nod"), "Hm."]
