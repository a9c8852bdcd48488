import shutil
from pathlib import Path

import msgspec
import pytest
import torch

from export.pose import load_generator, parity
from export.restore_pose import generator_of, main, restore
from idol_runtime.errors import BundleError
from idol_runtime.motion.pose import PoseModel
from tests.training.typed_commands import typed
from training.checkpoint import checkpoint_of, read_json, steps_in
from training.config import load_config
from training.ingest.shipping import read_seen
from training.pose.settings import PoseSettings
from training.shipped import RECIPES, Recipe, make
from training.train_pose import train

CONFIG = Path(__file__).parents[2] / "training" / "configs" / "pose_smoke.toml"


SHIPPED = Path(__file__).parents[2] / "idol_runtime" / "bundles" / "pose"
# The exporter's own deprecations, from torch and onnxscript.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The last run of the smoke chain, and its bundle."""
    folder = tmp_path_factory.mktemp("pose")
    make(load_config(RECIPES / "smoke" / "pose.toml", Recipe), {}, folder, typed)
    return folder / "second", folder / "bundle"


def test_a_smoke_run_trains_resumes_and_exports_a_bundle_that_equals_it(
    exported: tuple[Path, Path],
) -> None:
    run, bundle = exported
    model = PoseModel.open(bundle)
    assert model.config.lookahead_frames == 2
    assert parity(load_generator(run), bundle, frames=30, seed=1) < 1e-5


def test_a_bundle_is_restored_to_the_run_that_made_it(
    exported: tuple[Path, Path], tmp_path: Path
) -> None:
    run, bundle = exported
    restore(bundle, tmp_path / "restored")
    was, now = (load_generator(each).state_dict() for each in (run, tmp_path / "restored"))
    assert all(torch.equal(was[name], now[name]) for name in was)
    assert read_seen(tmp_path / "restored") == read_seen(run)
    assert steps_in(tmp_path / "restored") == steps_in(run)
    for name in ("config.json", "origin.json"):
        assert read_json(tmp_path / "restored" / name) == read_json(run / name)


def test_training_goes_on_from_a_restored_run(
    exported: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, bundle = exported
    restore(bundle, tmp_path / "restored")
    settings = msgspec.structs.replace(load_config(CONFIG, PoseSettings), steps=1)
    train(settings, tmp_path / "next", base=tmp_path / "restored")
    assert "critics begins anew" in capsys.readouterr().out
    assert read_json(tmp_path / "next" / "origin.json")["base"]["step"] == 3


def test_a_base_of_another_size_is_refused_in_a_sentence(
    exported: tuple[Path, Path], tmp_path: Path
) -> None:
    run, _ = exported
    wider = msgspec.structs.replace(load_config(CONFIG, PoseSettings), steps=1, width=40)
    with pytest.raises(SystemExit, match="fit the PoseGenerator of this version"):
        train(wider, tmp_path / "next", base=run)


def test_the_shipped_body_can_be_restored_and_its_graph_is_what_export_writes_now() -> None:
    assert parity(generator_of(SHIPPED), SHIPPED, frames=30, seed=2) < 1e-5


def test_a_bundle_that_export_did_not_make_is_refused(
    exported: tuple[Path, Path], tmp_path: Path
) -> None:
    _, bundle = exported
    with pytest.raises(BundleError, match="pose"):
        restore(SHIPPED.with_name("face"), tmp_path / "run")
    other = shutil.copytree(bundle, tmp_path / "other")
    manifest = read_json(other / "manifest.json")
    manifest["card"] = {}
    (other / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(BundleError, match=r"export\.pose"):
        restore(other, tmp_path / "run")
    manifest["card"] = read_json(bundle / "manifest.json")["card"]
    del manifest["card"]["seen"]
    (other / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(BundleError, match="have seen"):
        restore(other, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_command_restores(
    exported: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, bundle = exported
    argv = ["restore", "--bundle", str(bundle), "--run", str(tmp_path / "run")]
    monkeypatch.setattr("sys.argv", argv)
    main()
    assert (checkpoint_of(tmp_path / "run") / "generator.safetensors").exists()
