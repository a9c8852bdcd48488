"""The face evaluation from end to end, on made-up captures and weights of chance."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS
from tests.training.avatars import can_draw
from training import evaluate as command
from training.checkpoint import checkpoint_of, new_step, write_networks
from training.evaluation.report import WITHOUT_GAN, plain
from training.face.data import speaking_stream
from training.face.evaluation import controls
from training.face.evaluation.bench import FaceBench, FaceRequest
from training.face.evaluation.captures import judge, mouth_score, score_set
from training.face.evaluation.report import SUITE
from training.face.evaluation.sets import (
    CapturedClip,
    Captures,
    Subject,
    load_captures,
    refuse_seen,
    split_of,
)
from training.face.evaluation.voices import KNOWN, UNKNOWN, closure, stage
from training.face.model import LIPS, MADE, STYLE_SIZE, FaceGenerator, FaceModelConfig
from training.face.player import FacePlayer
from training.face.settings import FaceSettings
from training.face.speech import hummed_utterances
from training.ingest.recording import DatasetCard, Recording, write_dataset
from training.ingest.shipping import Seen, write_seen
from training.origin import start_run

CONFIG = FaceModelConfig(lips_width=16, upper_width=16)
MOUTH = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthLowerDownLeft")
UPPER = ("browInnerUp", "browDownLeft", "eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft")


def talk(name: str, speaker: str, *, seconds: float, fps: float, seed: int) -> Recording:
    """A voice that is as loud as the jaw is open."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * fps)
    time_s = np.arange(frames) / fps
    face = np.zeros((frames, len(FACE_CHANNELS)), np.float32)
    for channel in MOUTH:
        pace = rng.uniform(1, 3, 3)
        wave = np.sin(2 * np.pi * np.outer(time_s, pace) + rng.uniform(0, 6, 3)).mean(axis=1)
        face[:, FACE_CHANNELS.index(channel)] = 0.4 + 0.4 * wave
    loud = np.repeat(face[:, FACE_CHANNELS.index("jawOpen")], round(16_000 / fps)) ** 2
    audio = (loud * rng.standard_normal(len(loud)) * 6000).clip(-32767, 32767).astype(np.int16)
    known = np.isin(FACE_CHANNELS, MOUTH)
    return Recording(name, speaker, fps, face, known, audio)


def take(name: str, speaker: str, seed: int) -> Recording:
    """A minute of one who moves brows and blinks, without sound."""
    rng = np.random.default_rng(seed)
    face = np.zeros((1800, len(FACE_CHANNELS)), np.float32)
    for channel in UPPER:
        walk = np.convolve(rng.standard_normal(1829), np.ones(30) / 30, "valid")
        face[:, FACE_CHANNELS.index(channel)] = (0.2 + walk).clip(0, 0.45)
    for start in np.cumsum(rng.integers(60, 200, 10)):
        lids = [FACE_CHANNELS.index(f"eyeBlink{side}") for side in ("Left", "Right")]
        face[start : start + 4, lids] = 1
    return Recording(name, speaker, 30.0, face, np.isin(FACE_CHANNELS, UPPER))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("captures")
    sets = {
        "grid": [talk(f"g{i}", f"person{i}", seconds=3, fps=25, seed=i) for i in range(2)],
        "studio": [talk(f"s{i}", "actor", seconds=8, fps=30, seed=5 + i) for i in range(3)],
        "takes": [take(f"t{i}", f"face{i}", seed=9 + i) for i in range(2)],
    }
    for name, recordings in sets.items():
        card = DatasetCard(name=name, licence="MIT", may_ship=True, kind="pairs")
        write_dataset(folder / name, card, recordings)
    made = DatasetCard(name="labels", licence="MIT", may_ship=True, kind="made")
    write_dataset(folder / "labels", made, [talk("l0", "actor", seconds=3, fps=30, seed=1)])
    return folder


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    for index, voice in enumerate(("am_adam", "bf_isabella", "af_heart")):
        said = hummed_utterances(1, index)[0]
        letters = {"pbm": "p", "fv": "f", "aa": "a", "s": "s", "oh": "o"}
        symbols = [letters.get(name, "e") for name, _, _ in said.spans]
        np.savez(
            folder / f"{index:04d}.npz",
            audio=(said.samples * 32767).astype(np.int16),
            symbols=np.array(symbols),
            starts_s=np.array([start for _, start, _ in said.spans], np.float32),
            ends_s=np.array([end for _, _, end in said.spans], np.float32),
            voice=np.array(voice),
            text=np.array(""),
        )
    return folder


