"""Writes docs/character_toml.md from the structs that read the file; a test holds the two together.

python -m tests.character.character_toml_reference
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from idol_protocol.channels import EMOTIONS, GESTURES
from idol_runtime.character import Character
from idol_runtime.character.toml_table import expected
from tests.toml_reference import default, docstrings, one_line, struct_in

PAGE: Final = Path(__file__).parents[2] / "docs" / "character_toml.md"

HEAD: Final = f"""# character.toml

<!-- Made by `python -m tests.character.character_toml_reference` from the structs that read it. -->

A character is a folder that you own, with this file in it; the folder's name is what clients choose
it by. Begin with a copy of [Hoshi's](../idol_runtime/characters/hoshi/character.toml), and meet
yours with `idol serve --character FOLDER`.

A key that is unknown, a value of the wrong type or out of range is one sentence:

```text
idol: aki/character.toml: voice.nmae: expected a known key; did you mean name; ...
```

Emotions are {", ".join(f"`{name}`" for name in EMOTIONS)}.
Gestures are {", ".join(f"`{name}`" for name in GESTURES)}.

## An example

```toml
{{example}}
```
"""

EXAMPLE: Final = """\
name = "Aki"
persona = "You are Aki, who keeps a small inn by the sea. You answer in one or two short sentences."
greeting = "[happy] [bow] Welcome in! Are you staying the night?"
language = "en-us"
gestures = ["wave", "bow", "nod", "think"]
audience = "everyone"

[[examples]]
user = "Do you have a room?"
reply = "I do! [nod] The one with the view, if you like."

[voice]
name = "af_heart:0.6+bf_emma:0.4"
speed = 1.1

[emotion]
valence = 0.3
happy = 0.2

[motion]
style_seed = 7
style_tags = ["calm"]

[[actions]]
name = "give_tea"
description = "gives the guest a cup of tea"
parameters = { properties = { kind = { enum = ["green", "black"] } }, required = ["kind"] }

[models]
dialogue = "idol-0.5b"
speech = "kokoro-82m"

[sampling]
temperature = 0.4
max_tokens = 80
"""
"""Without an avatar and bundles, which would have to lie beside it."""


def page() -> str:
    tables = [f"## Above all tables\n\n{_rows(Character)}", *_tables(Character, "")]
    return "\n".join([HEAD.format(example=EXAMPLE.rstrip()), *tables])


def _tables(struct: type[Any], prefix: str) -> Iterator[str]:
    """The tables inside of one, and those inside of them."""
    for field in msgspec.structs.fields(struct):
        if (found := struct_in(field.type)) is not None:
            inner, several = found
            name = f"{prefix}{field.name}"
            heading = f"[[{name}]]" if several else f"[{name}]"
            yield f"## `{heading}`\n\n{one_line(inner.__doc__ or '')}\n\n{_rows(inner)}"
            yield from _tables(inner, f"{name}.")


def _rows(struct: type[Any]) -> str:
    words = docstrings(struct)
    lines = ["| key | takes | default | |", "|---|---|---|---|"]
    lines += [
        f"| `{field.name}` | {expected(field.type)} | {default(field)} | {words[field.name]} |"
        for field in msgspec.structs.fields(struct)
        if struct_in(field.type) is None
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
