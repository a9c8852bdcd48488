"""`idol animate --activity`, with the generators that ship."""

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile

from idol_protocol.channels import ARKIT_BLENDSHAPES
from idol_runtime.audio.recording import read_recording
from idol_runtime.cli.main import main
from idol_runtime.outputs.bvh import read_bvh
from idol_runtime.outputs.face_csv import read_face_csv
from tests.bench.songs import Recipe, Song, song

pytestmark = pytest.mark.slow

RATE_HZ = 24_000
BPM = 120
JAW = ARKIT_BLENDSHAPES.index("jawOpen")
CLOSE = ARKIT_BLENDSHAPES.index("mouthClose")


def music(seconds: float = 12.0) -> Song:
    return song(Recipe("a song", "rock", BPM, seconds=seconds, lead=0.2))


def singing(length: int) -> NDArray[np.int16]:
    """Vowel-like syllables, two a second, [length] PCM16."""
    time_s = np.arange(length) / RATE_HZ
    pitch = np.cumsum(200 + 8 * np.sin(2 * np.pi * 5 * time_s)) / RATE_HZ
    buzz = sum(np.sin(2 * np.pi * k * pitch + k * k) / k for k in range(1, 20))
    return (4000 * buzz * np.sin(np.pi * 2 * time_s) ** 2).clip(-32767, 32767).astype(np.int16)


def written(path: Path, samples: NDArray[np.int16]) -> Path:
    wavfile.write(path, RATE_HZ, samples)
    return path


def animated(tmp_path: Path, samples: NDArray[np.int16], *options: str, out: str = "out") -> Path:
    recording = written(tmp_path / "a.wav", samples)
    assert main(["animate", str(recording), "--out", str(tmp_path / out), *options]) == 0
    return tmp_path / out


def heard(tmp_path: Path) -> NDArray[np.int16]:
    return read_recording(tmp_path / "a.wav")


def mouth(folder: Path) -> NDArray[np.float32]:
    """[rows]: how far the lips are from each other."""
    weights = np.array([each.weights for each in read_face_csv(folder / "face.csv")])
    gap: NDArray[np.float32] = np.maximum(weights[:, JAW] - weights[:, CLOSE], 0)
    return gap


def apart_deg(one: Path, two: Path) -> float:
    """By how many degrees the bones of two bodies differ, on average."""
    first, second = (read_bvh(folder / "pose.bvh").rotations for folder in (one, two))
    dots = np.abs((first * second).sum(axis=-1)).clip(0, 1)
    return float(np.degrees(2 * np.arccos(dots)).mean())


def beats(folder: Path) -> list[tuple[float, int, int]]:
    with (folder / "beats.csv").open(encoding="utf-8", newline="") as file:
        return [
            (float(row["time_s"]), int(row["beat"]), int(row["count"]))
            for row in csv.DictReader(file)
        ]


def test_a_dance_leaves_the_beats_it_was_danced_to(tmp_path: Path) -> None:
    made = music()
    folder = animated(tmp_path, made.samples, "--activity", "dance")
    told = beats(folder)
    times_s = np.array([time_s for time_s, _, _ in told])
    known = made.beats_s[2:-2]
    assert max(np.abs(times_s - beat_s).min() for beat_s in known) < 0.07
    assert [beat for _, beat, _ in told] == [(count - 1) % 4 + 1 for _, _, count in told]
    counts = [count for _, _, count in told]
    assert all(after == before % 8 + 1 for before, after in itertools.pairwise(counts))


def test_a_dance_is_made_of_the_same_files_and_its_beats(tmp_path: Path) -> None:
    made = music(6.0)
    danced = animated(tmp_path, made.samples, "--activity", "dance", out="danced")
    idled = animated(tmp_path, made.samples, "--activity", "idle", out="idled")
    files = {"events.jsonl", "face.csv", "pose.bvh", "pose.vrma", "speech.wav"}
    assert {path.name for path in danced.iterdir()} == files | {"beats.csv"}
    assert {path.name for path in idled.iterdir()} == files
    assert len(read_bvh(danced / "pose.bvh").rotations) == len(mouth(danced))


def test_the_body_moves_to_the_beat_and_the_face_does_not(tmp_path: Path) -> None:
    samples = music(8.0).samples
    slow, fast, idle = (
        animated(tmp_path, samples, *options, out=str(out))
        for out, options in enumerate(
            [
                ("--activity", "dance", "--bpm", "80"),
                ("--activity", "dance", "--bpm", "120"),
                ("--activity", "idle"),
            ]
        )
    )
    assert apart_deg(slow, fast) > 0.5
    assert apart_deg(slow, idle) > 0.5
    assert (slow / "face.csv").read_bytes() == (fast / "face.csv").read_bytes()
    np.testing.assert_allclose(mouth(slow), mouth(idle), atol=1e-4)


