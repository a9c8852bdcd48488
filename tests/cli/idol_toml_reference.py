"""Writes docs/idol_toml.md from the structs that read the file; a test holds the two together.

python -m tests.cli.idol_toml_reference
"""

from pathlib import Path
from typing import Any, Final

import msgspec

from idol_runtime.character.toml_table import expected
from idol_runtime.cli.idol_toml import IdolToml
from idol_runtime.cli.serve_settings import CONFIG_VARIABLE, SETTINGS, Setting
from tests.toml_reference import default, docstrings, one_line, struct_in

PAGE: Final = Path(__file__).parents[2] / "docs" / "idol_toml.md"

HEAD: Final = f"""# idol.toml

<!-- Made by `python -m tests.cli.idol_toml_reference`; change the structs it is made from. -->

Every setting of a server in one file, read by `idol serve --config FILE` (and `idol demo`).
Without the flag the file that `${CONFIG_VARIABLE}` names is read; no other place is looked at.
Every key may be left out.

**A flag counts before the environment, that before the file, that before the default.**
Characters named on the command line take the place of all `[[cast]]`, outputs named there that of
all `[[output]]`. Secrets are better kept in variables than in flags, which every user of the
machine can read in the list of processes.

A key that is unknown, a value of the wrong type or out of range ends the start with one sentence:

```text
idol: idol.toml: server.prot: expected a known key; did you mean port; known keys here are host, ...
```

## An example

```toml
{{example}}
```
"""

EXAMPLE: Final = """\
[server]
host = "0.0.0.0"
port = 8765
allowed_origins = ["https://my.page.example"]
# token and host_token: from IDOL_TOKEN and IDOL_HOST_TOKEN

[limits]
max_connections = 200

[engine]
threads = 4

[store]
home = "/var/lib/idol/models"
offline = true

[[cast]]
character = "hoshi"
shared = true

[[cast]]
character = "characters/aki"

[[cast]]
character = "characters/mio"
shared = true

[[scene]]
characters = ["hoshi", "mio"]
turns = 2

[[output]]
url = "file:///var/lib/idol/takes"
character = "hoshi"
"""


def page() -> str:
    sections = [HEAD.format(example=EXAMPLE.rstrip())]
    for field in msgspec.structs.fields(IdolToml):
        found = struct_in(field.type)
        assert found is not None
        struct, several = found
        sections.append(
            _section(field.name, f"[[{field.name}]]" if several else f"[{field.name}]", struct)
        )
    return "\n".join(sections)


def _section(table: str, heading: str, struct: type[Any]) -> str:
    words = docstrings(struct)
    lines = [f"## `{heading}`", "", one_line(struct.__doc__ or ""), ""]
    lines += ["| key | takes | default | flag | variable | |", "|---|---|---|---|---|---|"]
    for field in msgspec.structs.fields(struct):
        setting = _setting(f"{table}.{field.name}")
        row = [
            f"`{field.name}`",
            expected(field.type),
            default(field),
            f"`{setting.flag}`" if setting.flag else "",
            ", ".join(f"`{name}`" for name in setting.variables),
            words[field.name],
        ]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _setting(key: str) -> Setting:
    return next((each for each in SETTINGS if each.key == key), Setting(key))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
