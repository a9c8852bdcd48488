"""The chain that makes the shipped face, in small: train, train on, fit a prior, export, stream."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from export.face import export
from idol_runtime.errors import BundleError
from idol_runtime.motion.face import FaceModel
from idol_runtime.motion.styles import MODEL_FILE as STYLES
from tests.training.typed_commands import typed
from training.config import load_config
from training.face.settings import FaceSettings
from training.ingest.recording import DatasetCard
from training.ingest.shipping import Seen, write_seen
from training.shipped import RECIPES, Recipe, make

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The last run of the smoke chain, and its bundle."""
    folder = tmp_path_factory.mktemp("face")
    make(load_config(RECIPES / "smoke" / "face.toml", Recipe), {}, folder, typed)
    return folder / "upper", folder / "bundle"


def test_an_exported_bundle_opens_and_says_how_it_was_made(exported: tuple[Path, Path]) -> None:
    model = FaceModel.open(exported[1])
    assert model.config.lookahead_frames == 2
    card = json.loads((exported[1] / "manifest.json").read_text())["card"]
    assert card["parity_streaming_vs_offline"] < 1e-5
    assert card["may_ship"] is True
    assert card["data"] == []  # a smoke run hears made-up sounds only
    assert card["origin"]["seed"] == 0
    assert card["origin"]["base"]["step"] == 2
    assert card["origin"]["base"]["base"]["step"] == 6
    assert (exported[1] / STYLES).exists()


def test_weights_that_saw_restricted_data_are_exported_only_as_private(
    exported: tuple[Path, Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(exported[0], run)
    card = DatasetCard(name="lab", licence="CC-BY-NC-4.0", may_ship=False, kind="beat")
    write_seen(run, Seen((card,), ("take",)))
    with pytest.raises(SystemExit, match=r"lab \(CC-BY-NC-4.0\)"):
        export(run, tmp_path / "bundle")
    export(run, tmp_path / "bundle", private=True)
    told = json.loads((tmp_path / "bundle" / "manifest.json").read_text())["card"]
    assert told["may_ship"] is False
    assert told["data"][0]["licence"] == "CC-BY-NC-4.0"


def test_the_graph_holds_no_paths_of_the_machine_that_wrote_it(exported: tuple[Path, Path]) -> None:
    graph = (exported[1] / "face.onnx").read_bytes()
    assert str(Path(__file__).parents[2]).encode() not in graph


def test_a_truncated_graph_is_refused(exported: tuple[Path, Path], tmp_path: Path) -> None:
    for path in exported[1].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    graph = tmp_path / "face.onnx"
    graph.write_bytes(graph.read_bytes()[:-100])
    with pytest.raises(BundleError, match="truncated"):
        FaceModel.open(tmp_path)


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("steps = 1\nstepz = 2\n")
    with pytest.raises(SystemExit, match="stepz"):
        load_config(path, FaceSettings)


def test_two_rows_do_not_see_each_other(exported: tuple[Path, Path]) -> None:
    model = FaceModel.open(exported[1])
    assert model.initial_state(3).shape == (3, model.config.state_size)
    assert not np.any(model.initial_state(3))
