"""No extra brings a second ONNX Runtime over ours: one module, and pip lets both write into it."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ONNX_RUNTIMES = {
    "onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino",
    "onnxruntime-rocm", "onnxruntime-qnn",
}  # fmt: skip
PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
NOT_HERE = re.compile("nvidia-")
"""What the tests do without: CUDA's libraries. All else is installed, so that it is looked at."""


def name_of(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def lines_of(name: str) -> list[str]:
    if name == "idol-runtime":
        own = [f"{line}; extra == '{extra}'" for extra, lines in EXTRAS.items() for line in lines]
        return [*PROJECT["dependencies"], *own]
    return importlib.metadata.requires(name) or []


def brought_by(
    name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]
) -> Iterator[str]:
    """Every distribution that installing one brings, itself included."""
    if (name, extras) in seen or NOT_HERE.match(name):
        return
    seen.add((name, extras))
    yield name
    for requirement in map(Requirement, lines_of(name)):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": each}) for each in ("", *extras)):
            yield from brought_by(name_of(requirement.name), frozenset(requirement.extras), seen)


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_an_extra_brings_one_onnx_runtime(extra: str) -> None:
    found = set(brought_by("idol-runtime", frozenset({extra}), set()))
    assert len(ONNX_RUNTIMES & found) == 1
