"""What a character knows and only thinks of when it comes up: entries of a lorebook as data."""

from typing import Annotated

import msgspec
from msgspec import Meta


class LoreEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something the character knows, told to the dialogue model only when one of its keys comes
    up. They may stand in a file `lore.toml` of their own, in the same way.
    """

    text: str
    """What it is, in one or two sentences; `{{char}}` and `{{user}}` are names. May begin with
    lines of decorators of Character Card V3, such as `@@depth 4`."""
    keys: list[str] = []
    """Words, phrases, or regular expressions between slashes, such as `/dragons?/i`."""
    secondary_keys: list[str] = []
    """Where there are some, one of these has to come up as well."""
    constant: bool = False
    """Told always, whatever comes up."""
    case_sensitive: bool = False
    """Whether `Rose` is not `rose`."""
    whole_words: bool = True
    """Whether `cat` is not in `category`; Japanese and Chinese keys are found anywhere."""
    regex: bool = False
    """Whether keys are regular expressions without slashes around them."""
    order: float = 100
    """Lower ones are told earlier."""
    priority: float | None = None
    """Where not all fit, lower ones are left out first; `order` says so where this does not."""
    enabled: bool = True
    """False for one that is never told."""
    name: str = ""
    """For people alone."""


class LoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How lore is looked for and how much of it is told; may stand in `lore.toml`, too."""

    scan_depth: Annotated[int, Meta(ge=0, le=1000)] = 4
    """In how many of the last messages keys are looked for."""
    token_budget: Annotated[int, Meta(ge=0)] = 300
    """About how many tokens of it are told at once."""
    recursion: Annotated[int, Meta(ge=0, le=10)] = 2
    """How many times what was found is itself searched for keys; 0 for never."""
    by_meaning: Annotated[int, Meta(ge=0, le=20)] = 0
    """How many entries may be told though none of their keys came up, because they mean nearly what
    was just said; the others come first where not all fit. English, and only on a server that
    remembers (`[memory]`), whose sentence model finds them."""
    least_meaning: Annotated[float, Meta(ge=0, le=1)] = 0.27
    """How near such an entry is at least to what was said, as the cosine of their vectors."""


class LoreFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `lore.toml` holds."""

    lore: list[LoreEntry] = []
    lorebook: LoreSettings = LoreSettings()
