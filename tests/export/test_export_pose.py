from pathlib import Path

import msgspec
import pytest

from export.pose import load_generator, parity
from export.restore import restore
from idol_runtime.motion.pose import PoseModel
from tests.training.typed_commands import typed
from training.checkpoint import read_json
from training.config import load_config
from training.pose.settings import PoseSettings
from training.shipped import RECIPES, Recipe, make
from training.train_pose import train

CONFIG = Path(__file__).parents[2] / "training" / "configs" / "pose_smoke.toml"

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
