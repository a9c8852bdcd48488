from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.character import Character, load_character
from tests.server.conftest import OpenScene, SteppedStage
from tests.server.conftest import open_scene as open_scene
from tests.server.conftest import stage as stage
from tests.training.dialogue_scenes import DATA, tiny
from training.dialogue.cue_syntax import ActionCall
from training.dialogue.screenplay import parse_screenplay
from training.evaluation.dialogue.client import session, tool_of
from training.evaluation.dialogue.command import DialogueRequested, evaluate, mind_of
from training.evaluation.dialogue.heard import HeardReply, PlayedScript, PlayedTurn
from training.evaluation.dialogue.judge import agreement, liked, local_judge
from training.evaluation.dialogue.languages import language_of
from training.evaluation.dialogue.measures import scores, self_bleu
from training.evaluation.dialogue.minds import Mind, write_cast
from training.evaluation.dialogue.play import ScriptPlayer, transcript
from training.evaluation.dialogue.report import text_of, transcripts
from training.evaluation.dialogue.rules import broken_rules, faults
from training.evaluation.report import plain

pytestmark = pytest.mark.slow

SCRIPTS = parse_screenplay(
    """
@persona smith
name: Olla
action: hand_over {"item": "kettle|rope", "count": number} (gives an item)
You are {self}, a smith.

@script prices smith shop persona
N: The shop is open.
U: How much is a kettle, Olla?
? any: 7 | seven
? not: euro
U: My name is Ida.
? words: 12
@session
U Wen: What is my name?
? all: Ida
""",
    "smith",
)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (("any", "50 | fifty"), "Fifty gold.", "150 gold."),
        (("all", "50 | gold"), "50 pieces of gold", "50 pieces"),
        (("not", "euro"), "Of Europe, nothing.", "Ten euro."),
        (("regex", r"\bfive\b"), "FIVE!", "fiver"),
        (("any", "星"), "私は星が好き", "私は月が好き"),
        (("lang", "ja"), "こんにちは、元気です", "Hello, how are you?"),
        (("words", "3"), "One two three.", "One two three four."),
        (("question", ""), "And you?", "And you."),
    ],
)
def test_rules_speak_of_the_speech(rule: tuple[str, str], good: str, bad: str) -> None:
    assert broken_rules(HeardReply(good), [rule]) == []
    assert broken_rules(HeardReply(bad), [rule]) == [f"{rule[0]}: {rule[1]}".removesuffix(": ")]


def test_rules_speak_of_cues() -> None:
    call = ActionCall("sell", {"item": "axe", "count": 1})
    reply = HeardReply("Here.", emotions=["happy"], gestures=["wave"], calls=[call])
    kept = [("emotion", "sad happy"), ("gesture", "wave"), ("action", 'sell {"item": "axe"}')]
    assert broken_rules(reply, kept) == []
    missed = [("emotion", "sad"), ("gesture", "bow"), ("action", 'sell {"item": "rope"}')]
    assert len(broken_rules(reply, [*missed, ("no_action", "")])) == 4


