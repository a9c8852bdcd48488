from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from idol_protocol.frames import FPS
from tests.training.cut_runs import cut_at, kept
from tests.training.test_pose_captures import recording
from training.adversarial import AdversarialFamily
from training.checkpoint import checkpoint_of, read_json, steps_in
from training.config import load_config
from training.humanoid.skeleton import quaternion_from_matrix
from training.ingest.bodies import write_body_dataset
from training.ingest.card import DatasetCard
from training.ingest.shipping import Seen, read_seen
from training.pose.adversaries import PoseCritics
from training.pose.conditions import AXES, PoseConditions, sizes
from training.pose.data import make_clips
from training.pose.drivers import NOISE
from training.pose.material import PoseMaterial
from training.pose.mocap import PRIOR_CHANNELS, about_mean, calm_windows, pace, slow
from training.pose.model import MOTION, PoseGenerator
from training.pose.settings import PoseSettings
from training.pose.streams import ClipBatch, PoseStreams
from training.pose.task import PoseTask
from training.train_pose import train
from training.trainer import Trainer

pytestmark = pytest.mark.slow

CONFIG = Path(__file__).parents[2] / "training" / "configs" / "pose_smoke.toml"
DATA = Path(__file__).parents[3] / "shared" / "data"
CARD = DatasetCard(name="made", licence="MIT", may_ship=True, kind="beat")


def smoke(**changes: Any) -> PoseSettings:
    return msgspec.structs.replace(load_config(CONFIG, PoseSettings), **changes)


def drawn(rows: int, frames: int) -> PoseConditions:
    rng = torch.Generator().manual_seed(0)
    return PoseConditions(
        *(torch.rand(rows, frames, size, generator=rng) for size in sizes(NOISE.size).values())
    )


def test_a_window_too_short_to_be_filtered_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "pose.toml"
    config.write_text("steps = 1\nframes = 12\n")
    with pytest.raises(SystemExit, match=r">= 15.*frames"):
        load_config(config, PoseSettings)


def test_streaming_frame_by_frame_equals_one_pass_over_the_clip() -> None:
    torch.manual_seed(0)
    generator, given = PoseGenerator(width=24).eval(), drawn(2, 20)
    with torch.no_grad():
        local, hips, after = generator.perform(given, generator.initial_state(2))
        state = generator.initial_state(2)
        for frame in range(20):
            now = given.select((slice(None), frame))
            turns, moved, state = generator.step(now, state)
            meant = quaternion_from_matrix(local[:, frame])
            torch.testing.assert_close(turns, meant, atol=1e-5, rtol=0)
            torch.testing.assert_close(moved, hips[:, frame], atol=1e-5, rtol=0)
    torch.testing.assert_close(state, after, atol=1e-5, rtol=0)


def test_geometry_keeps_its_precision_inside_mixed_precision(tmp_path: Path) -> None:
    generator, given = PoseGenerator(width=24).eval(), drawn(2, 20)
    for weight in generator.parameters():
        weight.data.zero_()
    generator.mean.normal_()
    told: list[torch.Tensor] = []
    generator.front.register_forward_pre_hook(lambda _, arguments: told.append(arguments[0]))
    passes = []
    for enabled in (False, True):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            passes.append(generator(given, generator.initial_state(2)))
    # The networks say nothing, so what is left is the phases told, the shaken head, the drivers.
    assert torch.equal(told[0], told[1])
    assert all(torch.equal(one, other) for one, other in zip(*passes, strict=True))
    half = trainer(smoke(precision="bfloat16"), tmp_path)
    steps = [half.step(step) for step in range(3)]
    assert all(torch.isfinite(torch.tensor(list(step.values()))).all() for step in steps)


def trainer(settings: PoseSettings, run: Path, **material: Any) -> Trainer:
    """A training that was not begun, on four performances of the teacher."""
    clips = make_clips([], 4, 120, np.random.default_rng(0))
    nobody = torch.zeros(0, 30, len(PRIOR_CHANNELS))
    given = PoseMaterial(clips, clips, None, nobody, Seen((), ()))
    return Trainer(PoseTask(settings, replace(given, **material)), settings, run)


def test_a_run_that_was_cut_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    # Five windows to a clip: what a body was doing when it was cut goes into the next one.
    settings = smoke(clip_frames=150, save_every=4)
    train(settings, tmp_path / "whole")
    cut_at(5, lambda: train(settings, tmp_path / "cut"))
    assert steps_in(tmp_path / "cut") == [4]
    train(settings, tmp_path / "cut")
    assert kept(tmp_path / "cut") == kept(tmp_path / "whole")
    assert read_seen(tmp_path / "whole").cards == ()


