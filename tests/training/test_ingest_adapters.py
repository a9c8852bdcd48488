import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS
from tests.training.face_captures import (
    DATA,
    Run,
    column,
    livelink_text,
    many,
    real,
    write_wav,
)
from training.ingest.__main__ import main
from training.ingest.beat import read_beat
from training.ingest.pairs import Pairs, read_pair
from training.ingest.recording import RecordingError
from training.ingest.sound import Sound, read_sound
from training.ingest.takes import FaceTake, frame_rate, recordings_of


@many
@given(
    st.sets(st.sampled_from(FACE_CHANNELS), min_size=1, max_size=20),
    st.sampled_from([25, 30, 50, 60]),
    st.integers(0, 2**32 - 1),
)
def test_columns_of_a_pair_come_back_and_the_others_are_unknown(
    tmp_path: Path, channels: set[str], fps: int, seed: int
) -> None:
    names = sorted(channels)
    values = np.random.default_rng(seed).random((fps * 2, len(names)))
    path = tmp_path / "pair.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time_s", *names])
        writer.writerows(
            [f"{row / fps:.4f}", *(repr(float(value)) for value in line)]
            for row, line in enumerate(values)
        )
    (take,) = Pairs().read(path, "pair", "anna").recordings
    assert take.fps == fps
    np.testing.assert_allclose(
        take.face[:, [column(name) for name in names]], values.astype(np.float32)
    )
    assert all(take.known[column(name)] for name in names)
    unknown = [name for name in FACE_CHANNELS if name not in names and "ye" not in name[:9]]
    assert not take.known[[column(name) for name in unknown]].any()


@many
@given(st.one_of(st.binary(max_size=200), st.text("time_s,jawOpen0123.-e\n\"'", max_size=200)))
def test_a_file_that_is_no_pair_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes | str
) -> None:
    path = tmp_path / "pair.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refusal = ""
    try:
        Pairs().read(path, "pair", "anna")
    except RecordingError as error:
        refusal = str(error)
    assert not refusal or "expected" in refusal


def test_a_column_that_is_no_channel_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pair.csv"
    path.write_text("time_s,jawopen\n0,0\n0.04,0\n")
    with pytest.raises(RecordingError, match="jawopen"):
        read_pair(path)


def test_percentages_are_not_taken_for_weights(tmp_path: Path) -> None:
    path = tmp_path / "pair.csv"
    path.write_text("time_s,jawOpen\n0,0\n0.04,35\n")
    with pytest.raises(RecordingError, match="jawOpen; percentages"):
        read_pair(path)


def test_a_wav_alone_becomes_speech_without_labels(tmp_path: Path, ingest: Run) -> None:
    (tmp_path / "in").mkdir()
    write_wav(tmp_path / "in" / "talk.wav", 3.0, rate=44_100)
    (take,) = ingest("pairs", tmp_path / "in").recordings
    assert not take.known.any()
    assert take.audio is not None
    assert len(take.audio) == 48_000
    assert take.seconds == 3.0


@pytest.mark.parametrize("name", ["talk.flac", "talk.ogg", "talk.mp3", "talk.WAV"])
def test_a_recording_of_any_format_is_speech_in_its_place(
    tmp_path: Path, ingest: Run, name: str
) -> None:
    (tmp_path / "in").mkdir()
    times_s = np.arange(3 * 44_100) / 44_100
    rising = 0.5 * np.sin(2 * np.pi * (200 * times_s + 200 * times_s**2))
    soundfile.write(tmp_path / "in" / name, np.stack([rising, rising], axis=1), 44_100)
    (take,) = ingest("pairs", tmp_path / "in").recordings
    assert take.audio is not None
    times_s = np.arange(48_000) / 16_000
    wanted = 0.5 * np.sin(2 * np.pi * (200 * times_s + 200 * times_s**2))
    found = take.audio / 32767
    assert np.sqrt(np.mean((found - wanted)[1600:-1600] ** 2)) < 0.02


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_text("no sound")
    with pytest.raises(RecordingError, match=r"a\.flac: expected a recording"):
        read_sound(tmp_path / "a.flac")


