import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS
from tests.training.face_captures import (
    DATA,
    Run,
    column,
    livelink_text,
    many,
    real,
    timecode,
    write_wav,
)
from training.ingest.channels import channel_of
from training.ingest.livelink import LiveLink, parse_timecode, read_take, times_of
from training.ingest.recording import RecordingError


@given(
    st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 119),
    st.integers(0, 999),
)  # fmt: skip
def test_a_timecode_is_read_as_written(
    hours: int, minutes: int, seconds: int, frames: int, thousandths: int
) -> None:
    text = f"{hours:02}:{minutes:02}:{seconds:02}:{frames:02}.{thousandths:03}"
    whole, part = parse_timecode(text)
    assert whole == hours * 3600 + minutes * 60 + seconds
    assert part == pytest.approx(frames + thousandths / 1000)


@given(st.text(max_size=30))
def test_text_that_is_no_timecode_is_refused(text: str) -> None:
    try:
        seconds, frames = parse_timecode(text)
    except ValueError as error:
        refusal = str(error)
    else:
        refusal = "" if 0 <= seconds < 86_400 and frames >= 0 else f"read as {seconds} and {frames}"
    assert not refusal or refusal.startswith("expected a timecode")


@given(
    st.integers(0, 86_399), st.sampled_from([(24, 1), (25, 1), (30, 1), (60, 1), (60, 2)]),
    st.integers(130, 300),
)  # fmt: skip
def test_timecodes_are_even_whatever_they_count_at_and_over_midnight(
    start_s: int, counting: tuple[int, int], rows: int
) -> None:
    rate, step = counting
    times_s = times_of([timecode(row, start_s, rate, step) for row in range(rows)])
    np.testing.assert_allclose(np.diff(times_s), step / rate, atol=1e-6)
    assert times_s[0] == 0


@given(st.text(max_size=20))
def test_a_column_is_a_channel_or_nothing(text: str) -> None:
    assert channel_of(text) in (None, *FACE_CHANNELS)


def test_live_link_columns_are_read_by_name_and_zero_head_columns_are_unknown(
    tmp_path: Path, ingest: Run
) -> None:
    jaw, shut = np.linspace(0, 1, 90), np.linspace(1.06, 0, 90)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "take.csv").write_text(
        livelink_text(90, {"jawOpen": jaw.tolist(), "eyeBlinkLeft": shut.tolist()})
    )
    (take,) = ingest("livelink", tmp_path / "in").recordings
    assert take.fps == 30
    assert take.audio is None
    np.testing.assert_allclose(take.face[:, column("jawOpen")], jaw, atol=1e-5)
    np.testing.assert_allclose(take.face[:, column("eyeBlinkLeft")], shut.clip(0, 1), atol=1e-5)
    assert take.known[: len(ARKIT_BLENDSHAPES)].all()
    assert not take.known[[column(name) for name in ("headYaw", "headPitch", "headRoll")]].any()
    assert take.known[column("leftEyeYaw")]


def test_live_link_heads_turn_the_way_ours_do(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    path.write_text(livelink_text(5, head=(0.1, 0.2, 0.3)))
    take, _ = read_take(path)
    angles = take.face[0, [column(name) for name in ("headYaw", "headPitch", "headRoll")]]
    np.testing.assert_allclose(angles, np.degrees([-0.1, 0.2, -0.3]), rtol=1e-5)


def test_both_eyes_that_look_to_the_left_turn_to_the_left(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    left = {"eyeLookOutLeft": [0.5] * 5, "eyeLookInRight": [0.5] * 5}
    down = {"eyeLookDownLeft": [0.25] * 5, "eyeLookDownRight": [0.25] * 5}
    path.write_text(livelink_text(5, left | down))
    face = read_take(path)[0].face[0]
    assert face[column("leftEyeYaw")] == face[column("rightEyeYaw")] == 16
    assert face[column("leftEyePitch")] == face[column("rightEyePitch")] == 8


def test_a_take_that_lost_the_face_is_cut_there_and_short_losses_are_bridged(
    tmp_path: Path, ingest: Run
) -> None:
    jaw = np.linspace(0, 1, 120)
    (tmp_path / "in").mkdir()
    write_wav(tmp_path / "in" / "take.wav", 4.0, start_s=2.5)
    (tmp_path / "in" / "take.csv").write_text(
        livelink_text(120, {"jawOpen": jaw.tolist()}, lost=[5, 6, *range(50, 70)])
    )
    held = ingest("livelink", tmp_path / "in")
    first, second = held.recordings
    assert [first.name, second.name] == ["take_1", "take_2"]
    np.testing.assert_allclose(first.face[:, column("jawOpen")], jaw[:50], atol=1e-5)
    np.testing.assert_allclose(second.face[:, column("jawOpen")], jaw[70:], atol=1e-5)
    assert first.audio is not None
    assert second.audio is not None
    assert not first.audio.any()
    onset = np.flatnonzero(second.audio)[0] / 16_000
    assert onset == pytest.approx(2.5 - 70 / 30, abs=0.001)
    assert any("22 rows without a tracked face" in note for note in held.card.notes)
    assert any("2 lost frames were interpolated" in note for note in held.card.notes)


def test_a_last_row_that_was_cut_off_is_dropped_and_said(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    text = livelink_text(60)
    path.write_text(text[: len(text) - 40])
    reading = LiveLink().read(path, "take", "anna")
    assert len(reading.recordings[0].face) == 59
    assert reading.notes == ["take: the last row was cut off and dropped"]


@many
@given(st.binary(max_size=200), st.integers(0, 6000))
def test_a_damaged_live_link_file_is_refused_in_a_sentence(
    tmp_path: Path, noise: bytes, place: int
) -> None:
    path = tmp_path / "take.csv"
    text = livelink_text(8).encode()
    path.write_bytes(text[:place] + noise + text[place + 50 :])
    refusal = ""
    try:
        LiveLink().read(path, "take", "anna")
    except RecordingError as error:
        refusal = str(error)
    assert not refusal or "expected" in refusal


@pytest.mark.data
@real
def test_live_link_eyes_agree_with_the_weights_they_come_with(ingest: Run) -> None:
    held = ingest("livelink", DATA / "livelink")
    assert sum(take.seconds for take in held.recordings) > 440
    path = DATA / "livelink" / "alex_rom_3.csv"
    take = next(each for each in held.recordings if each.name == "alex_rom_3")
    with path.open() as file:
        rows = [row for row in csv.DictReader(file) if row["BlendShapeCount"] == "61"]
    own = read_take(path)[0].face
    for name, sign in (("LeftEyeYaw", -1), ("RightEyeYaw", -1), ("LeftEyePitch", 1)):
        theirs = np.degrees([sign * float(row[name]) for row in rows])
        ours = own[:, column(name[0].lower() + name[1:])]
        assert np.corrcoef(theirs, ours)[0, 1] > 0.99
    assert take.fps == 30
    assert take.known.sum() == 56