def make_run(folder: Path, seen: tuple[str, ...], seed: int = 0) -> Path:
    torch.manual_seed(seed)
    settings = FaceSettings(steps=1, model=CONFIG)
    start_run(folder, settings)
    with new_step(folder, 1) as checkpoint:
        write_networks(checkpoint, {"generator_ema": FaceGenerator(CONFIG)})
    write_seen(folder, Seen((), seen))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "face", ("s1", "s2", "t0"))


def test_styles_of_speakers_are_the_runs_and_others_get_the_average(run: Path) -> None:
    style = np.linspace(-1, 1, STYLE_SIZE)
    (checkpoint_of(run) / "styles.json").write_text(json.dumps({"actor": style.tolist()}))
    player = FacePlayer.open(run)
    np.testing.assert_allclose(player.style_for("actor"), style, atol=1e-6)
    assert not player.style_for("nobody").any()


def test_a_long_stream_is_played_as_one(run: Path) -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2500, 160)).astype(np.float32)
    player = FacePlayer.open(run)
    whole = player.play(speaking_stream(features))
    assert whole.shape == (2500, len(MADE))
    start = player.play(speaking_stream(features[:1000], rng=np.random.default_rng(1)))
    np.testing.assert_allclose(whole[:990, : len(LIPS)], start[:990, : len(LIPS)], atol=1e-5)


def test_another_seed_moves_the_upper_face_alone(run: Path) -> None:
    stream = speaking_stream(np.zeros((90, 160), np.float32))
    player = FacePlayer.open(run)
    first, second = player.play(stream, seed=1), player.play(stream, seed=2)
    np.testing.assert_array_equal(first[:, : len(LIPS)], second[:, : len(LIPS)])
    assert np.abs(first - second)[:, len(LIPS) :].max() > 1e-4
    np.testing.assert_array_equal(first, player.play(stream, seed=1))


def test_a_folder_that_is_no_run_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="expected a face run"):
        FacePlayer.open(tmp_path)


