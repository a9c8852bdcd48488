"""The minds that are compared: the product, each time with another model in its characters."""

import os
import random
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli_w

from training.dialogue.placeholders import Values
from training.dialogue.scenes import PersonaSheet

BUILT_IN: Final = Path(__file__).parents[3] / "idol_runtime" / "characters"


@dataclass(frozen=True, slots=True)
class Mind:
    name: str
    """In the report."""
    model: str
    """What `models.dialogue` of a character names; empty for its default."""


def persona_of(sheet: PersonaSheet) -> str:
    """Its first wording, with its first name."""
    values = Values(sheet.values, random.Random(0), sheet.lang)
    values.let("self", sheet.names[0])
    return values.fill(sheet.texts[0])


def write_cast(
    folder: Path,
    sheets: Mapping[str, PersonaSheet],
    mind: Mind,
    models: Mapping[str, str] | None = None,
) -> list[Path]:
    """A folder for each persona; a persona called as a built-in character is that character.

    Args:
        folder: Where the characters go.
        sheets: Personas by id.
        mind: What gives them words.
        models: Other models of all of them, such as `speech`.
    """
    written = []
    for name, sheet in sheets.items():
        table: dict[str, Any] = {"name": sheet.names[0], "persona": persona_of(sheet)}
        shipped = BUILT_IN / name / "character.toml"
        if shipped.is_file():
            table = tomllib.loads(shipped.read_text("utf-8"))
            table.pop("avatar", None)
        given = {**(models or {}), **({"dialogue": mind.model} if mind.model else {})}
        if given:
            table["models"] = {**table.get("models", {}), **given}
        place = folder / name
        place.mkdir(parents=True)
        (place / "character.toml").write_text(tomli_w.dumps(table), "utf-8")
        written.append(place)
    return written


@contextmanager
def served(characters: Sequence[Path], log: Path, arguments: Sequence[str] = ()) -> Iterator[str]:
    """`idol serve` in a process of its own; its `host:port`.

    Raises:
        SystemExit: it ended before it was ready; what it said is in the message.
    """
    command = [sys.executable, "-m", "idol_runtime", "serve", "--port", "0", *arguments]
    for place in characters:
        command += ["--character", str(place)]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=dict(os.environ)
        ) as process,
    ):
        try:
            out = process.stdout or ()
            ready = next((line for line in out if "http://" in line), None)
            if ready is None:
                said = log.read_text().strip().splitlines()[-1:]
                raise SystemExit(
                    f"`idol serve` was expected to serve {len(characters)} characters, but ended: "
                    f"{' '.join(said) or 'it said nothing'}; see {log}."
                )
            yield ready.split("http://")[1].split()[0].rstrip("/")
        finally:
            process.terminate()
            process.wait(60)
