from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.channels import FACE_CHANNELS
from training.ingest.__main__ import main
from training.ingest.recording import (
    WEIGHTS,
    DatasetCard,
    Recording,
    RecordingError,
    read_card,
    read_dataset,
    resampled,
    write_card,
    write_dataset,
)
from training.ingest.resample import resample_curves, resample_sound
from training.ingest.shipping import check_claim, licence_permits, may_ship, require_shippable

CARD = DatasetCard(name="takes", licence="MIT", may_ship=True, kind="made")
BARRED = DatasetCard(name="beat", licence="CC-BY-NC-4.0", may_ship=False, kind="beat")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def recording(name: str = "one", frames: int = 60, fps: float = 30.0) -> Recording:
    rng = np.random.default_rng(frames)
    face = rng.random((frames, 59)).astype(np.float32)
    known = rng.random(59) < 0.7
    face[:, ~known] = 0
    sound = rng.integers(-9000, 9000, round(frames / fps * 16_000)).astype(np.int16)
    return Recording(name, "anna", fps, face, known, sound)


def test_a_data_set_comes_back_as_it_was_written(tmp_path: Path) -> None:
    silent = msgspec.structs.replace(CARD, notes=("silent: no sound",))
    first, second = recording("first"), recording("second", 40, 25.0)
    write_dataset(
        tmp_path,
        silent,
        [second, Recording("first", "ben", 30.0, first.face, first.known, None)],
    )
    held = read_dataset(tmp_path)
    assert held.card == silent
    assert [(each.name, each.speaker, each.fps) for each in held.recordings] == [
        ("first", "ben", 30.0),
        ("second", "anna", 25.0),
    ]
    assert held.recordings[0].audio is None
    np.testing.assert_array_equal(held.recordings[1].face, second.face)
    np.testing.assert_array_equal(held.recordings[1].known, second.known)
    np.testing.assert_array_equal(held.recordings[1].audio, second.audio)


@given(TEXTS, TEXTS, st.lists(TEXTS, max_size=3))
def test_a_card_keeps_any_text(
    tmp_path_factory: pytest.TempPathFactory, source: str, attribution: str, notes: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("card")
    card = msgspec.structs.replace(CARD, source=source, attribution=attribution, notes=tuple(notes))
    write_card(folder, card)
    assert read_card(folder) == card


def test_a_folder_without_a_card_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"expected a data set with a card\.toml"):
        read_dataset(tmp_path)


def test_an_unknown_field_in_a_card_is_refused_by_name(tmp_path: Path) -> None:
    write_card(tmp_path, CARD)
    path = tmp_path / "card.toml"
    path.write_text(path.read_text() + "mood = 3\n")
    with pytest.raises(SystemExit, match="mood"):
        read_card(tmp_path)


def test_a_damaged_recording_is_named_in_one_sentence(tmp_path: Path) -> None:
    write_dataset(tmp_path, CARD, [recording()])
    path = tmp_path / "one.npz"
    whole = path.read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:cut])
        with pytest.raises(SystemExit, match=r"one\.npz: expected a recording"):
            read_dataset(tmp_path)


def test_a_card_edited_to_allow_shipping_does_not_match_its_recordings(tmp_path: Path) -> None:
    write_dataset(tmp_path, BARRED, [recording()])
    path = tmp_path / "card.toml"
    path.write_text(path.read_text().replace("may_ship = false", "may_ship = true"))
    with pytest.raises(SystemExit, match="ingest it again"):
        read_dataset(tmp_path)


def test_one_folder_cannot_mix_licences(tmp_path: Path) -> None:
    write_dataset(tmp_path, BARRED, [recording()])
    with pytest.raises(SystemExit, match="one folder holds one data set"):
        write_card(tmp_path, CARD)


def test_recordings_without_a_card_are_not_adopted(tmp_path: Path) -> None:
    write_dataset(tmp_path, BARRED, [recording()])
    (tmp_path / "card.toml").unlink()
    with pytest.raises(SystemExit, match="nobody knows their licence"):
        write_card(tmp_path, CARD)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"face": np.zeros((5, 52), np.float32)}, "59"),
        ({"face": np.full((5, 59), 1.5, np.float32)}, r"weights in \[0, 1\]"),
        ({"face": np.full((5, 59), np.nan, np.float32)}, "finite"),
        ({"face": np.zeros((0, 59), np.float32)}, "at least one frame"),
        ({"known": np.zeros(59, np.bool_)}, "zeros in channels that are not known"),
        ({"fps": 0.0}, "frames a second"),
        ({"name": "a/b"}, "file's name"),
        ({"speaker": ""}, "speaker"),
        ({"audio": np.zeros((4, 2), np.int16)}, "mono"),
    ],
)
def test_what_is_no_recording_is_refused(changes: dict[str, object], sentence: str) -> None:
    good = recording()
    fields = {name: getattr(good, name) for name in Recording.__slots__}
    with pytest.raises(RecordingError, match=sentence):
        Recording(**(fields | changes))


