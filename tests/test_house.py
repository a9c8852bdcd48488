"""The house counted from its imports: rooms, arrows, circles and floors."""

import ast
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RUNTIME = ROOT / "idol_runtime"

CODE = {
    "cli", "bench", "server", "engine", "conversation", "stage", "outputs", "dialogue", "speech",
    "mind", "motion", "music", "audio", "inference", "store", "character", "timeline", "errors",
    "version",
}  # fmt: skip
FILES = {"web", "bundles", "characters"}
TO_COME = {"chat", "hearing"}
MOST_ROOMS = 24
MOST_ARROWS = 81
"""68 without the mind, its own dozen, and the server's, which shows users what is remembered of
them. Whoever takes one away lowers it; one more is a decision to defend."""
MOST_FLOORS = 9

TESTS_OF_MORE_THAN_A_ROOM = {
    *("browser", "clients", "docs", "end_to_end", "export", "hostile", "protocol", "training"),
}
"""Folders of `tests` that mirror no room of the runtime."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One room imports another."""

    source: str
    target: str
    file: Path
    """Where it is drawn; one file of perhaps several."""


def rooms_of(package: Path) -> set[str]:
    """Every module and folder at the root of a package; caches and emptied folders are no rooms."""
    return {
        path.stem
        for path in package.iterdir()
        if (_holds_files(path) or path.suffix == ".py") and not path.name.startswith(("_", "."))
    }


def _holds_files(folder: Path) -> bool:
    return any(
        path.is_file() and "__pycache__" not in path.relative_to(folder).parts
        for path in folder.rglob("*")
    )


