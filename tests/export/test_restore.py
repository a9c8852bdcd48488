"""Bundles become runs again, and these runs the same bundles."""

import shutil
from pathlib import Path

import msgspec
import pytest

from export import face, pose
from export.restore import main, restore
from idol_runtime.errors import BundleError
from tests.training.typed_commands import typed
from training.checkpoint import checkpoint_of, read_json, steps_in
from training.config import load_config
from training.face.settings import FaceSettings
from training.ingest.shipping import read_seen
from training.shipped import RECIPES, Recipe, make
from training.train_face import train

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "idol_runtime" / "bundles"
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["face", "pose"])
def test_a_shipped_bundle_restored_and_exported_again_is_the_same_bit_for_bit(
    kind: str, tmp_path: Path
) -> None:
    restore(SHIPPED / kind, tmp_path / "run")
    module = {"face": face, "pose": pose}[kind]
    module.export(tmp_path / "run", tmp_path / kind)
    for path in sorted((SHIPPED / kind).glob("*.onnx")):
        assert (tmp_path / kind / path.name).read_bytes() == path.read_bytes(), path.name
    was, now = (read_json(each / kind / "manifest.json") for each in (SHIPPED, tmp_path))
    # Measured anew, in the arithmetic of the machine at hand.
    for manifest in (was, now):
        assert manifest["card"].pop("parity_streaming_vs_offline") < 1e-5
    assert now == was


@pytest.fixture(scope="module", params=["face", "pose"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the smoke chain of a kind leaves: runs and a bundle."""
    folder = tmp_path_factory.mktemp(request.param)
    make(load_config(RECIPES / "smoke" / f"{request.param}.toml", Recipe), {}, folder, typed)
    return folder


def last_run(made: Path) -> Path:
    return next(made / name for name in ("upper", "second") if (made / name).exists())


def test_a_run_comes_back_with_its_step_its_settings_and_what_it_has_seen(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, restored = last_run(made), tmp_path / "restored"
    argv = ["restore", "--bundle", str(made / "bundle"), "--run", str(restored)]
    monkeypatch.setattr("sys.argv", argv)
    main()
    assert steps_in(restored) == steps_in(run)[-1:]
    assert read_seen(restored).recordings == read_seen(run).recordings
    for name in ("config.json", "origin.json"):
        assert read_json(restored / name) == read_json(run / name)
    assert (checkpoint_of(restored) / "generator.safetensors").exists()
    with pytest.raises(SystemExit, match="found checkpoints; give another --run"):
        restore(made / "bundle", restored)


def test_a_bundle_that_export_did_not_make_is_refused(made: Path, tmp_path: Path) -> None:
    other = shutil.copytree(made / "bundle", tmp_path / "other")
    manifest = read_json(other / "manifest.json")
    whole = manifest["card"]
    for missing in ("origin", "settings", "training", "seen", "recordings_seen"):
        if missing in whole:
            manifest["card"] = {name: value for name, value in whole.items() if name != missing}
            (other / "manifest.json").write_bytes(msgspec.json.encode(manifest))
            with pytest.raises(BundleError, match=rf"export\.{manifest['kind']}.*{missing}"):
                restore(other, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    manifest |= {"card": whole, "kind": "speech"}
    (other / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(BundleError, match="of kind face or pose, found kind `speech`"):
        restore(other, tmp_path / "run")


def test_training_goes_on_from_the_shipped_face(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    restore(SHIPPED / "face", tmp_path / "base")
    smoke = load_config(ROOT / "training" / "configs" / "face_smoke.toml", FaceSettings)
    config = read_json(tmp_path / "base" / "config.json")
    settings = msgspec.structs.replace(
        smoke, steps=1, model=msgspec.convert(config["model"], type(smoke.model))
    )
    train(settings, tmp_path / "next", base=tmp_path / "base")
    assert "begins anew" in capsys.readouterr().out
    assert read_json(tmp_path / "next" / "origin.json")["base"]["step"] == 3000
