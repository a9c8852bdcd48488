"""The wheel is what people install: all it needs at run time is in it, and nothing else."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run(
        [*command, "--no-build-isolation", "-w", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    [path] = out.glob("*.whl")
    return path


def test_it_holds_the_two_packages_and_neither_tests_nor_training_nor_export(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {name for name in tops if not name.endswith(".dist-info")} == {
        "idol_protocol",
        "idol_runtime",
    }


@pytest.mark.parametrize(
    "name",
    [
        "idol_runtime/bundles/face/face.onnx",
        "idol_runtime/bundles/pose/pose.onnx",
        "idol_runtime/catalog.toml",
        "idol_runtime/characters/hoshi/character.toml",
        "idol_runtime/characters/hoshi/hoshi.vrm",
        "idol_runtime/web/index.html",
        "idol_runtime/web/vendor/three/build/three.module.js",
        "idol_runtime/py.typed",
        "idol_protocol/py.typed",
    ],
)
def test_it_holds_what_serving_needs(wheel: Path, name: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert name in archive.namelist()


def test_no_bundle_is_over_ten_megabytes(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    assert max(size for name, size in sizes.items() if "/bundles/" in name) < 10_000_000


def test_installed_elsewhere_it_serves_its_own_files(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "import idol_runtime, idol_protocol, pathlib\n"
        "from idol_runtime.character import DEFAULT_CHARACTER, load_character\n"
        "from idol_runtime.timeline import VirtualClock\n"
        "from idol_runtime.engine.engine import open_stage\n"
        "stage = open_stage('cpu', VirtualClock())\n"
        "stage.join(load_character(DEFAULT_CHARACTER), seed=1)\n"
        "stage.tick()\n"
        "print(pathlib.Path(idol_runtime.__file__).parents[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == tmp_path / "site"
