"""`idol bench motion`: that it measures what it says; how long things take is not tested."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from idol_runtime.bench.motion import RIVAL, bench_motion, describe
from idol_runtime.cli.main import main
from idol_runtime.engine.model_files import BUNDLES
from idol_runtime.motion.face import FaceInputs, FaceModel
from idol_runtime.motion.pose import PoseBatch, PoseInputs, PoseModel

Array = NDArray[np.float32]
Report = dict[str, Any]
"""As its JSON reads."""

MEASURES = {"median_us", "p95_us", "processor_us", "fastest_us"}


@pytest.fixture(scope="module")
def report() -> Report:
    return bench_motion([1, 5], 2)


def test_every_kind_is_measured_at_every_batch(report: Report) -> None:
    assert set(report["cost"]) == {"face", "pose", "log_mel", "stage_tick"}
    for costs in report["cost"].values():
        assert list(costs) == ["1", "5"]
        for found in costs.values():
            assert set(found) == MEASURES
            assert 0 < found["fastest_us"] <= found["median_us"] <= found["p95_us"]
            assert found["processor_us"] >= 0


def test_the_rival_does_the_same_work_in_runs_of_its_own(report: Report) -> None:
    rival = report["rival"]
    assert rival["name"] == RIVAL
    for kind in ("face", "pose"):
        for found in rival[kind].values():
            assert found["times_ours"] > 0
            assert found["largest_difference"] < 1e-3
    assert rival["face"]["1"]["largest_difference"] == 0


def test_the_rival_runs_each_character_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    face_step, pose_step = FaceModel.step, PoseModel.step

    def face(self: FaceModel, inputs: FaceInputs, state: Array) -> tuple[Array, Array]:
        batches.append(len(state))
        return face_step(self, inputs, state)

    def pose(self: PoseModel, inputs: PoseInputs, state: Array) -> tuple[PoseBatch, Array]:
        batches.append(len(state))
        return pose_step(self, inputs, state)

    monkeypatch.setattr(FaceModel, "step", face)
    monkeypatch.setattr(PoseModel, "step", pose)
    bench_motion([40], 1)
    assert set(batches) == {1, 40}
    # Face, pose and the stage's tick, which runs both; the rival of each alone.
    assert batches.count(1) == 2 * 40 * batches.count(40) / 4


def test_the_states_of_a_character_are_those_of_the_bundles(report: Report) -> None:
    face, pose = FaceModel.open(BUNDLES / "face"), PoseModel.open(BUNDLES / "pose")
    assert report["state_bytes"] == {
        "face": 4 * face.config.state_size,
        "pose": 4 * pose.config.state_size,
        "sound": 1600,
    }


def test_it_says_on_what_machine_and_how(report: Report) -> None:
    assert report["provider"] == "cpu"
    assert report["threads"] == 1
    assert {"cpu", "cores", "python", "load_average"} <= set(report["machine"])


def test_the_table_for_people_holds_every_kind(report: Report) -> None:
    table = describe(report)
    for name in ("face", "pose", "log_mel", "stage_tick", RIVAL, "times ours", "state of a"):
        assert name in table
    assert len({len(row) for row in table.splitlines()[2:20]}) == 1


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    bench_motion([2], 3, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "motion", "--batches", "2", "2", "--runs", "1", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed["cost"]["face"]) == ["2"]
    assert np.isfinite(printed["rival"]["pose"]["2"]["times_ours"])
