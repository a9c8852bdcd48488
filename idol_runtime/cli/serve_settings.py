"""What a server is to be: a flag over the environment over `idol.toml` over the default."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from platformdirs import user_data_path

from idol_runtime.character import BUILT_IN, DEFAULT_CHARACTER, OPENAI_PREFIX, find_character
from idol_runtime.character.toml_table import checked, nearest
from idol_runtime.cli.idol_toml import (
    CastTable,
    EngineTable,
    IdolToml,
    OutputTable,
    SceneTable,
    StoreTable,
    read_idol_toml,
)
from idol_runtime.errors import ConfigError
from idol_runtime.mind.memory.keeping import is_url
from idol_runtime.mind.memory.settings import MemorySettings
from idol_runtime.server.config import Limits, ServerConfig, check_config

Table = TypeVar("Table", bound=msgspec.Struct)

CONFIG_VARIABLE: Final = "IDOL_CONFIG"
_NO: Final = ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of `idol.toml` that a flag or a variable can set as well."""

    key: str
    """Such as `server.port`."""
    flag: str | None = None
    variables: tuple[str, ...] = ()
    """The first that is set and not empty counts."""


SETTINGS: Final = (
    Setting("server.host", "--host"),
    Setting("server.port", "--port"),
    Setting("server.token", "--token", ("IDOL_TOKEN",)),
    Setting("server.host_token", "--host-token", ("IDOL_HOST_TOKEN",)),
    Setting("server.allowed_origins", "--allow-origin"),
    *(
        Setting(f"limits.{name}", f"--{name.replace('_', '-')}", (f"IDOL_{name.upper()}",))
        for name in Limits.__struct_fields__
    ),
    Setting("engine.provider", "--provider"),
    Setting("engine.threads", "--threads"),
    Setting("engine.small", "--small", ("IDOL_SMALL",)),
    Setting("store.home", variables=("IDOL_HOME",)),
    Setting("store.offline", variables=("IDOL_OFFLINE", "HF_HUB_OFFLINE")),
    Setting("memory.enabled", variables=("IDOL_MEMORY",)),
    Setting("memory.store", variables=("IDOL_MEMORY_STORE",)),
    Setting("cast.character", "--character"),
    Setting("cast.shared", "--shared"),
    Setting("output.url", "--output"),
)
"""All that have a flag or a variable. `cast` and `output` of the file give way to a command line
that names characters or outputs of its own, `scene` with `cast`."""


@dataclass(frozen=True, slots=True)
class CastMember:
    """A character that will live on the server."""

    folder: Path
    shared: bool

    @property
    def name(self) -> str:
        """What clients choose it by."""
        return self.folder.name


