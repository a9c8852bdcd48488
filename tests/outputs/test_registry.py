"""Outputs by URL: our own, those that are registered, and those of an installed package."""

from pathlib import Path

import pytest

from idol_runtime.errors import ConfigError
from idol_runtime.outputs.file_output import FileOutput
from idol_runtime.outputs.registry import OutputRegistry

GUEST = """
class Sink:
    def __init__(self, url):
        self.url = url

    async def open(self, card): ...

    def on_frame(self, frame): ...

    async def aclose(self): ...
"""


def install(folder: Path, package: str, entry_points: str) -> None:
    """A package as `pip` leaves it: a module, and its dist-info beside it."""
    (folder / "guest_sink.py").write_text(GUEST)
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[idol_runtime.outputs]\n{entry_points}\n")


def test_a_file_url_makes_our_own() -> None:
    made = OutputRegistry().make("file:///takes")
    assert isinstance(made, FileOutput)
    assert made.folder == Path("/takes")


def test_a_registered_scheme_makes_what_it_was_registered_for() -> None:
    registry = OutputRegistry()
    registry.register("mine", lambda url: FileOutput(Path(url.removeprefix("mine://"))))
    made = registry.make("mine://here")
    assert isinstance(made, FileOutput)
    assert made.folder == Path("here")


def test_an_installed_package_brings_its_own_scheme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "guest", "sink = guest_sink:Sink")
    monkeypatch.syspath_prepend(tmp_path)
    registry = OutputRegistry()
    made = registry.make("sink://10.0.0.2:39539")
    assert type(made).__name__ == "Sink"
    assert vars(made) == {"url": "sink://10.0.0.2:39539"}
    assert registry.schemes == ("file", "sink")


@pytest.mark.parametrize("url", ["osc://127.0.0.1", "takes", ""])
def test_an_unknown_scheme_is_a_sentence_with_the_known_ones(url: str) -> None:
    registry = OutputRegistry()
    registry.register("vmc", lambda url: FileOutput(Path()))
    with pytest.raises(ConfigError, match=r"begins with one of file://, vmc://, found"):
        registry.make(url)


def test_a_broken_package_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "guest", "sink = guest_sink:Missing")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="expected the output at guest_sink:Missing, but"):
        OutputRegistry().make("sink://here")


def test_two_packages_of_one_scheme_are_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("guest", "other"):
        folder = tmp_path / package
        folder.mkdir()
        install(folder, package, "sink = guest_sink:Sink")
        monkeypatch.syspath_prepend(folder)
    with pytest.raises(ConfigError, match="found guest, other; remove all but one"):
        OutputRegistry().make("sink://here")