@given(
    st.integers(2, 200),
    st.sampled_from([23.976, 25.0, 29.97, 30.0, 60.0, 120.0]),
    st.sampled_from([15.0, 25.0, 30.0, 50.0, 60.0]),
    st.integers(0, 2**32 - 1),
)
def test_curves_at_another_rate_never_leave_their_range(
    frames: int, fps: float, wanted: float, seed: int
) -> None:
    curves = np.random.default_rng(seed).random((frames, 3)).astype(np.float32)
    curves[:, 2] = 0.25
    found = resample_curves(curves, fps, wanted)
    assert len(found) == max(1, int(frames * wanted / fps + 1e-6))
    assert (found >= curves.min(axis=0) - 1e-6).all()
    assert (found <= curves.max(axis=0) + 1e-6).all()
    np.testing.assert_allclose(found[:, 2], 0.25, atol=1e-6)


def test_a_lower_rate_keeps_what_it_can_carry_and_drops_what_it_cannot() -> None:
    times_s = np.arange(600) / 60
    slow, fast = (0.5 + 0.5 * np.sin(2 * np.pi * hz * times_s) for hz in (3, 25))
    found = resample_curves(np.stack([slow, fast], axis=1).astype(np.float32), 60, 30)
    np.testing.assert_allclose(found[10:-10, 0], slow[20:-20:2], atol=0.01)
    assert found[10:-10, 1].std() < 0.01


def test_a_recording_at_another_rate_keeps_its_sound_and_its_length() -> None:
    take = recording(frames=90, fps=30.0)
    found = resampled(take, 50.0)
    assert found.face.shape == (150, 59)
    assert found.fps == 50.0
    assert found.audio is take.audio
    assert not found.face[:, ~take.known].any()


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_sound_at_another_rate_keeps_its_pitch_and_level(rate: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    found = resample_sound(tone, rate, 16_000).astype(np.float64) / 32767
    wanted = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(found[200:-200], wanted[200:-200], atol=0.005)


@pytest.mark.parametrize("licence", ["MIT", "apache-2.0", "CC0-1.0", "CC-BY-4.0", "own-recording"])
def test_a_permissive_licence_may_be_claimed_shippable(licence: str) -> None:
    check_claim(licence, may_ship=True)


@pytest.mark.parametrize(
    "licence",
    ["CC-BY-NC-4.0", "CC BY-NC-ND 4.0", "research only", "unknown", "CC-BY-ND-4.0", "GPL-3.0", ""],
)
def test_any_other_licence_refuses_the_claim(licence: str) -> None:
    assert not licence_permits(licence)
    check_claim(licence, may_ship=False)
    with pytest.raises(SystemExit, match="leave --may-ship away"):
        check_claim(licence, may_ship=True)


def test_weights_may_be_shipped_only_when_every_data_set_agrees() -> None:
    lying = msgspec.structs.replace(BARRED, name="lie", may_ship=True)
    assert may_ship([CARD])
    assert not may_ship([CARD, BARRED])
    assert not may_ship([CARD, lying])
    require_shippable([CARD, CARD])
    with pytest.raises(SystemExit, match=r"beat \(CC-BY-NC-4.0\), lie"):
        require_shippable([CARD, BARRED, lying])


def test_show_prints_the_card_and_draws_the_curves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take = recording("first", 400)
    write_dataset(
        tmp_path, CARD, [take, Recording("mute", "ben", 30.0, take.face, take.known, None)]
    )
    main(["show", str(tmp_path)])
    said = capsys.readouterr().out
    assert "takes: made, MIT" in said
    assert "2 recordings, 2 speakers" in said
    moving = [name for index, name in enumerate(FACE_CHANNELS[:WEIGHTS]) if take.known[index]]
    assert all(name in said for name in moving)
    from matplotlib.image import imread

    picture = imread(tmp_path / "overview.png")
    assert picture.shape[0] > 400
    assert picture[..., :3].std() > 0.05
