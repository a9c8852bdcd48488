"""Tests reach into nothing private; ruff's SLF001 sees attributes, this sees names in strings."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
OURS = ("idol_runtime", "idol_protocol", "training", "export", "tests")
PRIVATE = re.compile(r"(^|\.)_[a-z]\w*$", re.IGNORECASE)


def reaches(source: str) -> Iterator[int]:
    """Lines that import a private name of ours, or get, set or patch one by its name."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str(module)) if module.startswith(OURS):
                if any(
                    PRIVATE.search(name) for name in (module, *(each.name for each in node.names))
                ):
                    yield node.lineno
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)):
                if called in ("getattr", "setattr", "delattr", "hasattr", "patch"):
                    words = [each.value for each in node.args if isinstance(each, ast.Constant)]
                    if any(isinstance(word, str) and PRIVATE.search(word) for word in words):
                        yield node.lineno


def test_no_test_reaches_into_private_state() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        if "node_modules" not in path.parts
        for line in reaches(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "from idol_runtime.stage.stage import _compute",
        "from tests.hearing import _log_mel",
        "monkeypatch.setattr(doctor, '_PACKAGE', path)",
        "monkeypatch.setattr('training.face.ensemble._fit', fit)",
        "value = getattr(stage, '_tick')",
    ],
)
def test_a_planted_reach_is_found(line: str) -> None:
    assert list(reaches(line)) == [1]


@pytest.mark.parametrize(
    "line",
    ["from idol_runtime.stage.stage import Stage", "monkeypatch.setattr(doctor, 'free_bytes', f)"],
)
def test_what_is_public_may_be_used(line: str) -> None:
    assert list(reaches(line)) == []