@pytest.mark.parametrize(
    ("speech", "said", "found"),
    [
        ("A kettle costs seven coins.", "And now?", []),
        ("", "Hi", ["silent"]),
        ("**Hello** there", "Hi", ["markup"]),
        ("Olla: hello there", "Hi", ["role_name"]),
        ("As an AI I cannot do that.", "Hi", ["out_of_role"]),
        ("I like to sing at night.", "Hi", ["repeated"]),
        ("I like to sing at nights!", "Hi", ["nearly_repeated"]),
        ("I work as a baker.", "I work as a baker.", ["echo"]),
        ("So I work as a baker in town, I think.", "I work as a baker!", ["echo"]),
        ("My name is Ida.", "Who are you?", ["wrong_name"]),
        ("My name is Olla.", "Who are you?", []),
    ],
)
def test_faults_of_any_reply(speech: str, said: str, found: list[str]) -> None:
    before = ["I like to sing at night."]
    assert faults(HeardReply(speech), name="Olla", said=said, before=before, names=["Ida"]) == found


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I am here for you.", "en"),
        ("Hola, estoy muy contenta de que estés aquí.", "es"),
        ("Bonjour, je suis très contente avec vous.", "fr"),
        ("Hallo, das ist aber sehr schön.", "de"),
        ("今日は雨です", "ja"),
        ("今天下雨", "zh"),
        ("Hm!", None),
    ],
)
def test_a_language_is_known_by_its_common_words(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_an_action_of_a_screenplay_becomes_a_tool() -> None:
    tool = tool_of('give {"item": "kettle|rope", "count": number, "to": text} (gives an item)')
    assert (tool["name"], tool["description"]) == ("give", "gives an item")
    assert tool["parameters"]["properties"] == {
        "item": {"type": "string", "enum": ["kettle", "rope"]},
        "count": {"type": "integer"},
        "to": {"type": "string"},
    }
    assert tool_of("close {}")["parameters"]["required"] == []
    with pytest.raises(ValueError, match="what it does"):
        tool_of("close the shop")


async def test_a_script_is_played_with_the_product(
    open_scene: OpenScene, stage: SteppedStage
) -> None:
    stage.dialogue.deltas = ["A kettle is seven coins."]
    member = stage.member(Character(name="Olla", persona="You are Olla.", repeats=True), "smith")
    scene = await open_scene(members=[member])
    player = ScriptPlayer(
        f"127.0.0.1:{scene.server.port}", "smith", SCRIPTS.personas["smith"], SCRIPTS.scripts[0]
    )
    played = await player.play()
    assert [turn.said for turn in played.turns] == [
        "How much is a kettle, Olla?",
        "My name is Ida.",
        "What is my name?",
    ]
    assert played.turns[0].broken == ()
    assert "fault: repeated" in played.turns[1].broken
    assert "all: Ida" in played.turns[2].broken
    assert all(turn.heard.first_text_s is not None for turn in played.turns)
    # A new session remembers nothing of the words, and scenes name their speakers.
    asked = stage.dialogue.requests[-1].messages
    assert [each.content for each in asked if each.role == "user"] == ["Wen: What is my name?"]
    shown = "\n".join(transcript(played))
    assert "**Wen:** What is my name?" in shown
    assert "*missed:* `all: Ida`" in shown


async def test_what_is_so_in_the_world_is_told_and_taken_back(open_scene: OpenScene) -> None:
    scene = await open_scene()
    async with session(f"127.0.0.1:{scene.server.port}", "hoshi", ()) as client:
        await client.know(["The shop is open.", "It rains."])
        await client.know(["It rains."])
        reply = await client.say("Hello?")
    assert reply.status == "completed"
    assert reply.speech == "Hello there. How are you?"


def test_the_numbers_of_a_mind() -> None:
    good = PlayedTurn("Hi", "", (("any", "hello"),), HeardReply("hello to you all"), ())
    bad = PlayedTurn("Hi", "", (("any", "x"),), HeardReply("no"), ("any: x", "fault: echo"))
    found = scores([PlayedScript("a", "Olla", "smith", ("shop",), (good, bad))])
    assert found["rules"] == 0.5
    assert found["by_category"] == {"shop": 0.5}
    assert found["faults"]["echo"] == 0.5
    assert found["first_text_s"]["p50"] is None


def test_self_bleu_tells_the_same_from_the_different() -> None:
    assert self_bleu(["we sing of stars", "we sing of stars"]) == pytest.approx(1)
    assert self_bleu(["we sing of stars", "rain falls on roofs"]) == pytest.approx(0)
    assert self_bleu(["one"]) is None


@given(st.lists(st.tuples(st.floats(-5, 5), st.booleans()), min_size=3, max_size=20))
def test_agreement_is_a_share(labels: list[tuple[float, bool]]) -> None:
    if len({good for _, good in labels}) < 2:
        return
    found = agreement(labels)
    assert 0 <= found["agreement"] <= 1
    assert 0 <= found["good_above_bad"] <= 1


def test_a_judge_that_knows_agrees_and_one_that_guesses_does_not() -> None:
    knows = [(1.0 + at / 10, True) for at in range(5)] + [
        (-1.0 - at / 10, False) for at in range(5)
    ]
    assert agreement(knows)["agreement"] >= 0.9
    assert agreement(knows)["good_above_bad"] == 1
    same = [(0.0, at % 2 == 0) for at in range(10)]
    assert agreement(same)["good_above_bad"] == 0.5


def test_a_local_judge_prefers_what_its_model_says() -> None:
    base = tiny()
    judge = local_judge(base)
    first = judge("You are Olla.", [("Hi", "")], "Hello!")
    assert first == judge("You are Olla.", [("Hi", "")], "Hello!")
    assert first != judge("You are Olla.", [("Hi", "")], "Go away!")
    turn = PlayedTurn("Hi", "", (), HeardReply("Hello!"), ())
    played = [PlayedScript("a", "Olla", "smith", ("shop",), (turn,))]
    assert liked(played, {"smith": "You are Olla."}, judge, first) == 1
    assert liked(played, {"smith": "You are Olla."}, judge, first + 0.1) == 0


def test_the_report_stands_minds_side_by_side() -> None:
    turn = PlayedTurn("Hi", "", (("any", "x"),), HeardReply("Hello you!"), ("any: x",))
    played = [PlayedScript("a", "Olla", "smith", ("shop",), (turn,), ("no actions",))]
    minds = {name: {**scores(played), "notes": ["no actions"]} for name in ("small", "big")}
    judge = {"model": "big", **agreement([(1.0, True), (0.0, False), (2.0, True)])}
    text = text_of(plain({"command": "evaluate", "minds": minds, "judge": judge}))
    assert "|  | small | big |" in text
    assert "no actions" in text
    assert "agrees with 3 hand labels" in text
    assert "## big" in transcripts({"small": played, "big": played})


def test_a_cast_is_written_for_each_mind(tmp_path: Path) -> None:
    shipped = parse_screenplay("@persona hoshi\nname: Hoshi\nYou are {self}.\n", "one").personas
    sheets = {**SCRIPTS.personas, **shipped}
    folders = write_cast(tmp_path, sheets, Mind("big", "some-model"))
    smith, hoshi = (load_character(folder) for folder in folders)
    assert smith.persona == "You are Olla, a smith."
    assert "virtual idol" in hoshi.persona
    assert smith.models.dialogue == hoshi.models.dialogue == "some-model"


def test_scripts_that_are_not_there_are_told(tmp_path: Path) -> None:
    request = DialogueRequested((mind_of("a=b"),), DATA / "train", tmp_path, only=("shop",))
    with pytest.raises(SystemExit, match="expected scripts to play"):
        evaluate(request, "evaluate")


def test_the_folder_of_a_bundle_is_absolute_as_a_mind(tmp_path: Path) -> None:
    assert mind_of(f"x={tmp_path}").model == str(tmp_path.resolve())
    assert mind_of("x=qwen3-0.6b") == Mind("x", "qwen3-0.6b")
    assert mind_of("x=") == Mind("x", "")