def test_frames_without_sound_are_cut(tmp_path: Path) -> None:
    write_wav(tmp_path / "pair.wav", 2.0)
    rows = "\n".join(f"{row / 25},{row / 100}" for row in range(100))
    (tmp_path / "pair.csv").write_text(f"time_s,jawOpen\n{rows}\n")
    reading = Pairs().read(tmp_path / "pair.csv", "pair", "anna")
    assert len(reading.recordings[0].face) == 50
    assert reading.notes == ["pair: 2.00 s without sound were cut"]


@many
@given(
    st.sets(st.sampled_from(ARKIT_BLENDSHAPES), min_size=1, max_size=52), st.integers(0, 2**32 - 1)
)
def test_beat_weights_are_read_by_name(tmp_path: Path, names: set[str], seed: int) -> None:
    order = sorted(names)
    values = np.random.default_rng(seed).random((70, len(order)))
    frames = [
        {"weights": line.tolist(), "time": row / 60, "rotation": []}
        for row, line in enumerate(values)
    ]
    path = tmp_path / "talk.json"
    path.write_text(json.dumps({"names": order, "frames": frames}))
    take, notes = read_beat(path)
    assert notes == []
    np.testing.assert_allclose(
        take.face[:, [column(name) for name in order]], values.astype(np.float32)
    )
    assert take.known[[column(name) for name in order]].all()
    assert frame_rate(take.times_s) == 60


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
NEARLY_BEAT = st.fixed_dictionaries(
    {
        "names": st.lists(st.sampled_from([*ARKIT_BLENDSHAPES[:3], "nose"]), max_size=3),
        "frames": st.lists(
            st.fixed_dictionaries(
                {
                    "weights": st.lists(st.floats(allow_nan=False), max_size=3),
                    "time": st.floats(allow_nan=False),
                }
            ),
            max_size=4,
        ),
    }
)


@many
@given(JSON | NEARLY_BEAT)
def test_json_that_is_not_beat_is_refused_in_a_sentence(tmp_path: Path, content: object) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(content))
    refusal = ""
    try:
        take, _ = read_beat(path)
        recordings_of("talk", "anna", take)
    except RecordingError as error:
        refusal = str(error)
    assert not refusal or "expected" in refusal


def test_beat_files_with_sound_become_recordings_that_must_not_be_shipped(
    tmp_path: Path, ingest: Run
) -> None:
    (tmp_path / "in").mkdir()
    frames = [{"weights": [row / 180], "time": row / 60} for row in range(180)]
    (tmp_path / "in" / "talk.json").write_text(json.dumps({"names": ["jawOpen"], "frames": frames}))
    write_wav(tmp_path / "in" / "talk.wav", 3.0, rate=48_000)
    held = ingest("beat", tmp_path / "in", "--fps", "30")
    assert not held.card.may_ship
    (take,) = held.recordings
    assert take.fps == 30
    assert len(take.face) == 90
    assert take.audio is not None
    assert len(take.audio) == 48_000


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "float32"])
def test_any_wav_is_read_at_its_level(tmp_path: Path, kind: str) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(16_000) / 16_000)
    scaled = {
        "uint8": tone * 127 + 128,
        "int16": tone * 32767,
        "int32": tone * (2**31 - 1),
        "float32": tone,
    }[kind]
    wavfile.write(tmp_path / "a.wav", 16_000, np.stack([scaled, scaled], axis=1).astype(kind))
    found = read_sound(tmp_path / "a.wav").samples / 32767
    np.testing.assert_allclose(found, tone, atol=0.02)


def test_a_recording_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    tone = np.sin(np.arange(32_000) / 8)
    soundfile.write(tmp_path / "a.flac", tone, 16_000)
    content = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    found = read_sound(tmp_path / "a.flac").samples / 32767
    assert 8_000 < len(found) < 24_000
    np.testing.assert_allclose(found, tone[: len(found)], atol=0.01)
    (tmp_path / "a.flac").write_bytes(b"no sound at all")
    with pytest.raises(RecordingError, match="expected a recording, but libsndfile says"):
        read_sound(tmp_path / "a.flac")


