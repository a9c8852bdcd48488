import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.training.dialogue_scenes import DATA
from training.dialogue.build import TeacherQuestion, block_of, main, questions, refusal
from training.dialogue.prompts import prompt_of
from training.dialogue.screenplay import parse_screenplay, read_folder
from training.ingest.card import read_card

pytestmark = pytest.mark.slow
GOOD = "[curious] The road was long and the kettle is on."


@contextmanager
def teacher(*said: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that answers in turn; its address and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            message = {"role": "assistant", "content": said[len(asked) % len(said)]}
            body = json.dumps({"choices": [{"message": message}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
        server.shutdown()
        thread.join()


def question() -> TeacherQuestion:
    """The first thing that is said to the tinker."""
    found = questions(DATA, 40, seed=1)
    return next(each for each in found if each.at == 1 and "hard to find" in each.written)


def test_answers_become_conversations_to_learn_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with teacher(GOOD, "**No** emotion here", GOOD) as (server, asked):
        arguments = ["--server", server, "--model", "teacher", "--licence", "Apache-2.0"]
        arguments += ["--out", str(tmp_path / "more"), "--data", str(DATA), "--at-once", "1"]
        main([*arguments, "--count", "9"])
    assert len(asked) == 9
    assert "[relaxed]" in asked[0]["messages"][0]["content"]  # the teacher is told how
    built = read_folder(tmp_path / "more" / "train")
    talks = [talk for talk in built.talks if "built" in talk.tags]
    assert talks
    assert {talk.beats[-1].texts[0] for talk in talks} == {GOOD}
    assert "Begin with one of" not in "".join(
        text for sheet in built.personas.values() for text in sheet.texts
    )
    card = read_card(tmp_path / "more")
    assert (card.kind, card.may_ship, card.trained_on) == ("made", False, ("teacher",))
    shown = capsys.readouterr().out
    assert f"{len(talks)} of 9 answers kept" in shown
    assert "not clean" in shown


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (GOOD, ""),
        ("The road was long.", "no emotion"),
        ("[happy] " + "the road is long and " * 12, "too long"),
        ("[happy] Hola, estoy muy contenta con la tienda.", "another language"),
        ("[happy] As an AI I have no kettle.", "out_of_role"),
        ("[happy] *smiles* The road was long.", "not clean"),
        ("[dizzy] The road was long.", "not clean"),
    ],
)
def test_what_is_not_learnt_from(answer: str, reason: str) -> None:
    assert refusal(question(), answer) == reason


def test_an_echo_and_the_written_answer_are_left_out() -> None:
    asked = question()
    said = asked.scene.exchanges[asked.at].said
    assert refusal(asked, f"[happy] {said}") == "echo"
    assert refusal(asked, asked.written) == "as written"


def test_a_block_is_read_back_as_it_was() -> None:
    for number, asked in enumerate(questions(DATA, 12, seed=3)):
        play = parse_screenplay(block_of(asked, GOOD, number), "built")
        [talk] = play.talks
        said = [beat.texts[0] for beat in talk.beats if beat.kind == "U"]
        history = [message.content for message in prompt_of(asked.scene, asked.at)]
        assert all(any(line in content for content in history) for line in said)
        assert play.personas[talk.persona].texts[0] == asked.scene.persona


def test_a_server_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    arguments = ["--server", "http://127.0.0.1:9/v1", "--model", "x", "--licence", "MIT"]
    with pytest.raises(SystemExit, match="chat completions"):
        main([*arguments, "--out", str(tmp_path / "more"), "--data", str(DATA), "--count", "1"])
    assert not (tmp_path / "more").exists()