@pytest.mark.parametrize("activity", ["dance", "idle", "listen", "think"])
def test_the_lips_stay_closed_to_sound_that_is_not_ones_own(tmp_path: Path, activity: str) -> None:
    samples = singing(6 * RATE_HZ)
    folder = animated(tmp_path, samples, "--activity", activity)
    assert mouth(folder).max() < 0.04
    np.testing.assert_array_equal(wavfile.read(folder / "speech.wav")[1], heard(tmp_path))


def test_the_lips_of_a_dancer_follow_the_voice_and_the_file_holds_the_mix(tmp_path: Path) -> None:
    mix = music(6.0).samples
    voice = written(tmp_path / "voice.wav", singing(4 * RATE_HZ))
    options = ("--activity", "dance", "--voice", str(voice))
    folder = animated(tmp_path, mix, *options)
    opening = mouth(folder)
    assert opening[: 4 * 30].max() > 0.1
    assert opening[4 * 30 + 15 :].max() < 0.05  # the singer is done, the song is not
    np.testing.assert_array_equal(wavfile.read(folder / "speech.wav")[1], heard(tmp_path))


def test_a_voice_longer_than_its_song_is_cut_with_it(tmp_path: Path) -> None:
    mix = music(2.0).samples
    voice = written(tmp_path / "voice.wav", singing(8 * RATE_HZ))
    folder = animated(tmp_path, mix, "--activity", "dance", "--voice", str(voice))
    assert len(mouth(folder)) == -(-len(mix) * 30 // RATE_HZ)


def test_to_speak_is_the_default(tmp_path: Path) -> None:
    samples = singing(3 * RATE_HZ)
    one = animated(tmp_path, samples, out="one")
    two = animated(tmp_path, samples, "--activity", "speak", out="two")
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes()


def test_the_same_seed_dances_the_same_dance(tmp_path: Path) -> None:
    samples = music(6.0).samples
    one = animated(tmp_path, samples, "--activity", "dance", out="one")
    two = animated(tmp_path, samples, "--activity", "dance", out="two")
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes()


def test_tempo_and_first_beat_are_taken_as_told(tmp_path: Path) -> None:
    options = ("--activity", "dance", "--bpm", "100", "--first-beat", "1.25")
    folder = animated(tmp_path, music(6.0).samples, *options)
    told = beats(folder)
    assert (1.25, 1, 1) in told
    times_s = [time_s for time_s, _, _ in told]
    np.testing.assert_allclose(np.diff(times_s), 0.6, atol=0.0011)


def test_without_a_beat_the_body_sways_and_the_reader_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = (2000 * np.random.default_rng(0).standard_normal(6 * RATE_HZ)).astype(np.int16)
    folder = animated(tmp_path, noise, "--activity", "dance")
    assert "no clear beat was found" in capsys.readouterr().err
    np.testing.assert_allclose(np.diff([row[0] for row in beats(folder)]), 60 / 90, atol=0.0011)


@pytest.mark.parametrize("samples", [1, 799, 4800])
def test_the_shortest_sound_can_be_danced_to(tmp_path: Path, samples: int) -> None:
    folder = animated(tmp_path, np.full(samples, 9000, np.int16), "--activity", "dance")
    assert len(mouth(folder)) == -(-samples * 30 // RATE_HZ)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--bpm", "120"), "expected --activity dance, found speak"),
        (("--activity", "think", "--first-beat", "1"), "expected --activity dance, found think"),
        (("--activity", "listen", "--voice", "v.wav"), "expected --activity dance or speak"),
    ],
)
def test_what_does_not_go_together_is_told_at_once(
    tmp_path: Path, options: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = written(tmp_path / "a.wav", np.zeros(100, np.int16))
    assert main(["animate", str(recording), "--out", str(tmp_path / "out"), *options]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "options", [("--bpm", "0"), ("--bpm", "nan"), ("--first-beat", "inf"), ("--activity", "fly")]
)
def test_a_tempo_or_time_that_cannot_be_is_refused(
    tmp_path: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["animate", "a.wav", "--out", str(tmp_path), "--activity", "dance", *options])
    assert ended.value.code == 2
    assert options[0] in capsys.readouterr().err