@given(st.floats(-3, 3), st.floats(0.1, 4))
def test_sound_between_is_silent_outside_and_never_shifts(start_s: float, seconds: float) -> None:
    sound = Sound(np.arange(1, 16_001, dtype=np.int16), 0.0)
    found = sound.between(start_s, seconds)
    assert len(found) == round(seconds * 16_000)
    sounding = np.flatnonzero(found)
    first = round(start_s * 16_000)
    np.testing.assert_array_equal(found[sounding], sounding + first + 1)
    assert len(sounding) == max(0, min(first + len(found), 16_000) - max(first, 0))


def test_uneven_frame_times_are_put_on_an_even_grid() -> None:
    rng = np.random.default_rng(0)
    times_s = np.cumsum(rng.uniform(0.02, 0.045, 200))
    face = np.zeros((200, 59), np.float32)
    face[:, 17] = 0.5 + 0.4 * np.sin(2 * np.pi * times_s)
    known = np.zeros(59, np.bool_)
    known[17] = True
    (take,) = recordings_of("a", "anna", FaceTake(times_s, face, known, None), fps=30).recordings
    grid_s = times_s[0] + np.arange(len(take.face)) / 30
    assert take.fps == 30
    np.testing.assert_allclose(
        take.face[5:-5, 17], 0.5 + 0.4 * np.sin(2 * np.pi * grid_s[5:-5]), atol=0.01
    )


def test_a_second_run_keeps_what_is_there_and_a_damaged_file_is_named(
    tmp_path: Path, ingest: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "LICENSE").write_text("be kind")
    (folder / "good.csv").write_text(livelink_text(60))
    (folder / "worse.csv").write_text("Timecode,BlendShapeCount\n")
    with pytest.raises(SystemExit) as stopped:
        ingest("livelink", folder)
    assert stopped.value.code == 1
    said = capsys.readouterr().err
    assert "worse.csv: expected" in said
    assert (tmp_path / "set" / "LICENSE").read_text() == "be kind"
    kept = (tmp_path / "set" / "good.npz").stat().st_mtime_ns
    (folder / "worse.csv").write_text(livelink_text(45))
    held = ingest("livelink", folder)
    assert [take.name for take in held.recordings] == ["good", "worse"]
    assert (tmp_path / "set" / "good.npz").stat().st_mtime_ns == kept


def test_speakers_come_from_folders_or_from_a_table(tmp_path: Path, ingest: Run) -> None:
    for person in ("anna", "ben"):
        (tmp_path / "in" / person).mkdir(parents=True)
        (tmp_path / "in" / person / "take.csv").write_text(livelink_text(40))
    held = ingest("livelink", tmp_path / "in", "--speaker-by-folder")
    assert {take.name: take.speaker for take in held.recordings} == {
        "anna_take": "anna",
        "ben_take": "ben",
    }
    table = tmp_path / "speakers.csv"
    table.write_text("name,speaker\nanna_take,Anna\n")
    with pytest.raises(SystemExit, match="ben_take,SPEAKER"):
        ingest("livelink", tmp_path / "in", "--speakers", str(table))


def test_data_that_may_not_be_used_freely_refuses_may_ship(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="leave --may-ship away"):
        main(
            [
                "beat", str(tmp_path), "--out", str(tmp_path / "o"), "--name", "beat",
                "--licence", "CC-BY-NC-4.0", "--may-ship", "--speaker", "a",
            ]
        )  # fmt: skip


@pytest.mark.data
@real
def test_facegood_clips_come_back_frame_by_frame(ingest: Run) -> None:
    held = ingest("pairs", DATA / "facegood", "--may-ship")
    assert len(held.recordings) == 5
    assert sum(take.seconds for take in held.recordings) > 490
    take = next(each for each in held.recordings if each.name == "facegood_3_15")
    with (DATA / "facegood" / "facegood_3_15.csv").open() as file:
        rows = list(csv.DictReader(file))
    jaw = np.array([float(row["jawOpen"]) for row in rows])
    assert take.fps == 30
    assert abs(len(take.face) - len(jaw)) <= 2
    np.testing.assert_allclose(
        take.face[:, column("jawOpen")], jaw[: len(take.face)].clip(0, 1), atol=1e-6
    )
    assert take.known.sum() == 27
