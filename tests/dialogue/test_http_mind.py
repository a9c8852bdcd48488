"""A mind behind an address: a server whose answers the test writes, and a real llama.cpp."""

import logging
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest

from idol_runtime.character import HttpMind, Sampling, load_character
from idol_runtime.dialogue.http_mind import HttpDialogue, open_http_mind
from idol_runtime.dialogue.messages import (
    ChatMessage,
    DialogueRequest,
    Generated,
    GenerationDone,
    TextDelta,
)
from idol_runtime.engine.model_files import fetch_models
from idol_runtime.errors import ConfigError, RequestError
from idol_runtime.inference.service import StreamEnd
from idol_runtime.store import default_store
from tests.dialogue.chat_server import Answer, ChatServer, told
from tests.llama.real import FOLDER, needs_llama

HELLO = (ChatMessage("system", "You are Aki."), ChatMessage("user", "Hello!"))


@pytest.fixture
def server() -> Iterator[ChatServer]:
    server = ChatServer()
    yield server
    server.close()


Connect: TypeAlias = Callable[[HttpMind], HttpDialogue]


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as open_minds:

        def open_mind(mind: HttpMind) -> HttpDialogue:
            opened = HttpDialogue(mind)
            open_minds.callback(opened.shut)
            return opened

        yield open_mind


def asking(*, max_tokens: int | None = None) -> DialogueRequest:
    return DialogueRequest(HELLO, Sampling(temperature=0.0), max_tokens=max_tokens)


def heard(mind: HttpDialogue, *requests: DialogueRequest) -> list[list[Generated]]:
    """All replies, asked for at once."""
    streams = [mind.open(request) for request in requests]
    items: dict[int, list[Generated]] = {at: [] for at in range(len(streams))}
    live = list(streams)
    while live:
        for stream, item in mind.step(live):
            if isinstance(item, StreamEnd):
                live.remove(stream)
                mind.close(stream)
                if item.error is not None:
                    raise item.error
            else:
                items[streams.index(stream)].append(item)
    return list(items.values())


def text(items: Sequence[Generated]) -> str:
    return "".join(item.text for item in items if isinstance(item, TextDelta))


def test_a_reply_comes_in_pieces_and_ends_with_what_it_cost(
    connect: Connect, server: ChatServer
) -> None:
    server.answers = [Answer(told("Wel", "come", "!"))]
    [items] = heard(connect(HttpMind(server.url)), asking())
    assert [item.text for item in items if isinstance(item, TextDelta)] == ["Wel", "come", "!"]
    done = items[-1]
    assert isinstance(done, GenerationDone)
    assert (done.finish_reason, done.completion_tokens) == ("stop", 3)
    assert server.bodies[0]["model"] == "tiny"


def test_the_model_of_the_character_is_asked_for_and_one_token_too_few_is_told(
    connect: Connect,
    server: ChatServer,
) -> None:
    server.answers = [Answer(told("Hm", finish="length"))]
    [items] = heard(connect(HttpMind(server.url, model="big")), asking(max_tokens=1))
    assert server.bodies[0]["model"] == "big"
    assert server.bodies[0]["max_tokens"] == 1
    assert isinstance(items[-1], GenerationDone)
    assert items[-1].finish_reason == "length"


def test_a_slow_reply_does_not_hold_up_the_others(connect: Connect, server: ChatServer) -> None:
    mind = connect(HttpMind(server.url, model="m"))
    server.answers = [Answer(told("Slow", finish=None), waits=True), Answer(told("Quick"))]
    slow = mind.open(asking())
    while not (found := mind.step([slow])):
        pass
    assert found == [(slow, TextDelta("Slow"))]
    [items] = heard(mind, asking())
    assert text(items) == "Quick"
    mind.close(slow)


def test_a_reply_that_nobody_wants_any_more_closes_its_request(
    connect: Connect, server: ChatServer
) -> None:
    server.answers = [Answer(told("Once", finish=None), waits=True)]
    mind = connect(HttpMind(server.url))
    stream = mind.open(asking())
    while not mind.step([stream]):
        pass
    assert not server.has_been_left.is_set()
    mind.close(stream)
    assert server.has_been_left.wait(20)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(status=401), "to be let in, found 401"),
        (Answer(status=404), r"the model `m`, found tiny; mend models\.http"),
        (Answer(status=429, headers={"Retry-After": "7"}), r"ask again after 7 s\."),
        (Answer(status=503), "an answer, found status 503"),
        (Answer(told("He", finish=None)), "a whole reply, found one that was cut off"),
        (Answer(["data: {nonsense"]), "found an event that is not JSON"),
        (Answer(['data: {"error": "x"}']), "found an error in the middle"),
        (Answer(content_type="text/html; charset=utf-8"), "a stream of events, found text/html"),
        (Answer(told("He", finish=None), waits=True), r"words within 0\.3 s, found silence"),
    ],
)
def test_what_goes_wrong_is_a_sentence_that_names_the_server(
    connect: Connect, server: ChatServer, answer: Answer, says: str
) -> None:
    server.answers = [answer]
    mind = connect(HttpMind(server.url, model="m", silence_s=0.3))
    with pytest.raises(RequestError, match=rf"^http://127\.0\.0\.1:\d+: expected .*{says}") as told:
        heard(mind, asking())
    assert str(told.value).endswith(".")