@dataclass(frozen=True, slots=True)
class OutputSetting:
    url: str
    character: str
    """The name of a shared member of the cast."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    server: ServerConfig
    engine: EngineTable
    home: Path | None
    """The store's folder; None where this platform's own is meant."""
    offline: bool
    memory: MemorySettings
    """Its store is a URL, or a path that is absolute."""
    cast: tuple[CastMember, ...]
    """At least one; the first is who answers when a client asks for nobody by name."""
    outputs: tuple[OutputSetting, ...]
    scenes: tuple[SceneTable, ...] = ()


def settings_of(
    options: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> ServeSettings:
    """Merges the command line, the environment, the file that one of them names, and defaults.

    Raises:
        ConfigError: the file cannot be read, or any of them asks for what cannot be.
    """
    path, file = _file_of(options, environment)
    base = path.parent if path else Path()
    store = store_of(options, environment)
    table = _overlaid("server", file.server, options, environment)
    limits = _overlaid("limits", file.limits, options, environment)
    server = ServerConfig(**msgspec.structs.asdict(table), limits=limits)
    check_config(server)
    cast = _cast(options, file.cast, base, path)
    return ServeSettings(
        server=server,
        engine=_overlaid("engine", file.engine, options, environment),
        home=None if store.home is None else Path(store.home).expanduser(),
        offline=store.offline,
        memory=memory_of(options, environment),
        cast=cast,
        outputs=_outputs(options, file.output, cast, path),
        scenes=() if options.character else _scenes(file.scene, cast, path),
    )


def store_of(
    options: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> StoreTable:
    """The model store of a command that needs no more than that; `home` is not relative any more.

    Raises:
        ConfigError: as `settings_of`.
    """
    path, file = _file_of(options, environment)
    store = file.store
    if path is not None and store.home is not None:
        home = str(path.parent / Path(store.home).expanduser())
        store = msgspec.structs.replace(store, home=home)
    return _overlaid("store", store, options, environment)


def memory_of(
    options: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> MemorySettings:
    """What memory is set to; a file it names is not relative any more.

    Raises:
        ConfigError: as `settings_of`.
    """
    path, file = _file_of(options, environment)
    memory = file.memory
    if path is not None and memory.store and not is_url(memory.store):
        where = str((path.parent / Path(memory.store).expanduser()).absolute())
        memory = msgspec.structs.replace(memory, store=where)
    memory = _overlaid("memory", memory, options, environment)
    if memory.store:
        return memory
    home = store_of(options, environment).home
    folder = Path(home).expanduser() / "memory" if home else user_data_path("idol_runtime")
    return msgspec.structs.replace(memory, store=str(folder.absolute() / "memory.sqlite3"))


def config_path(
    options: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> Path | None:
    """The `idol.toml` that a command reads, if any."""
    named = options.config or environment.get(CONFIG_VARIABLE) or None
    return Path(named) if named else None


def _file_of(
    options: argparse.Namespace, environment: Mapping[str, str]
) -> tuple[Path | None, IdolToml]:
    path = config_path(options, environment)
    return path, read_idol_toml(path) if path else IdolToml()


def flag_name(flag: str) -> str:
    """What argparse calls the value of a flag."""
    return flag.removeprefix("--").replace("-", "_")


def _overlaid(
    name: str, table: Table, options: argparse.Namespace, environment: Mapping[str, str]
) -> Table:
    """A table of the file with what flags and variables say instead."""
    kinds = {field.name: field.type for field in msgspec.structs.fields(table)}
    changes: dict[str, Any] = {}
    for setting in SETTINGS:
        of_table, _, key = setting.key.partition(".")
        if of_table != name:
            continue
        kind, is_secret = kinds[key], "token" in key
        variable = next((each for each in setting.variables if environment.get(each)), None)
        if setting.flag and (value := getattr(options, flag_name(setting.flag))) is not None:
            changes[key] = checked(
                value, kind, setting.flag, is_secret=is_secret, is_text=name == "limits"
            )
        elif variable is not None:
            text = environment[variable]
            value = text.lower() not in _NO if kind is bool else text
            changes[key] = checked(
                value, kind, f"${variable}", is_secret=is_secret, is_text=kind is not bool
            )
    return msgspec.structs.replace(table, **changes)


def _cast(
    options: argparse.Namespace, tables: tuple[CastTable, ...], base: Path, path: Path | None
) -> tuple[CastMember, ...]:
    if options.character:
        cast = [
            CastMember(find_character(each).resolve(), bool(options.shared))
            for each in options.character
        ]
    elif tables and options.shared:
        raise ConfigError(
            f"--shared: expected characters on the command line (--character), found the cast of "
            f"{path}; write `shared = true` there."
        )
    elif tables:
        cast = [CastMember(_folder_of(each.character, base), each.shared) for each in tables]
    else:
        cast = [CastMember(DEFAULT_CHARACTER, bool(options.shared))]
    where = "--character" if options.character else f"{path}: cast"
    folders: dict[str, Path] = {}
    for member in cast:
        if member.name in folders:
            raise ConfigError(
                f"{where}: expected folders of different names, found {folders[member.name]} and "
                f"{member.folder}; clients choose by that name, so rename one."
            )
        if member.name.startswith(OPENAI_PREFIX):
            raise ConfigError(
                f"{where}: expected a folder whose name clients can choose, found {member.folder}; "
                f"names that begin with {OPENAI_PREFIX} mean the first character, so rename it."
            )
        folders[member.name] = member.folder
    return tuple(cast)


def _folder_of(name_or_folder: str, base: Path) -> Path:
    found = find_character(name_or_folder)
    if found.parent == BUILT_IN:
        return found
    return (base / Path(name_or_folder).expanduser()).resolve()


def _outputs(
    options: argparse.Namespace,
    tables: tuple[OutputTable, ...],
    cast: tuple[CastMember, ...],
    path: Path | None,
) -> tuple[OutputSetting, ...]:
    where = f"{path}: output"
    if options.output:
        tables = tuple(OutputTable(url=url) for url in options.output)
        where = "--output"
    shared = [member.name for member in cast if member.shared]
    return tuple(_output(table, shared, where) for table in tables)


def _output(table: OutputTable, shared: list[str], where: str) -> OutputSetting:
    if not urlsplit(table.url).scheme:
        raise ConfigError(
            f"{where}: expected a URL with a scheme, such as file:///home/me/take, found "
            f'"{table.url}".'
        )
    if not shared:
        raise ConfigError(
            f"{where}: expected a shared character to take the timeline of, found none; give "
            "--shared, or `shared = true` in its [[cast]]."
        )
    if table.character is None and len(shared) > 1:
        raise ConfigError(
            f"{where}: expected one shared character, found {', '.join(shared)}; name one by "
            f"`character` in the [[output]] of idol.toml."
        )
    name = table.character if table.character is not None else shared[0]
    if name not in shared:
        raise ConfigError(
            f'{where}: expected the name of a shared character, found "{name}"'
            f"{nearest(name, shared)}; shared are {', '.join(shared)}."
        )
    return OutputSetting(table.url, name)


def _scenes(
    tables: tuple[SceneTable, ...], cast: tuple[CastMember, ...], path: Path | None
) -> tuple[SceneTable, ...]:
    shared, placed = [member.name for member in cast if member.shared], set[str]()
    for table in tables:
        for name in table.characters:
            if name not in shared:
                raise ConfigError(
                    f'{path}: scene: expected the names of shared characters, found "{name}"'
                    f"{nearest(name, shared)}; shared are {', '.join(shared) or 'none'}."
                )
            if name in placed:
                raise ConfigError(
                    f"{path}: scene: expected each character once, in one scene, found {name} "
                    "twice; take it out of one."
                )
            placed.add(name)
    return tables
