"""`idol.toml`: every setting of a server; docs/idol_toml.md is made from these structs."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from idol_runtime.character.toml_table import read_toml, struct_of
from idol_runtime.mind.memory.settings import MemorySettings
from idol_runtime.server.config import Limits, Listening


class EngineTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where models run."""

    provider: Literal["auto", "cpu", "cuda"] = "auto"
    """What models run on; auto takes a GPU when one really works."""
    threads: Annotated[int, Meta(ge=1, le=1024)] | None = None
    """For each of the dialogue and speech models; all cores when left out."""
    small: bool = False
    """SmolLM2 135M gives every character its words, whatever its `models.dialogue` says: for
    machines with little memory."""
    replies: Annotated[int, Meta(ge=1, le=1024)] = 16
    """Replies that the dialogue model writes at once, which takes little longer than one; the
    others wait in order. Each takes memory as its conversation is long: 25 to 50 MB for 1000 tokens
    of the models in the catalog with half a billion parameters and less."""
    context_tokens: Annotated[int, Meta(ge=256, le=131_072)] = 2048
    """What the dialogue model reads and writes of a conversation at most, persona included; no more
    than it was made for."""
    kept_mb: Annotated[int, Meta(ge=0, le=1_048_576)] = 512
    """What the dialogue model may keep of conversations that are silent, so that their next turn
    reads only what is new; the one that was silent longest gives way."""
    waiting_replies: Annotated[int, Meta(ge=0, le=1_000_000)] = 64
    """Replies that may wait; one more fails at once, with the code `server_overloaded`."""
    step_s: Annotated[float, Meta(ge=1, le=3600)] = 60.0
    """A model that is at one step for so long is taken for hung: its process is ended and started
    again. More for a large model on a slow machine."""
    lead_ms: Annotated[int, Meta(ge=40, le=5000)] = 300
    """How long before its playing time sound is delivered at most."""


class StoreTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model store."""

    home: str | None = None
    """Its folder, relative to this file; this platform's folder for caches when left out."""
    offline: bool = False
    """Whether the network is off: models must be there already. HF_HUB_OFFLINE says so, too."""


class CastTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A character that lives here; clients choose it by the name of its folder (`?model=NAME`)."""

    character: str
    """The name of a built-in character, or a character's folder, relative to this file."""
    shared: bool = False
    """Whether all clients meet the same one; otherwise each session has it to itself."""


class OutputTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a shared character's timeline also goes."""

    url: str
    """What to send to and how, such as `file:///home/me/take`."""
    character: str | None = None
    """The name of a shared character's folder; may be left out where only one is shared."""


class SceneTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shared characters who are together: each hears what is said to and by the others, with names,
    and answers who names it.
    """

    characters: Annotated[list[str], Meta(min_length=2)]
    """The names of their folders, in the order in which they take turns."""
    turns: Annotated[int, Meta(ge=0, le=100)] = 3
    """How many answers they give unasked after a user has spoken, so that they never talk for
    ever."""


class IdolToml(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole `idol.toml`; every key may be left out."""

    server: Listening = Listening()
    limits: Limits = Limits()
    engine: EngineTable = EngineTable()
    store: StoreTable = StoreTable()
    memory: MemorySettings = MemorySettings()
    cast: tuple[CastTable, ...] = ()
    output: tuple[OutputTable, ...] = ()
    scene: tuple[SceneTable, ...] = ()


def read_idol_toml(path: Path) -> IdolToml:
    """The settings of a file.

    Raises:
        ConfigError: no such file, broken TOML, an unknown key, a wrong type, a value out of range.
    """
    return struct_of(read_toml(path), IdolToml, path)
