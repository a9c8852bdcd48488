import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from idol_protocol.channels import ACTIVITIES, GESTURES
from idol_protocol.frames import FPS
from tests.training.avatars import can_draw
from training.pose.conditions import PoseConditions
from training.pose.evaluation import recognition
from training.pose.evaluation.bench import GENERATOR, TEACHER, PoseBench, PoseRequest
from training.pose.evaluation.captures import calm_takes, read_captures
from training.pose.evaluation.performance import open_run, perform, teacher
from training.pose.evaluation.report import SUITE
from training.pose.evaluation.scenes import LEAD, alone, dancing, gesturing
from training.pose.evaluation.transitions import activity_changes, cuts, transitions
from training.pose.model import PoseGenerator

DATA = Path(__file__).parents[3] / "shared" / "data"
REQUEST = PoseRequest(run=Path("run"), idle_s=20, scene_s=12, bodies=2, moments=1, film_s=1)


def generator(width: int = 16) -> PoseGenerator:
    torch.manual_seed(0)
    return PoseGenerator(width).eval()


def test_a_performance_in_pieces_is_the_performance_in_one_go() -> None:
    given = alone("idle", 4, [0, 1])
    whole = perform(generator(), given)
    pieces = perform(generator(), given, piece=37)
    np.testing.assert_allclose(pieces.joints, whole.joints, atol=1e-4)


def test_what_a_gesture_is_recognised_by_is_the_teacher_and_not_the_body() -> None:
    asked, other = gesturing(2, seed=1), gesturing(2, seed=2)
    templates = recognition.Templates.of(
        (teacher(asked.given), asked), (teacher(asked.nothing), asked)
    )
    found = recognition.recognition(templates, teacher(other.given), other)
    assert found["accuracy"] > 0.6
    assert np.sum(found["confusion"]) == len(other.gesture)
    idle = recognition.recognition(templates, teacher(other.nothing), other)
    assert idle["accuracy"] < 0.3
    assert np.array(idle["confusion"])[:, -1].sum() > 0.7 * len(other.gesture)


def test_every_gesture_is_asked_from_its_onset_to_its_end() -> None:
    asked = gesturing(2, seed=3)
    assert sorted(set(asked.gesture.tolist())) == list(range(len(GESTURES)))
    for row, (which, length) in enumerate(zip(asked.gesture, asked.length, strict=True)):
        weights = asked.given.gesture[row, :, : len(GESTURES)]
        assert weights[LEAD : LEAD + length, which].min() == 1.0
        assert weights[:LEAD].max() == weights[LEAD + length :].max() == 0.0


def test_music_runs_at_the_tempo_it_is_given() -> None:
    beat = dancing(30, (90, 120), seed=0).beat[..., 0].numpy()
    for row, bpm in zip(beat, (90, 120), strict=True):
        turns = np.unwrap(row, period=1.0)
        assert (turns[-1] - turns[0]) * 8 / ((len(row) - 1) / FPS / 60) == pytest.approx(bpm, 1e-3)


def test_changes_and_cuts_are_found_where_they_are_told() -> None:
    given = alone("idle", 10, [0])
    activity, gesture = given.activity.clone(), given.gesture.clone()
    activity[0, 150:] = torch.eye(len(ACTIVITIES))[ACTIVITIES.index("think")]
    whole, cut = GESTURES.index("wave"), GESTURES.index("bow")
    gesture[0, 30:60, whole] = 1
    gesture[0, 30:60, len(GESTURES) + whole] = torch.linspace(1 / 30, 1, 30)
    gesture[0, 200:220, cut] = 1
    gesture[0, 200:, len(GESTURES) + cut] = (0.02 * torch.arange(100)).clamp_max(0.4)
    gesture[0, 220:230, cut] = 0.8 ** torch.arange(1, 11)
    told = given._replace(activity=activity, gesture=gesture)
    assert np.flatnonzero(activity_changes(told)[0]).tolist() == [150]
    assert np.flatnonzero(cuts(told)[0]).tolist() == [220]


def test_a_jump_at_a_change_shows_after_changes_and_not_elsewhere() -> None:
    given = alone("idle", 12, [0])
    activity = given.activity.clone()
    activity[0, 150:] = torch.eye(len(ACTIVITIES))[ACTIVITIES.index("listen")]
    told = PoseConditions(*given)._replace(activity=activity)
    done = teacher(given)
    joints = done.joints.copy()
    joints[:, 151:, 9] += 0.2
    jumped = type(done)(done.local, done.hips_m, joints, done.world)
    found = transitions(jumped, told)
    assert found["after_activity_change"]["jerk_m_s3"] > 5 * found["quiet"]["jerk_m_s3"]
    smooth = transitions(done, told)
    assert found["quiet"]["jerk_m_s3"] < 1.5 * smooth["quiet"]["jerk_m_s3"]


@pytest.mark.slow
def test_the_whole_evaluation_writes_a_report_with_pictures(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    performers = {GENERATOR: lambda given: perform(generator(), given), TEACHER: teacher}
    bench = PoseBench.open(REQUEST, performers)
    SUITE.write(bench, tmp_path / "out", command="python -m training.evaluate pose", run=run)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics == json.loads((run / "metrics.json").read_text())
    assert set(metrics["jerk"]["made"]) == {GENERATOR, TEACHER}
    assert "frechet" not in metrics
    assert metrics["gestures"][TEACHER]["accuracy"] > metrics["gestures"][GENERATOR]["accuracy"]
    report = (tmp_path / "out" / "report.md").read_text()
    avatars = ("gestures.png", "activities.png", "hoshi.png", "side_by_side.mp4")
    for name in avatars:
        assert (tmp_path / "out" / name).is_file() == can_draw()
        assert (f"]({name})" in report) == can_draw()
    for name in ("scores.png", "jerk.png", "confusion.png", "recurrence.png"):
        assert f"]({name})" in report
        with Image.open(tmp_path / "out" / name) as picture:
            assert picture.width > 300
    assert metrics["dance"][GENERATOR]["protocol"] in report


def test_a_folder_without_a_run_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"python -m training.train_pose"):
        open_run(tmp_path)


@pytest.mark.data
@pytest.mark.skipif(not DATA.exists(), reason="the real captures are not at hand")
def test_captures_stand_on_the_floor_and_have_calm_stretches() -> None:
    captures = read_captures(DATA)
    assert sum(capture.seconds for capture in captures) > 600
    boxing = next(capture for capture in captures if capture.name == "02_05")
    lowest = boxing.joints[..., 1].min(axis=1)
    assert np.quantile(lowest, 0.1) == pytest.approx(0.026, abs=0.01)
    calm = calm_takes(captures)
    assert min(map(len, calm)) >= FPS
    assert 60 < sum(map(len, calm)) / FPS < 400
