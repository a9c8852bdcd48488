import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imsave
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training.config import load_config
from training.tracking import RunLog, Tracking, watched


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "face.png"
    pixels = np.zeros((6, 9, 3))
    pixels[2, 4] = (1.0, 0.5, 0.0)
    imsave(path, pixels)
    return path


def logged(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


class FakeWandb:
    """The few calls we make, kept as they came."""

    def __init__(self) -> None:
        self.inits: list[dict[str, Any]] = []
        self.logs: list[dict[str, Any]] = []
        self.ends: list[int] = []

    def init(self, **settings: Any) -> SimpleNamespace:
        self.inits.append(settings)
        return SimpleNamespace(
            define_metric=lambda *_, **__: None,
            log=self.logs.append,
            finish=lambda exit_code: self.ends.append(exit_code),
        )

    def Image(self, path: str) -> tuple[str, str]:
        return ("image", path)


@pytest.fixture
def fake_wandb(monkeypatch: pytest.MonkeyPatch) -> FakeWandb:
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    return fake


def test_numbers_and_pictures_reach_tensorboard_and_a_resumed_run_appends(
    tmp_path: Path, picture: Path
) -> None:
    with RunLog(tmp_path, steps=4) as log:
        log.scalars(1, {"loss/lips": 0.5}, "half")
    with RunLog(tmp_path, steps=4, first_step=2) as log:
        log.scalars(3, {"loss/lips": 0.25})
        log.picture("faces/side", picture)
    assert logged(tmp_path) == [{"step": 1, "loss/lips": 0.5}, {"step": 3, "loss/lips": 0.25}]
    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert [(e.step, e.value) for e in board.Scalars("loss/lips")] == [(1, 0.5), (3, 0.25)]
    (image,) = board.Images("faces/side")
    assert (image.step, image.width, image.height) == (3, 9, 6)


def test_tensorboard_can_be_left_out(tmp_path: Path, picture: Path) -> None:
    with RunLog(tmp_path, steps=1, tracking=Tracking(tensorboard=False)) as log:
        log.scalars(0, {"loss": 1.0})
        log.picture("faces", picture)
    assert not (tmp_path / "tensorboard").exists()
    assert logged(tmp_path) == [{"step": 0, "loss": 1.0}]


def test_a_config_file_chooses_the_tracker(tmp_path: Path, fake_wandb: FakeWandb) -> None:
    file = tmp_path / "tracking.toml"
    file.write_text('wandb_project = "faces"\nwandb_entity = "us"\ntensorboard = false\n')
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text('{"steps": 7}')
    with RunLog(run, steps=7, tracking=load_config(file, Tracking)) as log:
        log.scalars(2, {"loss": 1.0})
    (settings,) = fake_wandb.inits
    assert (settings["project"], settings["entity"], settings["name"]) == ("faces", "us", "run")
    assert settings["config"] == {"steps": 7}
    assert fake_wandb.logs == [{"step": 2, "loss": 1.0}]
    assert fake_wandb.ends == [0]


def test_a_resumed_run_is_the_same_wandb_run_and_another_folder_is_another(
    tmp_path: Path, fake_wandb: FakeWandb, picture: Path
) -> None:
    tracking = Tracking(tensorboard=False, wandb_project="faces")
    for name in ("a", "a", "b"):
        (tmp_path / name).mkdir(exist_ok=True)
        with RunLog(tmp_path / name, steps=1, tracking=tracking) as log:
            log.advance(1)
            log.picture("faces", picture)
    first, resumed, other = (settings["id"] for settings in fake_wandb.inits)
    assert first == resumed != other
    assert all(settings["resume"] == "allow" for settings in fake_wandb.inits)
    assert fake_wandb.logs == [{"step": 1, "faces": ("image", str(picture))}] * 3


def test_a_run_that_fails_is_marked_as_failed(tmp_path: Path, fake_wandb: FakeWandb) -> None:
    def fail() -> None:
        with RunLog(tmp_path, steps=1, tracking=Tracking(wandb_project="faces")):
            raise RuntimeError("no more memory")

    with pytest.raises(RuntimeError):
        fail()
    assert fake_wandb.ends == [1]


def test_wandb_is_asked_for_only_when_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with RunLog(tmp_path, steps=1) as log:
        log.scalars(0, {"loss": 1.0})
    with pytest.raises(SystemExit, match="pip install wandb"):
        RunLog(tmp_path, steps=1, tracking=Tracking(wandb_project="faces"))


def test_the_real_wandb_keeps_a_run_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Path
) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "settings"))
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    with RunLog(tmp_path, steps=2, tracking=Tracking(wandb_project="faces")) as log:
        log.scalars(0, {"loss/lips": 0.123456})
        log.scalars(1, {"loss/lips": 0.1})
        log.picture("faces/side", picture)
    # wandb writes from a process of its own, which goes on after a run is finished; a training ends
    # it by ending, and waits for it.
    wandb.teardown()
    (record,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    content = record.read_bytes()
    assert json.loads((tmp_path / "wandb.json").read_text())["id"] in record.name
    assert b"loss/lips" in content
    assert b"0.123456" in content
    images = list((tmp_path / "wandb").glob("offline-run-*/files/media/images/faces/*.png"))
    assert [image.read_bytes() for image in images] == [picture.read_bytes()]


def test_a_watcher_sees_runs_opened_inside_only_and_may_end_them(tmp_path: Path) -> None:
    seen: list[tuple[int, Mapping[str, float]]] = []

    def watch(step: int, values: Mapping[str, float]) -> None:
        seen.append((step, values))
        if values["loss"] > 1:
            raise StopIteration

    def train() -> None:
        with RunLog(tmp_path, steps=3) as log:
            for step in range(3):
                log.scalars(step, {"loss": float(step)})

    with pytest.raises(StopIteration), watched(watch):
        train()
    train()
    assert seen == [(0, {"loss": 0.0}), (1, {"loss": 1.0}), (2, {"loss": 2.0})]
    assert len(logged(tmp_path)) == 3  # a run that begins anew takes back what was logged before
