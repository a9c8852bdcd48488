from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from idol_protocol.channels import FACE_CHANNELS
from tests.training.cut_runs import cut_at, kept
from training.checkpoint import checkpoint_of, read_json, steps_in
from training.config import load_config
from training.face.adversaries import FaceCritics
from training.face.data import Stream, captured_stream, sound_of, taught_stream
from training.face.material import gather
from training.face.model import LIPS, MADE, FaceConditions, FaceGenerator, FaceModelConfig
from training.face.objective import Scales, phoneme_loss, reconstruction
from training.face.settings import FaceSettings
from training.face.speech import hummed_utterances
from training.face.windows import FaceBatch, FaceWindows
from training.finetune_face import Finetune, adapt, cut
from training.ingest.recording import DatasetCard, Recording, write_dataset
from training.ingest.shipping import read_seen
from training.train_face import train

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
SMALL = FaceModelConfig(lips_width=16, upper_width=16, lips_dropout=0.0)
JAW = FACE_CHANNELS.index("jawOpen")


def smoke(**changes: object) -> FaceSettings:
    return msgspec.structs.replace(
        load_config(CONFIGS / "face_smoke.toml", FaceSettings), **changes
    )


def recording(name: str, *, seconds: float = 4, fps: float = 30, seed: int = 0) -> Recording:
    """A jaw that opens with the loudness of its own sound."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * fps)
    open_ = np.clip(np.sin(np.arange(frames) / fps * 2 * np.pi * 2), 0, 1) * 0.5
    face = np.zeros((frames, len(FACE_CHANNELS)), np.float32)
    face[:, JAW] = open_
    known = np.zeros(len(FACE_CHANNELS), bool)
    known[JAW] = True
    level = np.interp(np.arange(round(seconds * 16_000)) / 16_000 * fps, np.arange(frames), open_)
    sound = level * rng.standard_normal(len(level)) * 8000
    return Recording(name, "ann", fps, face, known, sound.astype(np.int16))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    card = DatasetCard(name="ann", licence="MIT", may_ship=True, kind="pairs")
    write_dataset(tmp_path / "ann", card, [recording(f"ann_{i}", seed=i) for i in range(3)])
    made = DatasetCard(
        name="labelled", licence="MIT", may_ship=True, kind="made", trained_on=("ann_0", "ann_1")
    )
    write_dataset(tmp_path / "labelled", made, [recording("speech_0", seed=9)])
    take = recording("take", seed=5)
    face = take.face.copy()
    blink = FACE_CHANNELS.index("eyeBlinkLeft")
    face[:, blink], known = face[:, JAW], take.known.copy()
    known[blink] = True
    card = DatasetCard(name="takes", licence="MIT", may_ship=True, kind="livelink")
    write_dataset(tmp_path / "takes", card, [Recording("take", "bob", 30, face, known, None)])
    return tmp_path


def draw(streams: list[Stream], *, rows: int = 4, share: float = 0.5) -> FaceBatch:
    windows = FaceWindows(streams, rows=rows, frames=40, lookahead_frames=2, captured_share=share)
    return windows.draw(np.random.default_rng(0))


def both_kinds() -> list[Stream]:
    rng = np.random.default_rng(0)
    return [
        taught_stream(hummed_utterances(2, 0), rng),
        captured_stream(recording("ann_0"), rng, clean=True),
    ]


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.25])
@pytest.mark.parametrize("fps", [25, 30, 60])
def test_a_capture_stays_in_time_with_its_sound_at_any_speed_and_rate(
    speed: float, fps: float
) -> None:
    take = recording("ann_0", seconds=6, fps=fps)
    stream = captured_stream(take, np.random.default_rng(0), clean=True, speed=speed)
    assert len(stream.target) == pytest.approx(6 * 30 / speed, abs=2)
    loud = stream.audio.mean(axis=1)
    jaw = stream.target[:, MADE.index("jawOpen")]
    scores = [
        np.corrcoef(loud[3 + lag : len(loud) - 3 + lag], jaw[3:-3])[0, 1]
        for lag in (-2, -1, 0, 1, 2)
    ]
    assert int(np.argmax(scores)) - 2 in (-1, 0)
    assert max(scores) > 0.7
    assert stream.mask.sum() == 1


def test_a_recording_without_sound_is_named() -> None:
    silent = Recording("mute", "ann", 30, *(recording("x").face, recording("x").known), None)
    with pytest.raises(ValueError, match=r"'mute'.*sound"):
        sound_of(silent)


def test_sound_runs_ahead_of_the_face_by_the_lookahead() -> None:
    streams = both_kinds()[:1]
    windows = FaceWindows(streams, rows=1, frames=40, lookahead_frames=2, captured_share=0.0)
    batch = windows.draw(np.random.default_rng(3))
    told = batch.given.phonemes[0].numpy()
    target = batch.target[0].numpy()
    start = next(
        i
        for i in range(len(streams[0].target))
        if np.array_equal(streams[0].target[i : i + 40], target)
    )
    np.testing.assert_array_equal(told, streams[0].phonemes[start + 2 : start + 42])


def test_captured_rows_come_first_and_in_their_share() -> None:
    batch = draw(both_kinds(), rows=8, share=0.25)
    assert batch.captured.tolist() == [1, 1, 0, 0, 0, 0, 0, 0]


def test_channels_that_nobody_captured_do_not_count() -> None:
    batch = draw(both_kinds())
    scales = Scales(both_kinds())
    made = batch.target.clone()
    unknown = batch.captured[:, None, None] * (1 - batch.mask[:, None])
    spoilt = made + 100 * unknown
    even = torch.ones(len(MADE))
    scale = scales.of(batch.captured)
    one, _ = reconstruction(made, batch, scale, even, smoke(closure_weight=0.0))
    other, _ = reconstruction(spoilt, batch, scale, even, smoke(closure_weight=0.0))
    assert one.item() == pytest.approx(other.item(), abs=1e-6)
    wrong, _ = reconstruction(made + 0.1, batch, scale, even, smoke(closure_weight=0.0))
    assert wrong.item() > 0.05


def test_phoneme_loss_is_the_entropy_of_what_was_spoken_and_ignores_the_unknown() -> None:
    spoken = torch.zeros(2, 5, 20)
    spoken[0, :, 3] = 1
    assert phoneme_loss(torch.zeros(2, 5, 20), spoken).item() == pytest.approx(np.log(20), rel=1e-5)
    sure = torch.zeros(2, 5, 20)
    sure[0, :, 3] = 50
    assert phoneme_loss(sure, spoken).item() == pytest.approx(0, abs=1e-5)


def test_the_realism_critic_sees_takes_for_taught_rows_and_only_their_channels() -> None:
    streams = both_kinds()
    batch = draw(streams)
    take = np.full((60, len(MADE)), 0.25, np.float32)
    mask = np.zeros(len(MADE), np.float32)
    mask[MADE.index("eyeBlinkLeft")] = 1
    critics = FaceCritics(smoke(), torch.ones(len(MADE)), [take], mask)
    trial = critics.trial(batch, batch.target.clone(), np.random.default_rng(0))
    assert trial.whole is not None
    taught = batch.captured == 0
    assert (trial.whole.real[taught] == 0.25).all()
    assert torch.equal(trial.whole.seen[taught][0], torch.from_numpy(mask))
    assert torch.equal(trial.whole.real[~taught], batch.target[~taught])


def test_one_pass_equals_frame_by_frame_with_the_state_handed_on() -> None:
    torch.manual_seed(0)
    generator = FaceGenerator(SMALL).eval()
    sizes = (160, 21, 4, 8, 16, 14)
    given = FaceConditions(*(torch.randn(2, 30, size) for size in sizes))
    zeros = torch.zeros(2, generator.state_size)
    with torch.no_grad():
        whole, last = generator(given, zeros)
        state, frames = zeros, []
        for frame in range(30):
            one = FaceConditions(*(value[:, frame : frame + 1] for value in given))
            made, state = generator(one, state)
            frames.append(made)
    torch.testing.assert_close(torch.cat(frames, dim=1), whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(state, last, atol=1e-5, rtol=0)


def test_noise_reaches_the_upper_face_and_never_the_lips() -> None:
    torch.manual_seed(0)
    generator = FaceGenerator(SMALL).eval()
    given = FaceConditions(*(torch.randn(1, 20, size) for size in (160, 21, 4, 8, 16, 14)))
    other = given._replace(noise=torch.randn(1, 20, 14))
    zeros = torch.zeros(1, generator.state_size)
    with torch.no_grad():
        one, another = generator(given, zeros)[0], generator(other, zeros)[0]
    assert torch.equal(one[..., : len(LIPS)], another[..., : len(LIPS)])
    assert not torch.allclose(one[..., len(LIPS) :], another[..., len(LIPS) :])


def test_training_on_captures_and_takes_leaves_a_run_that_says_what_it_saw(
    data: Path, tmp_path: Path
) -> None:
    settings = smoke(captures=("ann",), takes=("takes",), held_out=("ann_2",))
    train(settings, tmp_path / "run", data=data)
    seen = read_seen(tmp_path / "run")
    assert seen.recordings == ("ann_0", "ann_1", "take")
    assert {card.name for card in seen.cards} == {"ann", "takes"}
    assert len(read_json(checkpoint_of(tmp_path / "run") / "styles.json")["ann"]) == 16
    assert 0 <= read_json(tmp_path / "run" / "validation.json")["objective"] <= 2


def test_a_run_that_was_interrupted_ends_with_the_same_weights(data: Path, tmp_path: Path) -> None:
    settings = smoke(captures=("ann",))
    train(settings, tmp_path / "whole", data=data)
    cut_at(5, lambda: train(settings, tmp_path / "parts", data=data))
    assert steps_in(tmp_path / "parts") == [3]
    train(settings, tmp_path / "parts", data=data)
    assert kept(tmp_path / "parts") == kept(tmp_path / "whole")


def test_the_lips_alone_learn_when_asked_and_the_rest_stays_as_in_the_base(
    data: Path, tmp_path: Path
) -> None:
    train(smoke(), tmp_path / "base", data=data)
    settings = smoke(captures=("ann",), learn="lips")
    train(settings, tmp_path / "lips", data=data, base=tmp_path / "base")
    before = load_file(checkpoint_of(tmp_path / "base") / "generator_ema.safetensors")
    after = load_file(checkpoint_of(tmp_path / "lips") / "generator_ema.safetensors")
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed <= {"lips", "lips_out", "phonemes_out"}
    assert "lips" in changed
    for name in ("style_encoder",):
        old = load_file(checkpoint_of(tmp_path / "base") / f"{name}.safetensors")
        new = load_file(checkpoint_of(tmp_path / "lips") / f"{name}.safetensors")
        assert all(torch.equal(old[key], new[key]) for key in old)


def test_what_the_base_or_the_labels_have_seen_cannot_be_held_out(
    data: Path, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match=r"hold out ann_1.*have seen"):
        gather(smoke(captures=("ann", "labelled"), held_out=("ann_1",)), None, data)
    gather(smoke(captures=("ann", "labelled"), held_out=("ann_2",)), None, data)
    train(smoke(captures=("ann",)), tmp_path / "base", data=data)
    with pytest.raises(SystemExit, match=r"hold out ann_2.*have seen"):
        gather(smoke(captures=("ann",), held_out=("ann_2",)), None, data, tmp_path / "base")


def test_a_name_that_no_data_set_holds_is_told(data: Path) -> None:
    with pytest.raises(SystemExit, match="keep apart nobody"):
        gather(smoke(captures=("ann",), held_out=("nobody",)), None, data)
    with pytest.raises(SystemExit, match="--data"):
        gather(smoke(captures=("ann",)), None, None)


def test_a_face_moves_to_a_new_person_by_style_and_adapters_that_merge(
    data: Path, tmp_path: Path
) -> None:
    train(smoke(), tmp_path / "base", data=data)
    finetune = Finetune(steps=60, rank=4, batch=4, frames=40, learning_rate=1e-2)
    report = adapt(finetune, tmp_path / "base", data / "ann", tmp_path / "me", ("ann_2",))
    assert report["trained_parameters"] < 0.15 * report["all_parameters"]
    assert report["scores"]["after"]["jaw_r"] > report["scores"]["before"]["jaw_r"] + 0.1
    assert report["scores"]["after"]["jaw_r"] > 0.5
    assert "ann_0" in read_seen(tmp_path / "me").recordings
    assert "ann" in read_json(checkpoint_of(tmp_path / "me") / "styles.json")
    with pytest.raises(SystemExit, match="found ann_0, ann_1, ann_2"):
        adapt(finetune, tmp_path / "base", data / "ann", tmp_path / "no", ("nobody",))


def test_only_so_many_seconds_of_a_capture_are_used() -> None:
    kept = cut([recording("a", seconds=4), recording("b", seconds=4)], 5.0)
    assert [round(each.seconds, 2) for each in kept] == [4.0, 1.0]
    assert kept[1].audio is not None
    assert len(kept[1].audio) == 16_000