def test_weights_of_another_size_are_refused_with_a_sentence(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", ())
    with new_step(folder, 2) as checkpoint:
        write_networks(checkpoint, {"generator_ema": FaceGenerator(FaceModelConfig(lips_width=24))})
    with pytest.raises(SystemExit, match="expected weights that fit"):
        FacePlayer.open(folder)


def test_captures_are_paired_clips_and_takes_but_never_labels_that_a_model_made(
    data: Path,
) -> None:
    captures = load_captures(data)
    assert [clip.name for clip in captures.clips] == ["g0", "g1", "s0", "s1", "s2"]
    assert [each.name for each in captures.takes] == ["t0", "t1"]
    assert {len(clip.real) for clip in captures.of("grid")} == {90}
    assert captures.of("grid")[0].source_fps == 25


def clip_named(captures: Captures, name: str) -> CapturedClip:
    return next(clip for clip in captures.clips if clip.name == name)


def test_a_split_is_by_speaker_only_when_no_clip_of_theirs_was_seen(data: Path, run: Path) -> None:
    captures, subject = load_captures(data), Subject.open("it", run)
    assert split_of(clip_named(captures, "s0"), subject, captures) == "by clip"
    assert split_of(clip_named(captures, "g0"), subject, captures) == "by speaker"


def test_a_run_is_never_scored_on_what_it_saw(data: Path, run: Path) -> None:
    captures, subject = load_captures(data), Subject.open("it", run)
    refuse_seen(subject, captures.of("grid"), "by speaker")
    with pytest.raises(SystemExit, match=r"never saw s1, s2.*--held-out s1 s2"):
        refuse_seen(subject, captures.of("studio"), "by clip")


def test_a_run_without_a_record_is_scored_on_nothing(data: Path, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", ())
    (folder / "seen.json").unlink()
    with pytest.raises(SystemExit, match="no record of what it saw"):
        FaceBench.open(FaceRequest(folder, data=data))


def test_a_fold_that_trained_on_its_clip_is_refused(data: Path, run: Path) -> None:
    with pytest.raises(SystemExit, match=r"never saw s1 \(its fold\)"):
        FaceBench.open(FaceRequest(run, data=data, folds={"s1": run}))
    with pytest.raises(SystemExit, match=r"--fold nothing: .*g0, g1, s0"):
        FaceBench.open(FaceRequest(run, data=data, folds={"nothing": run}))


def test_an_ablation_that_trained_on_a_speaker_set_is_refused(
    data: Path, run: Path, tmp_path: Path
) -> None:
    other = make_run(tmp_path / "other", ("g1",))
    with pytest.raises(SystemExit, match=r"hinge.*g1 \(grid, by speaker\)"):
        FaceBench.open(FaceRequest(run, data=data, ablations={"hinge": other}))


def test_the_captured_curves_themselves_score_best(data: Path) -> None:
    clip = clip_named(load_captures(data), "s0")
    score = mouth_score(clip.real, clip)
    assert score["jaw_r"] == pytest.approx(1)
    assert score["mean_r_rounding_as_one"] == pytest.approx(1)
    assert score["moving_channels"] == len(MOUTH)
    assert score["jaw_lag_frames"] == pytest.approx(0, abs=0.01)
    assert score["jerk_ratio"] == pytest.approx(1)
    late = mouth_score(np.roll(clip.real, 2, axis=0), clip)
    assert late["jaw_lag_frames"] == pytest.approx(2, abs=0.2)
    assert late["jaw_r"] < 0.95


def test_rounding_moved_from_funnel_to_pucker_costs_nothing_when_taken_as_one(data: Path) -> None:
    clip = clip_named(load_captures(data), "s0")
    swapped = clip.real.copy()
    funnel, pucker = MADE.index("mouthFunnel"), MADE.index("mouthPucker")
    swapped[:, [funnel, pucker]] = clip.real[:, [pucker, funnel]]
    score = mouth_score(swapped, clip)
    assert score["mean_r_rounding_as_one"] == pytest.approx(1)
    assert score["mean_r"] < 0.9


def test_loudness_is_a_strong_control_for_a_jaw_that_follows_it(data: Path, run: Path) -> None:
    captures, subject = load_captures(data), Subject.open("it", run)
    found = score_set(judge([(clip_named(captures, "s0"), subject)]), captures, None)
    beside = found["controls_mean"]
    assert beside[controls.LOUDNESS]["jaw_r"] > 0.9
    assert abs(beside[controls.OTHER_CURVE]["jaw_r"]) < 0.7
    assert beside[controls.STILL_FACE]["mean_r"] == 0
    assert {controls.SHIFTED_MEAN, controls.OTHER_SOUND, controls.MEAN_CURVE} <= set(beside)


def test_the_teacher_closes_its_lips_better_than_a_table_or_a_shifted_curve() -> None:
    stream = stage(hummed_utterances(6, 0), 1.0)
    assert closure(stream.target, stream).f1 == 1
    assert closure(np.roll(stream.target, 15, axis=0), stream).f1 < 0.7
    assert closure(np.zeros_like(stream.target), stream).f1 < 0.4


@pytest.fixture(scope="module")
def findings_folder(
    data: Path, speech: Path, run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("report")
    fold = make_run(folder / "fold", ("s0", "s2"), seed=1)
    plain_run = make_run(folder / "plain", ("s1", "s2"), seed=2)
    request = FaceRequest(
        run, data, speech, folds={"s1": fold}, without_gan=plain_run,
        ablations={"hinge": plain_run}, silence_s=10, drift_minutes=4, seeds=2,
    )  # fmt: skip
    SUITE.write(FaceBench.open(request), folder / "out", command="python it", run=run)
    return folder / "out"


@pytest.mark.slow
def test_the_whole_report_is_written_with_its_pictures(findings_folder: Path, run: Path) -> None:
    text = (findings_folder / "report.md").read_text()
    metrics = json.loads((findings_folder / "metrics.json").read_text())
    assert json.loads((run / "metrics.json").read_text()) == metrics
    for picture in ("scores", "curves_grid", "curves_studio", "blinks", "spectra", "drift",
                    "ablations"):  # fmt: skip
        assert f"({picture}.png)" in text
        assert (findings_folder / f"{picture}.png").stat().st_size > 5000
    assert (findings_folder / "side_by_side.png").is_file() == can_draw()
    assert ("(side_by_side.png)" in text) == can_draw()
    assert "| nan |" not in text
    assert "no --bundle" in text


@pytest.mark.slow
def test_every_clip_is_scored_by_the_run_that_never_saw_it(findings_folder: Path) -> None:
    metrics = json.loads((findings_folder / "metrics.json").read_text())
    studio = metrics["captures"]["studio"]["clips"]
    assert {name: clip["run"] for name, clip in studio.items()} == {
        "s0": "this run",
        "s1": "fold s1",
    }
    assert metrics["inputs"]["trained_on_and_not_scored"] == ["s2"]
    grid = metrics["captures"]["grid"]
    assert {clip["split"] for clip in grid["clips"].values()} == {"by speaker"}
    assert WITHOUT_GAN in grid["controls_mean"]


@pytest.mark.slow
def test_the_report_holds_every_kind_of_measure(findings_folder: Path) -> None:
    metrics = json.loads((findings_folder / "metrics.json").read_text())
    assert metrics["diversity"]["lips_largest_difference"] == 0
    assert metrics["voices"][KNOWN]["lips_apart_between_seeds"] == 0
    assert metrics["voices"]["voices"] == ["am_adam", "bf_isabella"]
    assert set(metrics["voices"][UNKNOWN]["controls"]) > {WITHOUT_GAN, "hinge"}
    assert metrics["blinks"]["real"]["face0"]["count"] > 3
    assert metrics["frechet"]["protocol"].startswith("upper-face-fd-1/")
    assert metrics["frechet"]["shown_to_critics"] == ["t0"]
    assert metrics["drift"]["idle"]["lips_largest_difference"] < 1e-4
    rows = metrics["ablations"]["rows"]
    assert list(rows) == ["this run", WITHOUT_GAN, "hinge"]
    assert rows[WITHOUT_GAN] == rows["hinge"]
    assert metrics["ablations"]["clips"] == ["g0", "g1", "s0"]


def test_what_is_missing_is_said_and_not_made_up(run: Path) -> None:
    request = FaceRequest(run, silence_s=10, drift_minutes=4, seeds=2)
    metrics = SUITE.measure(FaceBench.open(request))
    text = SUITE.render(plain({"command": "python it", **metrics}))
    assert "no --data: nothing is compared with real captures" in text
    assert "no --speech: no closures, no held-out voices" in text
    assert not {"captures", "voices", "frechet", "cost", "ablations"} & set(metrics)
    assert "Frechet" not in text
    assert "## Silence" in text


def test_a_report_of_silence_alone_can_be_rendered() -> None:
    silence = {
        "seconds": 10.0,
        "shut_is_below": 0.05,
        "largest_opening": {"idle": 0.001},
        "largest_opening_in_room_noise": 0.01,
    }
    inputs = {"data_sets": {}, "trained_on_and_not_scored": [], "missing": ["everything"]}
    text = SUITE.render({"command": "c", "inputs": inputs, "silence": silence})
    assert "| idle | 0.001 |" in text
    assert "- everything" in text


def test_the_command_measures_a_face_or_a_pose_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, said in ((["voice"], "'face', 'pose'"), ([], "required: kind")):
        monkeypatch.setattr("sys.argv", ["evaluate", *words])
        with pytest.raises(SystemExit):
            command.main()
        assert said in capsys.readouterr().err.replace("face, pose", "'face', 'pose'")
    monkeypatch.setattr("sys.argv", ["evaluate", "pose", "--help"])
    with pytest.raises(SystemExit):
        command.main()
    assert "folder with body/ and face/grid/" in capsys.readouterr().out


def test_the_command_names_no_folder_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["face", "--run", "/home/me/runs/a", "--fold", "s1=/home/me/runs/b", "--threads", "1"]
    monkeypatch.setattr("sys.argv", ["evaluate", *words])
    shown = command.shown_command()
    assert shown == ("python -m training.evaluate face --run .../a --fold s1=.../b --threads 1")


def test_a_fold_needs_a_name_and_a_run() -> None:
    assert command.named_run("s1=runs/a") == ("s1", Path("runs/a"))
    for text in ("s1", "=runs/a", "s1="):
        with pytest.raises(argparse.ArgumentTypeError, match="expected NAME=RUN"):
            command.named_run(text)


def test_weights_are_in_wire_order_where_a_head_is_posed(data: Path) -> None:
    class Jaw:
        lips = np.array([0])
        upper = np.array([0])

        def vertices(self, weights: np.ndarray) -> np.ndarray:
            jaw = weights[:, ARKIT_BLENDSHAPES.index("jawOpen")]
            return np.asarray(jaw)[:, None, None] * np.array([0, -0.01, 0])

    clip = clip_named(load_captures(data), "s0")
    wide = replace(clip.stream, target=clip.real + np.eye(len(MADE))[MADE.index("jawOpen")] * 0.1)
    score = mouth_score(wide.target.astype(np.float32), clip, Jaw())
    assert score["lip_vertex_error_mm"] == pytest.approx(1.0, abs=0.05)
