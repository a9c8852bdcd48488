"""What a store says of its contents."""

from pathlib import Path
from typing import Literal

import msgspec

from idol_runtime.store.catalog import Kind

State = Literal["ready", "unverified", "partial", "missing"]


class Problem(msgspec.Struct, frozen=True):
    """A file that is not what the catalog says."""

    file: str
    message: str


class ModelStatus(msgspec.Struct, frozen=True):
    """What the cache holds of a model, judged by sizes and earlier checks, without hashing."""

    name: str
    kind: Kind
    licence: str
    description: str
    size: int
    """Bytes of the whole model."""
    present: int
    """Bytes of its files that are there."""
    state: State
    """`unverified`: every file is there, but not every one has been hashed here yet."""
    folder: Path


class ImportedBundle(msgspec.Struct, frozen=True):
    """A bundle of the user's own."""

    name: str
    kind: str
    size: int
    """Bytes of its files together."""
    folder: Path
