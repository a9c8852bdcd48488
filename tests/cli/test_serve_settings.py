"""Where a server's settings come from, and that each has its field in `idol.toml`."""

import argparse
import re
from pathlib import Path

import msgspec
import pytest

from idol_runtime.character import DEFAULT_CHARACTER
from idol_runtime.cli.arguments import Subparsers
from idol_runtime.cli.idol_toml import IdolToml
from idol_runtime.cli.main import build_parser
from idol_runtime.cli.serve import add_serve_parser
from idol_runtime.cli.serve_settings import (
    CONFIG_VARIABLE,
    SETTINGS,
    OutputSetting,
    ServeSettings,
    settings_of,
)
from idol_runtime.errors import ConfigError
from idol_runtime.server.config import Limits

RUNTIME = Path(__file__).parents[2] / "idol_runtime"


def settings(*arguments: str, **environment: str) -> ServeSettings:
    return settings_of(build_parser().parse_args(["serve", *arguments]), environment)


def configured(folder: Path, text: str) -> str:
    path = folder / "idol.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_nothing_said_is_hoshi_on_loopback_with_every_limit_at_its_default() -> None:
    found = settings()
    assert (found.server.host, found.server.port, found.server.token) == ("127.0.0.1", 8765, None)
    assert found.server.limits == Limits()
    assert (found.engine.provider, found.engine.threads, found.engine.lead_ms) == (
        "auto",
        None,
        300,
    )
    assert [(member.folder, member.shared) for member in found.cast] == [(DEFAULT_CHARACTER, False)]
    assert (found.home, found.offline, found.outputs) == (None, False, ())


def test_a_flag_counts_before_the_environment_that_before_the_file_that_before_the_default(
    tmp_path: Path,
) -> None:
    config = configured(tmp_path, '[server]\ntoken = "file"\nport = 9000')
    assert settings("--config", config).server.token == "file"
    assert settings("--config", config, IDOL_TOKEN="variable").server.token == "variable"
    found = settings("--config", config, "--token", "flag", IDOL_TOKEN="variable")
    assert (found.server.token, found.server.port) == ("flag", 9000)
    assert settings("--config", config, IDOL_TOKEN="").server.token == "file"


def test_how_many_may_connect_is_a_flag_a_variable_and_a_key(tmp_path: Path) -> None:
    config = configured(tmp_path, "[limits]\nmax_connections = 3\nstall_s = 9.0")
    assert settings("--config", config).server.limits.max_connections == 3
    found = settings("--config", config, IDOL_MAX_CONNECTIONS="4").server.limits
    assert (found.max_connections, found.stall_s) == (4, 9.0)
    found = settings("--max-connections", "5", IDOL_MAX_CONNECTIONS="4").server.limits
    assert found == Limits(max_connections=5)
    with pytest.raises(
        ConfigError, match=r"\$IDOL_MAX_CONNECTIONS: expected a whole number .*\"0\""
    ):
        settings(IDOL_MAX_CONNECTIONS="0")
    with pytest.raises(ConfigError, match=r"\$IDOL_MAX_CONNECTIONS: expected a whole number"):
        settings(IDOL_MAX_CONNECTIONS="many")


def test_a_small_mind_is_a_flag_a_variable_and_a_key(tmp_path: Path) -> None:
    config = configured(tmp_path, "[engine]\nsmall = true")
    assert not settings().engine.small
    assert settings("--small").engine.small
    assert settings(IDOL_SMALL="1").engine.small
    assert settings("--config", config).engine.small
    assert not settings("--config", config, IDOL_SMALL="0").engine.small


