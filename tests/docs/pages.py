"""What the documents tell people to type and to write, block by block."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (
    "README.md",
    "docs/connecting.md",
    "docs/characters.md",
    "docs/character_toml.md",
    "docs/idol_toml.md",
    "docs/deploying.md",
    "docs/film_yourself.md",
    "docs/your_own_engine.md",
    "docs/your_own_output.md",
    "training/README.md",
    "protocol/README.md",
)
SHELL: Final = ("", "sh", "bash")
_NOT: Final = "not followed:"
_NEEDS: Final = "needs "
_FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n\n?)?^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.M | re.S
)


@dataclass(frozen=True, slots=True)
class Block:
    page: str
    line: int
    language: str
    title: str
    """The file that the block is to be written to, if any."""
    text: str
    reason: str
    """Why it is not followed; empty for those that are."""
    needs: str = ""
    """What must lie there for it to be followed."""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """The fenced blocks of a page in order.

    A line `<!-- not followed: REASON -->` right before one says that it cannot be followed, and
    `<!-- needs PATH -->` that it can be where that is there.
    """
    for found in _FENCE.finditer(text):
        language, _, rest = found["info"].partition(" ")
        title = re.search(r'title="([^"]+)"', rest)
        mark = found["mark"] or ""
        yield Block(
            page,
            text[: found.start("info")].count("\n") + 1,
            language,
            title[1] if title else "",
            found["text"],
            mark.removeprefix(_NOT).strip() if mark.startswith(_NOT) else "",
            mark.removeprefix(_NEEDS).strip() if mark.startswith(_NEEDS) else "",
        )


def lines_of(text: str) -> Iterator[str]:
    """The commands of a shell block: lines joined where they go on, comments gone."""
    for line in text.replace("\\\n", " ").splitlines():
        if command := re.sub(r"(^|\s+)#\s.*$", "", line).strip():
            yield " ".join(command.split()) if "'" not in command else command


def alternatives(line: str) -> Iterator[str]:
    """`x a | b` is `x a` and `x b`; `x a|b` likewise; `...` stands for what is left out."""
    first, *others = line.replace("...", "").split(" | ")
    head = first.rsplit(" ", 1)[0]
    for each in [first, *(f"{head} {other}" for other in others)]:
        for words in itertools.product(*(word.split("|") for word in each.split(" "))):
            yield " ".join(word for word in words if word)
