"""Typed configuration files: TOML in, frozen structs out, unknown keys refused by name."""

import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


def load_config(path: Path, kind: type[T]) -> T:
    """Reads a TOML file into a struct.

    Raises:
        SystemExit: the file is missing or does not fit; the message names the field.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), kind)
    except FileNotFoundError:
        raise SystemExit(
            f"{path}: expected a TOML configuration, found no such file; "
            f"the ones at hand are in {Path(__file__).parent / 'configs'}."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise SystemExit(f"{path}: expected TOML, but {error}.") from None
    except msgspec.ValidationError as error:
        raise SystemExit(f"{path}: expected {kind.__name__} settings, but {error}.") from None