def test_nobody_at_the_address_is_a_sentence(connect: Connect) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(RequestError, match=r"expected a server that answers, found none"):
        heard(connect(HttpMind(f"http://127.0.0.1:{port}/v1")), asking())


def test_messages_are_arranged_until_the_servers_template_takes_them(
    connect: Connect, server: ChatServer
) -> None:
    server.answers = [Answer(status=500), Answer(told("Yes."))]
    mind = connect(HttpMind(server.url, model="m"))
    greeted = (HELLO[0], ChatMessage("assistant", "Welcome!"), HELLO[1])
    request = DialogueRequest(greeted, Sampling())
    assert text(heard(mind, request)[0]) == "Yes."
    roles = [[each["role"] for each in body["messages"]] for body in server.bodies]
    assert roles == [["system", "assistant", "user"], ["system", "user"]]
    heard(mind, request)
    assert len(server.bodies) == 3  # what it takes is remembered


def test_a_template_that_takes_nothing_is_told(connect: Connect, server: ChatServer) -> None:
    server.answers = [Answer(status=400)]
    with pytest.raises(RequestError, match="found status 400"):
        heard(connect(HttpMind(server.url, model="m")), asking())
    assert len(server.bodies) == 3


def test_the_key_goes_into_a_header_and_into_no_log(
    server: ChatServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers = [Answer(told("Hi."))]
    bundle = bundle_of(tmp_path, f'[models.http]\nurl = "{server.url}"\nkey_variable = "MIND_KEY"')
    monkeypatch.delenv("MIND_KEY", raising=False)
    with pytest.raises(ConfigError, match="in the variable MIND_KEY, found none"):
        open_http_mind(bundle, "cpu", 1)
    monkeypatch.setenv("MIND_KEY", "sk-secret")
    mind = open_http_mind(bundle, "cpu", 1)
    heard(mind, asking())
    mind.shut()
    assert set(server.keys) == {"Bearer sk-secret"}
    assert "sk-secret" not in caplog.text
    assert "Hello!" not in caplog.text
    assert "sk-secret" not in (bundle / "manifest.json").read_text()


def bundle_of(folder: Path, models: str) -> Path:
    """What a character with these lines would open, without a voice fetched for it."""
    speech = folder / "speech"
    speech.mkdir()
    (speech / "manifest.json").write_text(
        '{"kind": "speech", "name": "s", "format": 1, "files": {}, "licence": "", "config": {}}'
    )
    lines = f'name = "Aki"\npersona = "You are Aki."\n[models]\nspeech = "./speech"\n{models}\n'
    (folder / "character.toml").write_text(lines)
    return fetch_models(default_store(home=folder / "home"), load_character(folder)).dialogue


def test_an_address_is_all_that_a_character_needs_to_name(
    server: ChatServer, tmp_path: Path
) -> None:
    server.answers = [Answer(told("Good morning."))]
    mind = open_http_mind(bundle_of(tmp_path, f'dialogue = "{server.url}/"'), "cpu", 1)
    assert mind.mind == HttpMind(server.url)
    assert text(heard(mind, asking())[0]) == "Good morning."
    mind.shut()


@pytest.mark.parametrize("url", ["http://", "http://host:port/v1", "http://[::1/v1"])
def test_an_address_of_nobody_is_refused_when_the_character_is_read(
    url: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="expected the address of a server"):
        bundle_of(tmp_path, f'dialogue = "{url}"')


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    """A real llama.cpp with the small model; its address."""
    [file] = default_store().pull("smollm2-135m-instruct").glob("*.gguf")
    command = ["node", "server.mjs", str(file), "--threads", "1"]
    with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@needs_llama
@pytest.mark.models
def test_a_real_llama_cpp_talks_to_several_at_once_and_is_free_again_when_they_go(
    connect: Connect,
    llama: str,
) -> None:
    mind = connect(HttpMind(llama, silence_s=300))
    one, other = heard(mind, asking(max_tokens=12), asking(max_tokens=12))
    assert text(one).split()
    assert text(one) == text(other)  # greedy, and neither knows of the other
    done = one[-1]
    assert isinstance(done, GenerationDone)
    assert done.finish_reason in ("stop", "length")
    story = DialogueRequest((ChatMessage("user", "Tell me a long story."),), Sampling(), 700)
    stream = mind.open(story)
    while not mind.step([stream]):
        pass
    mind.close(stream)
    [after] = heard(mind, asking(max_tokens=4))
    assert text(after)
    free = f"{llama.removesuffix('/v1')}/tests/free"
    assert httpx.get(free, timeout=300, trust_env=False).json()["free"] >= 1


@needs_llama
@pytest.mark.models
def test_a_model_that_a_real_llama_cpp_does_not_have_is_told_with_those_it_has(
    connect: Connect, llama: str
) -> None:
    with pytest.raises(RequestError, match=r"the model `gpt-9`, found SmolLM2-135M-Instruct\.Q4_1"):
        heard(connect(HttpMind(llama, model="gpt-9", silence_s=300)), asking())
