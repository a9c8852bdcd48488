from pathlib import Path

import pytest

from export.pose import export, load_generator, parity
from idol_runtime.motion.pose import PoseModel
from training.config import load_config
from training.train_pose import Settings, train

CONFIG = Path(__file__).parents[2] / "training" / "configs" / "pose_smoke.toml"


@pytest.mark.filterwarnings("ignore")  # the exporter's own deprecations, from torch and onnxscript
def test_a_smoke_run_trains_resumes_and_exports_a_bundle_that_equals_it(tmp_path: Path) -> None:
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    settings = load_config(CONFIG, Settings)
    train(settings, run, data=None, speech=None)
    train(settings, run, data=None, speech=None)
    export(run, bundle)
    model = PoseModel.open(bundle)
    assert model.config.lookahead_frames == 2
    assert parity(load_generator(run), bundle, frames=30, seed=1) < 1e-5
