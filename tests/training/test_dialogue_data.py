"""The conversations that are shipped for training hold what a reply must hold, and nothing else."""

import random

import pytest

from training.dialogue.check import DATA, distinct_n, faults_of, good_replies, read_part, words_of
from training.dialogue.cue_syntax import read_reply
from training.dialogue.placeholders import draw, read_values
from training.dialogue.screenplay import parse_screenplay, read_folder

PERSONA = '@persona smith\nname: Torvald\naction: give {"item": string} (gives)\nA smith.\n'


@pytest.mark.parametrize("part", ["train", "heldout", "eval", "pairs", "judged"])
def test_every_reply_is_clean_and_said_once(part: str) -> None:
    assert faults_of(read_part(part), read_values(DATA / "values.txt")) == []


def test_every_drawn_reply_is_clean_with_its_values() -> None:
    play = read_folder(DATA / "train")
    lists = read_values(DATA / "values.txt")
    rng = random.Random(7)
    for talk in play.talks:
        drawn = draw(talk, play.personas, lists, rng)
        actions = [action.split(" ", 1)[0] for action in drawn.actions]
        for exchange in drawn.exchanges:
            for reply in exchange.replies:
                assert read_reply(reply, actions, [drawn.name]).faults == (), reply


def test_conversations_to_judge_by_have_personas_of_their_own() -> None:
    learned = {
        text for sheet in read_folder(DATA / "train").personas.values() for text in sheet.texts
    }
    for part in ("heldout", "eval"):
        for sheet in read_folder(DATA / part).personas.values():
            if sheet.id != "hoshi":
                assert not learned & set(sheet.texts)


def test_replies_are_many_and_varied() -> None:
    replies = [read_reply(text).speech for _, text in good_replies(read_folder(DATA / "train"))]
    # Of as many replies each time: distinct-n falls with the length of any text.
    assert distinct_n(random.Random(0).sample(replies, 4800), 3) > 0.9
    assert sum(map(words_of, replies)) / len(replies) < 20


@pytest.mark.parametrize(
    ("talk", "says"),
    [
        ("U: hi\nA: Hello.\n", "begins with an emotion"),
        ("U: hi\nA: [happy] Hey.\nU: ho\nA: [sad] Hey.\n", "said 2 times"),
        ("U: hi\nA: [happy] " + "so " * 50 + "long.\n", "more than 45 words"),
        ("U: hi\nA: [happy] Torvald: hello.\n", "name of a role"),
        ("U: hi\nA: [happy] こんにちは。\n", "not written as en is"),
        ('U: hi\nA: [happy] Here. [give {"thing": "x"}]\n', "takes"),
    ],
)
def test_a_fault_of_a_reply_is_told(talk: str, says: str) -> None:
    faults = faults_of(parse_screenplay(PERSONA + "@talk smith\n" + talk), {})
    assert any(says in fault for fault in faults), faults
