import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from idol_protocol.channels import FACE_CHANNELS
from training.face.ensemble import Ensemble, correlations, fingerprint, fit_ensemble, summary
from training.face.labeller import (
    MOUTH,
    Heard,
    LabelledExample,
    Labeller,
    Linear,
    LinearLabeller,
    MemberConfig,
    Recurrent,
    fit_member,
)
from training.face.whisper import WIDTH
from training.ingest.recording import Dataset, DatasetCard, Recording, read_card, read_dataset
from training.label import SPEEDS, example, label, made_card, split

JAW, PUCKER, FUNNEL = (FACE_CHANNELS.index(n) for n in ("jawOpen", "mouthPucker", "mouthFunnel"))
CARD = DatasetCard(name="takes", licence="MIT", may_ship=True, kind="pairs", attribution="me")
LINEAR = Linear(speech_components=4, sound_components=8, ridge=10.0)
RECURRENT = Recurrent(width=8, steps=60, frames=40, rows=4, dropout=0.0)


def recording(
    name: str, seconds: float = 8.0, *, captured: bool = True, fps: float = 30.0
) -> Recording:
    """Noise whose level opens the jaw; the lips round with its other, slower part."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]))
    frames = int(seconds * fps)
    at_s = np.arange(frames) / fps
    jaw = 0.4 + 0.35 * np.sin(2 * np.pi * 1.3 * at_s + rng.uniform(0, 6))
    loud = np.interp(np.arange(int(seconds * 16_000)) / 16_000, at_s, jaw)
    audio = (loud * rng.standard_normal(len(loud)) * 8000).clip(-32768, 32767).astype(np.int16)
    face = np.zeros((frames, len(FACE_CHANNELS)), np.float32)
    known = np.zeros(len(FACE_CHANNELS), np.bool_)
    if captured:
        face[:, JAW], face[:, PUCKER] = jaw, 0.5 - 0.5 * jaw
        known[[JAW, PUCKER, FUNNEL]] = True
    return Recording(name, "me", fps, face, known, audio)


def listen(samples: NDArray[np.int16], name: str) -> NDArray[np.float32]:
    """Instead of Whisper: the level of every 20 ms in the first two of 512 values."""
    count = -(-len(samples) // 320)
    padded = np.pad(samples.astype(np.float32), (0, count * 320 - len(samples)))
    level = np.abs(padded.reshape(count, 320)).mean(axis=1) / 8000
    features = np.zeros((count, WIDTH), np.float32)
    features[:, 0], features[:, 1] = level, level**2
    return features


def dataset(*recordings: Recording, card: DatasetCard = CARD) -> Dataset:
    return Dataset(card, recordings)


def random_example(frames: int = 200, known: tuple[str, ...] = ("jawOpen",)) -> LabelledExample:
    rng = np.random.default_rng(3)
    has = np.isin(MOUTH, known)
    mouth = rng.random((frames, len(MOUTH)), np.float32) * has
    sound, speech = (rng.standard_normal((frames, size), np.float32) for size in (160, 512))
    return LabelledExample("x", Heard(sound, speech), mouth, has)


def test_an_ensemble_labels_speech_by_what_captures_taught_it(tmp_path: Path) -> None:
    captures = dataset(recording("a"), recording("b", fps=60.0), recording("held"))
    spoken = dataset(recording("c", captured=False), recording("d", captured=False))
    out = tmp_path / "labels"
    scores = label([captures], [spoken], ["held"], out, listen, [LINEAR, RECURRENT])
    assert scores["ensemble"]["held"]["jawOpen"] > 0.9
    assert scores[LINEAR.name]["held"]["mouthPucker"] > 0.9
    assert set(scores) == {LINEAR.name, RECURRENT.name, "ensemble"}
    assert json.loads((out / "scores.json").read_text()) == scores

    made = read_dataset(out)
    assert [each.name for each in made.recordings] == ["c", "d"]
    for each, source in zip(made.recordings, spoken.recordings, strict=True):
        truth = recording(source.name).face
        assert each.speaker == "me"
        assert each.face.shape == truth.shape
        assert np.corrcoef(each.face[:, JAW], truth[:, JAW])[0, 1] > 0.9
        assert set(np.flatnonzero(each.known)) == {JAW, PUCKER, FUNNEL}
        assert each.audio is not None
        np.testing.assert_array_equal(each.audio, source.audio)


def test_the_card_of_made_labels_names_what_was_seen_and_how_good_they_are(tmp_path: Path) -> None:
    captures = dataset(recording("a"), recording("held"))
    spoken = dataset(recording("c", captured=False))
    label([captures], [spoken], ["held"], tmp_path / "labels", listen, [LINEAR])
    card = read_card(tmp_path / "labels")
    assert (card.kind, card.trained_on, card.licence, card.may_ship) == (
        "made",
        ("a",),
        "MIT",
        True,
    )
    assert "me" in card.attribution
    assert "Whisper" in card.attribution
    assert any(note.startswith("On held, not seen: jawOpen r 0.9") for note in card.notes)


def test_labels_of_barred_captures_may_not_ship() -> None:
    barred = DatasetCard(name="beat", licence="CC-BY-NC-4.0", may_ship=False, kind="beat")
    mixed = made_card("labels", [CARD, barred], [recording("a")], {}, 3)
    assert not mixed.may_ship
    assert mixed.licence == "MIT AND CC-BY-NC-4.0"
    lying = msgspec.structs.replace(barred, may_ship=True)
    assert not made_card("labels", [lying], [recording("a")], {}, 3).may_ship


def test_an_interrupted_run_fits_only_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = [random_example()]
    short = msgspec.structs.replace(RECURRENT, steps=2)
    first = fit_ensemble([LINEAR, short], examples, tmp_path)
    (tmp_path / f"{LINEAR.name}.safetensors").write_bytes(b"torn")
    asked: list[str] = []

    def fit(
        config: MemberConfig, examples: Sequence[LabelledExample], progress: Callable[[], None]
    ) -> Labeller:
        asked.append(config.name)
        return fit_member(config, examples, progress)

    monkeypatch.setattr("training.face.ensemble.fit_member", fit)
    again = fit_ensemble([LINEAR, short], examples, tmp_path)
    assert asked == [LINEAR.name]
    np.testing.assert_array_equal(again.label(examples[0].heard), first.label(examples[0].heard))
    fit_ensemble([msgspec.structs.replace(short, dropout=0.1)], examples, tmp_path)
    assert asked == [LINEAR.name, short.name]


def test_the_same_seed_gives_the_same_member() -> None:
    config = msgspec.structs.replace(RECURRENT, steps=3, dropout=0.3)
    example = random_example()
    one, two = (fit_member(config, [example]).label(example.heard) for _ in range(2))
    other = fit_member(msgspec.structs.replace(config, seed=1), [example]).label(example.heard)
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - other).max() > 1e-4


def test_ridge_regression_solves_the_normal_equations() -> None:
    example = random_example(400)
    member = fit_member(Linear(speech_components=6, sound_components=5, ridge=7.0), [example])
    assert isinstance(member, LinearLabeller)
    with torch.no_grad():
        inputs = (
            member.around(
                member.standardised("sound", torch.from_numpy(example.heard.sound))[None],
                member.standardised("speech", torch.from_numpy(example.heard.speech))[None],
            )[0]
            .double()
            .numpy()
        )
    jaw = MOUTH.index("jawOpen")
    target = (example.mouth[:, jaw] - example.mouth[:, jaw].mean()) / example.mouth[:, jaw].std()
    ridge = 7.0 * len(inputs) / 11_000
    stacked = np.concatenate([inputs, np.sqrt(ridge) * np.eye(inputs.shape[1])])
    wanted = np.linalg.lstsq(stacked, np.concatenate([target, np.zeros(inputs.shape[1])]))[0]
    np.testing.assert_allclose(member.weights[:, jaw].numpy(), wanted, atol=1e-3)


@pytest.mark.parametrize("config", [LINEAR, msgspec.structs.replace(RECURRENT, steps=2)])
def test_channels_that_one_capture_lacks_are_learnt_from_the_others(
    config: Linear | Recurrent,
) -> None:
    jaw, both = random_example(), random_example(known=("jawOpen", "mouthPucker"))
    pucker = MOUTH.index("mouthPucker")
    alone, helped = fit_member(config, [both]), fit_member(config, [jaw, both])
    assert helped.mouth_mean[pucker] == pytest.approx(float(alone.mouth_mean[pucker]), abs=1e-6)
    unknown = MOUTH.index("mouthSmileLeft")
    assert (helped.label(jaw.heard)[:, unknown] == 0).all()
    assert helped.label(jaw.heard)[:, pucker].std() > 0


def test_rounding_is_scored_as_one_however_a_capture_shares_it() -> None:
    example = random_example(known=("jawOpen", "mouthFunnel", "mouthPucker"))
    funnel, pucker = MOUTH.index("mouthFunnel"), MOUTH.index("mouthPucker")
    swapped = example.mouth.copy()
    swapped[:, [funnel, pucker]] = example.mouth[:, [pucker, funnel]]
    found = correlations(swapped, example)
    assert found["rounding"] == pytest.approx(1.0)
    assert abs(found["mouthFunnel"]) < 0.3
    assert summary(found) == pytest.approx((1.0, 1.0))


def test_an_ensemble_is_the_clipped_mean_of_its_members() -> None:
    example = random_example()
    fitted = {str(r): fit_member(Linear(3, 3, ridge=r), [example]) for r in (1.0, 100.0)}
    one, two = (member.label(example.heard) for member in fitted.values())
    made = Ensemble(fitted).label(example.heard)
    np.testing.assert_allclose(made, ((one + two) / 2).clip(0, 1), atol=1e-6)


def test_a_fingerprint_tells_other_data_and_other_settings_apart() -> None:
    example = random_example()
    moved = LabelledExample("x", example.heard, example.mouth + np.float32(0.001), example.known)
    marks = [
        fingerprint(LINEAR, [example]),
        fingerprint(LINEAR, [moved]),
        fingerprint(msgspec.structs.replace(LINEAR, ridge=11.0), [example]),
    ]
    assert len(set(marks)) == 3
    assert fingerprint(LINEAR, [random_example()]) == marks[0]


def test_held_out_and_captured_recordings_are_neither_seen_nor_labelled() -> None:
    captures = dataset(recording("a"), recording("held"))
    spoken = dataset(recording("held", captured=False), recording("c", captured=False))
    parts = split([captures], [spoken], ["held"])
    assert [each.name for each in parts.seen] == ["a"]
    assert [each.name for each in parts.unlabelled] == ["c"]


def test_what_cannot_be_labelled_is_refused_with_a_sentence(tmp_path: Path) -> None:
    captures = dataset(recording("a"), recording("b"))
    spoken = dataset(recording("c", captured=False))
    with pytest.raises(SystemExit, match=r"expected captures with sound .* got z\."):
        split([captures], [spoken], ["z"])
    with pytest.raises(SystemExit, match="hold fewer out"):
        split([captures], [spoken], ["a", "b"])
    with pytest.raises(SystemExit, match="expected speech of me, who was captured"):
        split([captures], [captures], [])
    with pytest.raises(SystemExit, match="give longer captures"):
        fit_member(Recurrent(), [random_example(20)])
    label([captures], [spoken], ["a"], tmp_path, listen, [LINEAR])
    with pytest.raises(SystemExit, match="saw b, not a; give another --out"):
        label([captures], [spoken], ["b"], tmp_path, listen, [LINEAR])


def test_captures_are_heard_at_several_speeds() -> None:
    lengths = [len(example(recording("a"), speed, listen).mouth) for speed in SPEEDS]
    assert lengths == [240, int(240 / 0.9), int(240 / 1.1)]
    slow = example(recording("a"), 0.9, listen)
    level = slow.heard.speech[:, 0]
    assert np.corrcoef(level, slow.mouth[:, MOUTH.index("jawOpen")])[0, 1] > 0.9