def imported_by(file: Path, package: str) -> Iterator[str]:
    """The full name of everything a file imports, wherever in the file, relative or not."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def arrows_of(package: Path) -> list[Arrow]:
    """Which room imports which; `__init__` and `__main__` at the root are the door, not a room."""
    found: dict[tuple[str, str], Arrow] = {}
    rooms = rooms_of(package)
    for file in sorted(package.rglob("*.py")):
        path = file.relative_to(package)
        source = path.parts[0].removesuffix(".py")
        if source not in rooms or "node_modules" in path.parts:
            continue
        inside = ".".join([package.name, *path.parts[:-1]])
        for name in imported_by(file, inside):
            parts = name.split(".")
            if parts[0] == package.name and len(parts) > 1 and parts[1] in rooms - {source}:
                found.setdefault((source, parts[1]), Arrow(source, parts[1], path))
    return [found[pair] for pair in sorted(found)]


def circle_in(arrows: list[Arrow]) -> list[str]:
    """The rooms of one circle, the first again at the end; empty when there is none."""
    try:
        _below(arrows)
    except CycleError as error:
        return list(error.args[1])
    return []


def floor_of(arrows: list[Arrow]) -> dict[str, int]:
    """How many rooms stand below each room, counted along the longest way down."""
    floors: dict[str, int] = {}
    below = {arrow.source: set[str]() for arrow in arrows}
    for arrow in arrows:
        below[arrow.source].add(arrow.target)
    for room in _below(arrows):
        floors[room] = 1 + max((floors[other] for other in below.get(room, ())), default=-1)
    return floors


def _below(arrows: list[Arrow]) -> list[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for arrow in arrows:
        sorter.add(arrow.source, arrow.target)
    return list(sorter.static_order())


def lines_of(pyproject: Path) -> dict[str, int]:
    """The line each room stands on in the contract of the floors; 0 is the roof."""
    settings = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    [contract] = [
        each
        for each in settings["tool"]["importlinter"]["contracts"]
        if each["type"] == "layers" and each["containers"] == [RUNTIME.name]
    ]
    return {
        room.strip(" ()"): line
        for line, layer in enumerate(contract["layers"])
        for room in layer.split("|")
    }


def arrows_up(arrows: list[Arrow], lines: Mapping[str, int]) -> list[str]:
    """A sentence for each arrow that does not lead down."""
    return [
        f"{arrow.file}: {arrow.source} imports {arrow.target}, which does not stand below it."
        for arrow in arrows
        if lines[arrow.target] <= lines[arrow.source]
    ]


@pytest.fixture(scope="module")
def arrows() -> list[Arrow]:
    return arrows_of(RUNTIME)


def test_the_root_holds_the_rooms_of_the_plan_and_nothing_loose() -> None:
    rooms = rooms_of(RUNTIME)
    assert rooms - TO_COME == CODE | FILES
    assert len(rooms) <= MOST_ROOMS
    loose = {path.name for path in RUNTIME.iterdir() if path.is_file() and path.suffix != ".py"}
    assert loose == {"catalog.toml", "py.typed"}


def test_no_room_stands_in_a_circle(arrows: list[Arrow]) -> None:
    assert circle_in(arrows) == []


def test_no_arrow_leads_up(arrows: list[Arrow]) -> None:
    assert arrows_up(arrows, lines_of(ROOT / "pyproject.toml")) == []


def test_there_are_no_more_arrows_and_floors_than_before(arrows: list[Arrow]) -> None:
    floors = floor_of(arrows)
    print(f"{len(CODE)} rooms of code, {len(arrows)} arrows, {max(floors.values()) + 1} floors")
    for room in sorted(floors, key=lambda room: (-floors[room], room)):
        targets = ", ".join(arrow.target for arrow in arrows if arrow.source == room)
        print(f"  {floors[room]} {room}: {targets or 'nothing'}")
    assert len(arrows) <= MOST_ARROWS
    assert max(floors.values()) + 1 <= MOST_FLOORS


def test_nothing_but_commands_and_benchmarks_starts_an_engine_or_a_server(
    arrows: list[Arrow],
) -> None:
    importers = {arrow.source for arrow in arrows if arrow.target in ("engine", "server")}
    assert importers <= {"cli", "bench"}


def test_the_stage_never_meets_dialogue_or_the_reading_of_replies(arrows: list[Arrow]) -> None:
    seen, waiting = set[str](), {"stage"}
    while waiting:
        seen |= waiting
        waiting = {arrow.target for arrow in arrows if arrow.source in waiting} - seen
    assert not seen & {"dialogue", "conversation"}


def test_every_room_of_code_has_its_tests_and_every_test_its_room() -> None:
    tests = ROOT / "tests"
    folders = {path.name for path in tests.iterdir() if any(path.glob("test_*.py"))}
    rooms = {room for room in CODE | TO_COME if (RUNTIME / room).is_dir()}
    assert folders - TESTS_OF_MORE_THAN_A_ROOM == rooms


def plant(package: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = package / name
        file.parent.mkdir(parents=True, exist_ok=True)
        (file.parent / "__init__.py").touch()
        file.write_text(text, encoding="utf-8")
    return package


@pytest.mark.parametrize(
    "line",
    [
        "import toy.roof.tiles",
        "from toy.roof import tiles",
        "from toy import roof",
        "from ..roof.tiles import TILE",
        "from .. import roof",
        "def late():\n    from toy.roof.tiles import TILE",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import toy.roof",
    ],
)
def test_a_planted_arrow_up_is_found_however_it_is_written(tmp_path: Path, line: str) -> None:
    files = {"roof/tiles.py": "from toy.cellar import wine", "cellar/wine.py": ""}
    lines = {"roof": 0, "cellar": 1}
    toy = plant(tmp_path / "toy", files)
    assert arrows_up(arrows_of(toy), lines) == []
    assert circle_in(arrows_of(toy)) == []
    (toy / "cellar" / "wine.py").write_text(line, encoding="utf-8")
    assert arrows_up(arrows_of(toy), lines) == [
        "cellar/wine.py: cellar imports roof, which does not stand below it."
    ]
    assert set(circle_in(arrows_of(toy))) == {"roof", "cellar"}


def test_a_planted_neighbour_counts_as_up_and_floors_follow_the_longest_way(
    tmp_path: Path,
) -> None:
    toy = plant(
        tmp_path / "toy",
        {
            "roof.py": "import toy.hall, toy.stone",
            "hall/door.py": "import toy.yard\nimport toy.hall.bell",
            "yard/gate.py": "import toy.stone",
            "stone.py": "import numpy",
        },
    )
    arrows = arrows_of(toy)
    assert [(arrow.source, arrow.target) for arrow in arrows] == [
        ("hall", "yard"), ("roof", "hall"), ("roof", "stone"), ("yard", "stone"),
    ]  # fmt: skip
    assert floor_of(arrows) == {"stone": 0, "yard": 1, "hall": 2, "roof": 3}
    assert arrows_up(arrows, {"roof": 0, "hall": 1, "yard": 1, "stone": 2}) == [
        "hall/door.py: hall imports yard, which does not stand below it."
    ]
    assert rooms_of(toy) == {"roof", "hall", "yard", "stone"}


def docstrings_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def test_every_docstring_says_something_before_its_arguments() -> None:
    packages = [RUNTIME, ROOT / "protocol", ROOT / "export", ROOT / "training", ROOT / "tests"]
    files = [file for package in packages for file in package.rglob("*.py")]
    sections = ("Args:", "Raises:", "Returns:", "Yields:")
    assert [
        f"{file.relative_to(ROOT)}: {text.splitlines()[0]}"
        for file in files
        if "node_modules" not in file.parts
        for text in docstrings_of(file)
        if text.startswith(sections)
    ] == []


def test_a_class_name_means_one_thing() -> None:
    """Private ones too: who reads a name in a traceback looks for it everywhere."""
    places: dict[str, list[str]] = {}
    for package in ("idol_runtime", "protocol/idol_protocol", "training", "export"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.ClassDef):
                    places.setdefault(node.name, []).append(f"{file.relative_to(ROOT)}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
