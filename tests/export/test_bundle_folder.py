"""Where exports write: nothing that is there is lost unasked."""

from pathlib import Path

import pytest

from export.bundle_folder import check_place, new_bundle
from idol_runtime.errors import InputError
from idol_runtime.inference.bundle import read_manifest, write_manifest

SHIPPED = Path(__file__).parents[2] / "idol_runtime" / "bundles"


def write(out: Path, name: str, *, force: bool) -> None:
    with new_bundle(out, force=force) as folder:
        (folder / f"{name}.bin").write_text(name)
        write_manifest(folder, kind="face", name=name, licence="CC0-1.0", config={})


@pytest.mark.parametrize("kind", ["face", "pose"])
def test_a_shipped_bundle_is_not_replaced_unasked(kind: str) -> None:
    with pytest.raises(InputError, match="found a bundle; choose another one, or give --force"):
        check_place(SHIPPED / kind, force=False)


def test_a_bundle_is_replaced_when_asked_for_and_only_when_the_new_one_is_whole(
    tmp_path: Path,
) -> None:
    write(tmp_path / "mine", "first", force=False)
    with pytest.raises(InputError, match="--force"):
        write(tmp_path / "mine", "second", force=False)
    with pytest.raises(ZeroDivisionError), new_bundle(tmp_path / "mine", force=True):
        raise ZeroDivisionError
    assert read_manifest(tmp_path / "mine").name == "first"
    write(tmp_path / "mine", "second", force=True)
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == [
        "manifest.json",
        "second.bin",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_bundle_is_never_replaced(tmp_path: Path, force: bool) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(InputError, match="found something else"):
        write(tmp_path, "x", force=force)
    assert (tmp_path / "diary.txt").read_text() == "mine"
