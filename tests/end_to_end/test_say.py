"""`idol say` with the real models: five files that belong together."""

import csv
import json
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES, HEAD_EYE_CHANNELS
from tests.hearing import transcribe, word_recall

pytestmark = pytest.mark.models

QUESTION = "Who are you, and what do you like?"
ABOUT_P_B_M = "What is the best part of a big concert?"
"""Its answer repeats some of it, whatever the processor makes of the model's last digits."""

Face = tuple[list[str], NDArray[np.float64]]
"""The header and the rows of `face.csv`."""


def say(question: str, out: Path, *flags: str) -> Path:
    command = [sys.executable, "-m", "idol_runtime", "say", question, "--out", str(out), *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return say(QUESTION, tmp_path_factory.mktemp("said"))


@pytest.fixture(scope="module")
def sound(said: Path) -> NDArray[np.int16]:
    with wave.open(str(said / "speech.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


@pytest.fixture(scope="module")
def face(said: Path) -> Face:
    return read_face(said)


def read_face(folder: Path) -> Face:
    with (folder / "face.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == ("time_s", *ARKIT_BLENDSHAPES, *HEAD_EYE_CHANNELS)
    return rows[0], np.array(rows[1:], float)


def column(face: Face, name: str) -> NDArray[np.float64]:
    header, rows = face
    return rows[:, header.index(name)]


def loudness(sound: NDArray[np.int16], count: int) -> NDArray[np.float64]:
    frames = np.zeros(count * 800)
    frames[: len(sound)] = sound[: count * 800]
    # Heard loudness grows about with the square root of the amplitude (Stevens 1957).
    loud: NDArray[np.float64] = (frames.reshape(count, 800) ** 2).mean(axis=1) ** 0.25
    return loud


def test_all_files_are_written(said: Path) -> None:
    names = sorted(path.name for path in said.iterdir())
    assert names == ["events.jsonl", "face.csv", "pose.bvh", "pose.vrma", "reply.txt", "speech.wav"]
    assert (said / "reply.txt").read_text().strip()


def test_the_voice_says_the_reply(said: Path, sound: NDArray[np.int16]) -> None:
    reply = (said / "reply.txt").read_text()
    assert word_recall(reply, transcribe(sound)) >= 0.9


def test_the_face_has_a_row_for_every_frame_of_the_sound(
    sound: NDArray[np.int16], face: Face
) -> None:
    _, rows = face
    assert len(rows) == -(-len(sound) // 800)
    np.testing.assert_allclose(rows[:, 0], np.arange(len(rows)) / 30, atol=1e-3)
    assert rows[:, 1:53].min() >= 0
    assert rows[:, 1:53].max() <= 1


def test_the_jaw_follows_the_voice(sound: NDArray[np.int16], face: Face) -> None:
    jaw = column(face, "jawOpen")
    assert np.corrcoef(jaw, loudness(sound, len(jaw)))[0, 1] > 0.5


def phonemes(said: Path) -> Iterator[tuple[str, float, float]]:
    for line in (said / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["name"] == "phonemes":
            for symbol, start_s, end_s in event["phonemes"]:
                yield symbol, event["time_s"] + start_s, event["time_s"] + end_s


def test_the_lips_close_on_p_b_m(tmp_path: Path) -> None:
    said = say(ABOUT_P_B_M, tmp_path)
    face = read_face(said)
    time = column(face, "time_s")
    # The lips are shut where the jaw hangs no lower than what the lips themselves take up.
    gap = column(face, "jawOpen") - column(face, "mouthClose")
    closures = [
        gap[(time >= start - 0.034) & (time <= end + 0.034)].min()
        for symbol, start, end in phonemes(said)
        if symbol in "pbm" and ((time >= start - 0.034) & (time <= end + 0.034)).any()
    ]
    speaking = gap[gap > 0.02]
    assert len(closures) >= 3
    assert np.median(closures) < 0.4 * np.median(speaking)
    assert np.mean(np.array(closures) < 0.08) >= 0.8


def test_the_upper_face_and_the_head_are_alive(face: Face) -> None:
    for name in ("eyeBlinkLeft", "browInnerUp", "headYaw", "leftEyeYaw"):
        assert column(face, name).std() > 1e-3, name


def test_the_events_tell_the_utterances_and_their_phonemes(
    said: Path, sound: NDArray[np.int16]
) -> None:
    events = [json.loads(line) for line in (said / "events.jsonl").read_text().splitlines()]
    started = [each for each in events if each["name"] == "utterance.started"]
    ended = [each for each in events if each["name"] == "utterance.ended"]
    assert len(started) == len(ended) >= 1
    assert started[0]["time_s"] == 0
    assert ended[-1]["time_s"] == pytest.approx(len(sound) / 24_000, abs=1e-3)
    spoken = "".join(each["text"] for each in started).replace(" ", "")
    assert spoken == (said / "reply.txt").read_text().replace(" ", "").strip()
    symbols = list(phonemes(said))
    assert all(start < end for _, start, end in symbols)


def test_the_body_moves_and_the_file_has_a_frame_for_every_row(said: Path, face: Face) -> None:
    text = (said / "pose.bvh").read_text()
    head, motion = text.split("MOTION\n")
    lines = motion.strip().splitlines()
    assert head.startswith("HIERARCHY\nROOT hips")
    assert lines[0] == f"Frames: {len(face[1])}"
    table = np.array([line.split() for line in lines[2:]], float)
    assert len(table) == len(face[1])
    assert table.std(axis=0).max() > 0.3  # degrees: the body breathes and sways


def test_the_same_seed_gives_the_same_files(said: Path, tmp_path: Path) -> None:
    say(QUESTION, tmp_path)
    for name in ("reply.txt", "speech.wav", "face.csv", "pose.bvh"):
        assert (tmp_path / name).read_bytes() == (said / name).read_bytes(), name


def test_another_seed_moves_the_upper_face_differently(said: Path, tmp_path: Path) -> None:
    def upper_face(seed: int) -> Face:
        out = tmp_path / str(seed)
        command = [
            sys.executable, "-m", "idol_runtime", "animate", str(said / "speech.wav"),
            "--out", str(out), "--seed", str(seed),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        return read_face(out)

    one, other = upper_face(1), upper_face(2)
    brows = [name for name in ARKIT_BLENDSHAPES if name.startswith(("brow", "eye"))]
    difference = max(np.abs(column(one, name) - column(other, name)).max() for name in brows)
    assert difference > 0.1
    np.testing.assert_allclose(column(one, "jawOpen"), column(other, "jawOpen"), atol=0.02)


def test_who_says_who_they_are_is_known_in_the_next_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDOL_MEMORY_STORE", str(tmp_path / "memory.sqlite3"))
    say("My name is Wolfgang.", tmp_path / "first", "--user", "wolfgang", "--small")
    said = say("What is my name?", tmp_path / "second", "--user", "wolfgang", "--small")
    assert "Wolfgang" in (said / "reply.txt").read_text()
