"""`idol.toml`: what is wrong in it is one sentence that names file, key and what was expected."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.cli.idol_toml import CastTable, IdolToml, OutputTable, read_idol_toml
from idol_runtime.errors import ConfigError
from idol_runtime.server.config import Limits

WHOLE = """
[server]
host = "0.0.0.0"
port = 9000
token = "t"
host_token = "h"
allowed_origins = ["https://a.example", "https://b.example"]

[limits]
max_connections = 3
stall_s = 1

[engine]
provider = "cpu"
threads = 2
lead_ms = 200

[store]
home = "models"
offline = true

[[cast]]
character = "hoshi"
shared = true

[[cast]]
character = "mine"

[[output]]
url = "file:///tmp/take"
character = "hoshi"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "idol.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_key_arrives(tmp_path: Path) -> None:
    read = read_idol_toml(write(tmp_path, WHOLE))
    assert (read.server.host, read.server.port) == ("0.0.0.0", 9000)
    assert (read.server.token, read.server.host_token) == ("t", "h")
    assert read.server.allowed_origins == ("https://a.example", "https://b.example")
    assert read.limits == Limits(max_connections=3, stall_s=1.0)
    assert (read.engine.provider, read.engine.threads, read.engine.lead_ms) == ("cpu", 2, 200)
    assert (read.store.home, read.store.offline) == ("models", True)
    assert read.cast == (CastTable(character="hoshi", shared=True), CastTable(character="mine"))
    assert read.output == (OutputTable(url="file:///tmp/take", character="hoshi"),)


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    assert read_idol_toml(write(tmp_path, "")) == IdolToml()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[servre]", "servre: expected a known key; did you mean server; known keys here are "
         "server, limits, engine, store, memory, cast, output, scene."),
        ("[server]\nprot = 1", "server.prot: expected a known key; did you mean port; known keys "
         "here are host, port, token, host_token, allowed_origins."),
        ("[[cast]]\ncharakter = 'x'", "cast[0].charakter: expected a known key; did you mean "
         "character; known keys here are character, shared."),
        ("[limits]\nzzz = 1", "limits.zzz: expected a known key; known keys here are "),
        ("[server]\nport = 'no'", 'port: expected a whole number from 0 to 65535, found "no".'),
        ("[server]\nport = 65536", "expected a whole number from 0 to 65535, found 65536."),
        ("[server]\nport = true", "expected a whole number from 0 to 65535, found true."),
        ("[server]\ntoken = 12345", "server.token: expected text, found int."),
        ("[server]\nallowed_origins = 'a'", "expected a list, each text, found \"a\"."),
        ("[limits]\nstall_s = 0", "stall_s: expected a number over 0, at most 3600, found 0."),
        ("[limits]\nstall_s = inf", "expected a number over 0, at most 3600, found inf."),
        ("[limits]\nstall_s = nan", "expected a number over 0, at most 3600, found nan."),
        ("[engine]\nprovider = 'tpu'", 'expected one of auto, cpu, cuda, found "tpu".'),
        ("[engine]\nthreads = 0", "expected a whole number from 1 to 1024, found 0."),
        ("[store]\noffline = 1", "store.offline: expected true or false, found 1."),
        ("server = 3", "server: expected a table that begins with [server], found 3."),
        ("[cast]\ncharacter = 'a'", "expected tables that begin with [[cast]], found a table."),
        ("cast = ['hoshi']", 'expected a table that begins with [[cast]], found "hoshi".'),
        ("[[cast]]", "cast[0].character: expected text, found no such key; add it."),
        ("[[output]]\nurl = 7", "output[0].url: expected text, found 7."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_with_file_key_and_what_was_expected(
    tmp_path: Path, text: str, says: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        read_idol_toml(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"idol\.toml: expected valid TOML.*line 2"):
        read_idol_toml(write(tmp_path, "[server]\nport = = 1"))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found no such file"):
        read_idol_toml(tmp_path / "none.toml")


def test_a_folder_in_its_place_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="readable UTF-8 file"):
        read_idol_toml(tmp_path)


def test_a_token_of_the_wrong_type_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        read_idol_toml(write(tmp_path, "[server]\nhost_token = ['hush-hush']"))
    assert "hush" not in str(refused.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_settings_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "idol.toml"
    path.write_bytes(data)
    try:
        read_idol_toml(path)
    except ConfigError as error:
        sentence = str(error)
    else:
        return
    assert sentence.startswith(f"{path}: ")
    assert sentence.endswith(".")


@pytest.mark.parametrize("text", [f"a = {'9' * 5000}", "a = " + "[" * 5000])
def test_numbers_and_lists_beyond_measure_are_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected valid TOML, but [^\n]*\.$"):
        read_idol_toml(write(tmp_path, text))
