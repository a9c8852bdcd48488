"""The pictures of docs/architecture.md are those that follow from the code."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]


def test_no_picture_is_stale() -> None:
    command = [sys.executable, str(ROOT / "docs" / "site" / "drawings.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_name_of_the_turn_is_there_to_be_found() -> None:
    picture = ElementTree.parse(ROOT / "docs" / "turn.svg")
    names = [
        each.text or ""
        for each in picture.iter("{http://www.w3.org/2000/svg}text")
        if "monospace" in each.get("font-family", "")
    ]
    places = [name for name in names if name.startswith(("server.", "conversation.", "stage."))]
    assert len(places) >= 8
    code = "\n".join(path.read_text() for path in (ROOT / "idol_runtime").rglob("*.py"))
    for place in places:
        for name in place.replace(" · outputs", "").split("."):
            assert name in code or (ROOT / "idol_runtime" / name).exists(), place
    types = [
        word for name in names for word in name.replace(",", " ").split() if word.isidentifier()
    ]
    for word in types:
        if word[0].isupper():
            assert f"class {word}" in code + _wire() or f"{word}: TypeAlias" in code, word


def _wire() -> str:
    folder = ROOT / "protocol" / "idol_protocol"
    return "\n".join(path.read_text() for path in folder.glob("*.py"))
