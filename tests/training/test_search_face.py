import json
import tomllib
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from training.config import load_config
from training.face.settings import FaceSettings
from training.search.__main__ import main
from training.search.space import (
    contains,
    example_of,
    params_of,
    read_space,
    to_settings,
    with_values,
)

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).parents[2] / "training" / "configs"


def test_the_face_space_fits_the_face_settings() -> None:
    space = read_space(CONFIGS / "face_space.toml")
    tree = tomllib.loads((CONFIGS / "face.toml").read_text())
    values = {name: example_of(parameter) for name, parameter in space.items()}
    to_settings(with_values(tree, values), FaceSettings)
    params = params_of(tree, FaceSettings, space)
    assert all(contains(space[name], value) for name, value in params.items())


def test_the_real_face_training_is_searched_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    arguments = ["face", "--config", str(CONFIGS / "face_smoke.toml"), "--trials", "2"]
    arguments += ["--space", str(CONFIGS / "face_space.toml"), "--study", str(study)]
    main([*arguments, "--threads", "1"])
    assert "train with --config" in capsys.readouterr().out
    assert (study / "trial_0001" / "step_6" / "generator_ema.safetensors").exists()
    validation = json.loads((study / "trial_0001" / "validation.json").read_text())
    stored = optuna.load_study(
        study_name="search", storage=JournalStorage(JournalFileBackend(str(study / "journal.log")))
    )
    assert stored.trials[1].value == validation["objective"]
    assert list(stored.trials[1].intermediate_values)  # it was reported while it ran
    assert (study / "history.png").exists()
    assert load_config(study / "best.toml", FaceSettings).steps == 6


def test_a_body_cannot_start_from_a_face(tmp_path: Path) -> None:
    arguments = ["pose", "--config", str(CONFIGS / "pose_smoke.toml"), "--base", str(tmp_path)]
    arguments += ["--space", str(CONFIGS / "face_space.toml"), "--study", str(tmp_path)]
    with pytest.raises(SystemExit, match="pose has no such start"):
        main(arguments)