@pytest.mark.parametrize("family", ["relativistic", "hinge", "wgan_gp", "non_saturating"])
def test_both_critics_learn_and_the_generator_hears_them(
    family: AdversarialFamily, tmp_path: Path
) -> None:
    settings = smoke(adversarial=family, prior_weight=0.5, adversarial_weight=0.5)
    amplitudes = torch.logspace(-7, 0, 400)[:, None, None]
    capture = amplitudes * torch.randn(400, 30, len(PRIOR_CHANNELS))
    training = trainer(settings, tmp_path, capture=capture)
    critics = training.networks["critics"]
    before = [value.clone() for value in critics.parameters()]
    metrics = [training.step(step) for step in range(4)][-2]
    assert {"fitting/d_margin", "moving/d_margin", "loss/adversarial"} <= set(metrics)
    after = list(critics.parameters())
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_window_is_set_against_capture_of_like_pace() -> None:
    calm, lively = (size * torch.randn(40, 30, len(PRIOR_CHANNELS)) for size in (0.01, 1.0))
    critics = PoseCritics(smoke(), torch.ones(MOTION), torch.cat([calm, lively]))
    made = torch.randn(4, 30, MOTION)
    given = drawn(4, 30)
    none = torch.zeros(4, 1)
    batch = ClipBatch(given, made, torch.ones(4, MOTION), none[:, 0], none, made)
    for size in (0.01, 1.0):
        trial = critics.trial(batch, size * made, np.random.default_rng(0))
        assert trial.captured is not None
        ratio = pace(trial.captured.real) / pace(trial.captured.made)
        assert (ratio.log().abs() < 0.25).all()
    still = critics.trial(batch, 1e-4 * made, np.random.default_rng(0))
    assert still.captured is None


def test_what_is_captured_and_what_is_made_are_heard_below_six_hertz() -> None:
    times_s = torch.arange(90) / FPS
    sway, tremor = (torch.sin(2 * np.pi * hz * times_s)[None, :, None] for hz in (1.0, 11.0))
    torch.testing.assert_close(slow(sway), sway[:, 7:-7], atol=0.03, rtol=0)
    assert slow(tremor).abs().max() < 0.01
    shaken = (sway + tremor).expand(1, -1, MOTION).clone().requires_grad_(True)
    capture = (sway + tremor).expand(8, -1, len(PRIOR_CHANNELS))
    critics = PoseCritics(smoke(), torch.ones(MOTION), capture)
    none = torch.zeros(1, 1)
    batch = ClipBatch(drawn(1, 90), shaken, torch.ones(1, MOTION), none[:, 0], none, shaken)
    trial = critics.trial(batch, shaken, np.random.default_rng(0))
    assert trial.captured is not None
    for motion in (trial.captured.real, trial.captured.made):
        power = torch.fft.rfft(motion.detach() * torch.hann_window(76)[:, None], dim=1).abs()
        fast = torch.fft.rfftfreq(76, 1 / FPS) > 9
        assert power[:, fast].square().sum() < 1e-3 * power.square().sum()
    assert trial.captured.made.requires_grad


@pytest.mark.skipif(not DATA.exists(), reason="the real captures are not at hand")
def test_every_bone_that_the_critic_of_capture_sees_was_captured() -> None:
    windows = calm_windows(sorted((DATA / "body").rglob("*.tar.xz")), 60)
    assert len(windows) > 50
    moves = about_mean(slow(windows)).std(dim=(0, 1)).unflatten(0, (-1, 6)).amax(dim=1)
    assert (moves > 0.01).all()


def test_rows_of_captures_hear_what_the_encoder_reads_and_taught_ones_know_their_axes() -> None:
    clips = make_clips([], 4, 120, np.random.default_rng(0))
    streams = PoseStreams(clips, clips, rows=8, frames=30, captured_share=0.5, seed=0)
    batch = streams.at(0)
    assert batch.captured.tolist() == [1.0] * 4 + [0.0] * 4
    assert batch.motion.shape == (8, 30, MOTION)
    assert batch.manner.shape == (8, 90, MOTION)
    nobody = torch.zeros(0, 30, len(PRIOR_CHANNELS))
    task = PoseTask(smoke(batch=8), PoseMaterial(clips, clips, clips, nobody, Seen((), ())))
    told, _, _ = task.style(batch)
    given = batch.given.style
    same = (told[:, 0, AXES] == given[:, 0, AXES]).all(dim=1)
    assert same.tolist() == [False, False, False, False, True, False, True, False]


def test_a_clip_is_walked_through_window_by_window() -> None:
    clips = make_clips([], 4, 120, np.random.default_rng(0))
    streams = PoseStreams(clips, None, rows=4, frames=30, captured_share=0.3, seed=1)
    steps = [streams.at(step) for step in range(9)]
    for row in range(4):
        begins = [step for step, batch in enumerate(steps) if batch.begins[row, 0]]
        assert np.diff(begins).tolist() == [4] * (len(begins) - 1)
        first = begins[0]
        walked = torch.cat([steps[first + k].motion[row] for k in range(4)])
        assert any(torch.equal(walked, clip) for clip in clips.motion)


def test_captured_talkers_are_learnt_from_and_decide_what_may_be_shipped(tmp_path: Path) -> None:
    sets = tmp_path / "sets"
    barred = msgspec.structs.replace(CARD, licence="CC-BY-NC-4.0", may_ship=False)
    write_body_dataset(sets / "made", barred, [recording(400)])
    run = tmp_path / "run"
    train(smoke(captures=("made",), captured_share=0.5), run, sets=sets)
    assert [card.licence for card in read_seen(run).cards] == ["CC-BY-NC-4.0"]
    assert len(read_json(checkpoint_of(run) / "styles.json")["captured"]) == 16
    train(smoke(), tmp_path / "next", base=run)
    assert len(read_seen(tmp_path / "next").cards) == 1
    from export.pose import export

    with pytest.raises(SystemExit, match="CC-BY-NC"):
        export(tmp_path / "next", tmp_path / "bundle")


def test_captures_without_their_folder_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--sets"):
        train(smoke(captures=("made",)), tmp_path / "run")