def test_the_file_is_found_by_its_variable_and_the_flag_counts_before_it(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one = configured(tmp_path, "[server]\nport = 1")
    other = configured(tmp_path / "other", "[server]\nport = 2")
    assert settings(IDOL_CONFIG=one).server.port == 1
    assert settings("--config", other, IDOL_CONFIG=one).server.port == 2


def test_a_file_that_nobody_named_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(tmp_path, "[server]\nport = 1")
    monkeypatch.chdir(tmp_path)
    assert settings().server.port == 8765


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["--port", "70000"], {}, "--port: expected a whole number from 0 to 65535, found 70000."),
        (["--host", "0.0.0.0"], {}, "needs a token"),
        (["--token", "a", "--host-token", "a"], {}, "that viewers do not know"),
        ([], {"IDOL_HOST_TOKEN": " "}, "Expected a host token, found an empty one"),
        ([], {"IDOL_CONFIG": "none.toml"}, "none.toml: expected a TOML file"),
        (["--character", "a/x", "--character", "b/x"], {}, "--character: expected folders of diff"),
        (["--character", "a/gpt-aki"], {}, "a folder whose name clients can choose"),
        (["--output", "file:///x"], {}, "expected a shared character"),
        (["--shared", "--output", "x"], {}, "expected a URL with a scheme"),
        (
            ["--shared", "--character", "a", "--character", "b", "--output", "file:///x"],
            {},
            "expected one shared character, found a, b",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(
    arguments: list[str], environment: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        settings(*arguments, **environment)
    assert says in str(refused.value)
    assert str(refused.value).endswith(".")


def test_characters_of_the_command_line_are_private_or_all_shared() -> None:
    found = settings("--character", "hoshi", "--character", "some/aki")
    assert [(member.name, member.shared) for member in found.cast] == [
        ("hoshi", False),
        ("aki", False),
    ]
    found = settings("--character", "some/aki", "--shared", "--output", "file:///a")
    assert [(member.name, member.shared) for member in found.cast] == [("aki", True)]
    assert found.outputs == (OutputSetting("file:///a", "aki"),)
    assert settings("--shared").cast[0].shared


CAST = """
[[cast]]
character = "hoshi"
[[cast]]
character = "people/aki"
shared = true
[[output]]
url = "file:///take"
character = "aki"
[[output]]
url = "file:///other"
"""


def test_folders_of_the_file_are_relative_to_it(tmp_path: Path) -> None:
    found = settings("--config", configured(tmp_path, f'{CAST}[store]\nhome = "models"\n'))
    assert [(member.folder, member.shared) for member in found.cast] == [
        (DEFAULT_CHARACTER, False),
        ((tmp_path / "people" / "aki").resolve(), True),
    ]
    assert found.outputs == (
        OutputSetting("file:///take", "aki"),
        OutputSetting("file:///other", "aki"),
    )
    assert found.home == tmp_path / "models"


def test_characters_and_outputs_of_the_command_line_take_the_place_of_the_files(
    tmp_path: Path,
) -> None:
    config = configured(tmp_path, CAST)
    found = settings("--config", config, "--output", "file:///mine")
    assert found.outputs == (OutputSetting("file:///mine", "aki"),)
    with pytest.raises(ConfigError, match="output: expected a shared character"):
        settings("--config", config, "--character", "hoshi")
    with pytest.raises(ConfigError, match=r"--shared: .*`shared = true` there"):
        settings("--config", config, "--shared")


TROUPE = """
[[cast]]
character = "ren"
shared = true
[[cast]]
character = "mio"
shared = true
[[cast]]
character = "kai"
"""


def test_shared_characters_may_have_a_scene(tmp_path: Path) -> None:
    config = configured(tmp_path, f'{TROUPE}[[scene]]\ncharacters = ["mio", "ren"]\nturns = 5')
    [scene] = settings("--config", config).scenes
    assert (scene.characters, scene.turns) == (["mio", "ren"], 5)
    assert settings("--config", config, "--character", "hoshi").scenes == ()


@pytest.mark.parametrize(
    ("scene", "says"),
    [
        ('characters = ["ren"]', "scene"),
        ('characters = ["ren", "kai"]', 'found "kai"; shared are ren, mio'),
        ('characters = ["ren", "moi"]', 'found "moi"; did you mean mio'),
        ('characters = ["ren", "ren"]', "each character once"),
        ('characters = ["ren", "mio"]\nturns = -1', "turns"),
        ('characters = ["ren", "mio"]\n[[scene]]\ncharacters = ["mio", "ren"]', "found mio twice"),
    ],
)
def test_a_scene_that_cannot_be_is_a_sentence(tmp_path: Path, scene: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        settings("--config", configured(tmp_path, f"{TROUPE}[[scene]]\n{scene}"))


def test_an_output_of_nobody_says_who_is_shared(tmp_path: Path) -> None:
    config = configured(tmp_path, CAST.replace('character = "aki"', 'character = "akj"'))
    with pytest.raises(ConfigError, match=r'found "akj"; did you mean aki; shared are aki\.'):
        settings("--config", config)


@pytest.mark.parametrize(
    ("environment", "is_offline"),
    [
        ({}, True),
        ({"IDOL_OFFLINE": "0"}, False),
        ({"IDOL_OFFLINE": "0", "HF_HUB_OFFLINE": "1"}, False),
        ({"HF_HUB_OFFLINE": "1"}, True),
    ],
)
def test_the_store_of_the_file_gives_way_to_the_environment(
    tmp_path: Path, environment: dict[str, str], is_offline: bool
) -> None:
    config = configured(tmp_path, '[store]\nhome = "models"\noffline = true')
    found = settings("--config", config, **environment)
    assert (found.home, found.offline) == (tmp_path / "models", is_offline)
    assert settings("--config", config, IDOL_HOME="/elsewhere").home == Path("/elsewhere")


def keys_of(struct: type[msgspec.Struct], prefix: str = "") -> set[str]:
    """Every key of `idol.toml`; those of `[[cast]]` and `[[output]]` as `cast.character`."""
    keys = set()
    for field in msgspec.structs.fields(struct):
        kind = msgspec.inspect.type_info(field.type)
        if isinstance(kind, msgspec.inspect.VarTupleType):
            kind = kind.item_type
        if isinstance(kind, msgspec.inspect.StructType):
            keys |= keys_of(kind.cls, f"{prefix}{field.name}.")
        else:
            keys.add(f"{prefix}{field.name}")
    return keys


def test_every_setting_is_a_key_of_the_file() -> None:
    assert {setting.key for setting in SETTINGS} <= keys_of(IdolToml)


def test_every_flag_of_serve_has_its_field() -> None:
    commands: Subparsers[argparse.ArgumentParser] = argparse.ArgumentParser().add_subparsers()
    add_serve_parser(commands)
    flags = set(re.findall(r"--[a-z-]+", commands.choices["serve"].format_usage()))
    fields = {setting.flag for setting in SETTINGS if setting.flag}
    assert flags - {"--config"} == fields


def test_every_variable_in_the_source_has_its_field() -> None:
    written = {
        name
        for file in RUNTIME.rglob("*.py")
        for name in re.findall(r"\bIDOL_[A-Z_]+\b", file.read_text(encoding="utf-8"))
    }
    fields = {variable for setting in SETTINGS for variable in setting.variables}
    limits = {f"IDOL_{name.upper()}" for name in Limits.__struct_fields__}  # made from the keys
    assert (written | limits) - {CONFIG_VARIABLE} == {
        name for name in fields if name.startswith("IDOL_")
    }


@pytest.mark.parametrize("name", Limits.__struct_fields__)
def test_every_limit_is_a_flag_a_variable_and_a_key(name: str, tmp_path: Path) -> None:
    value = getattr(Limits(), name) or 8
    other = value * 0.75 if isinstance(value, float) else value + 1
    low, high = str(value), str(other)
    flag, variable = f"--{name.replace('_', '-')}", f"IDOL_{name.upper()}"
    config = configured(tmp_path, f"[limits]\n{name} = {low}\n")
    assert getattr(settings("--config", config).server.limits, name) == value
    found = settings("--config", config, **{variable: high}).server.limits
    assert getattr(found, name) == other
    found = settings("--config", config, flag, high, **{variable: low}).server.limits
    assert getattr(found, name) == other
    with pytest.raises(ConfigError, match=rf"{flag}: expected a .*number.*, found \"much\"\."):
        settings(flag, "much")
