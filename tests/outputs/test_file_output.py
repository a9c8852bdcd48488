"""What `file://FOLDER` writes, beside what the recorder writes of the same performance."""

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from idol_runtime.character import DEFAULT_CHARACTER, load_character
from idol_runtime.engine.engine import open_stage
from idol_runtime.errors import ConfigError, OutputError
from idol_runtime.outputs.attachment import attach
from idol_runtime.outputs.face_csv import read_face_csv
from idol_runtime.outputs.file_output import FileOutput
from idol_runtime.outputs.recorder import Recorder
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.stage import Stage
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import (
    Card,
    Gesture,
    Phoneme,
    PlacedCue,
    UtteranceStarted,
    VirtualClock,
    frame_pts,
)

CARD = Card("Hoshi", "en-us")


@pytest.fixture
def stage() -> Stage:
    return open_stage("cpu", VirtualClock())


@pytest.fixture
def performer(stage: Stage) -> Performer:
    return stage.join(load_character(DEFAULT_CHARACTER), 1)


async def speak(performer: Performer, seconds: float) -> None:
    sound = np.random.default_rng(0).integers(-3000, 3000, round(seconds * 24_000))
    said = Utterance("u", "t", "Hi there.", (PlacedCue(Gesture("wave"), 0),))
    phonemes = (Phoneme("h", 0.0, 0.5), Phoneme("i", 0.5, seconds))
    await performer.speak(said, SpeechChunk(sound.astype(np.int16), phonemes, True))


def tick(stage: Stage, frames: int) -> None:
    for _ in range(frames):
        stage.tick()


def sound_of(folder: Path) -> NDArray[np.int16]:
    with wave.open(str(folder / "speech.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


@pytest.mark.parametrize("first_frame", [0, 17])
async def test_the_files_are_those_of_the_recorder(
    stage: Stage, performer: Performer, tmp_path: Path, first_frame: int
) -> None:
    tick(stage, first_frame)
    recorder, output = Recorder(), FileOutput(tmp_path / "live")
    performer.attach(recorder)
    attachment = await attach(output, performer)
    tick(stage, 5)
    await speak(performer, 1.27)
    tick(stage, 55)
    await attachment.aclose()
    recorder.write(
        tmp_path / "whole", start_us=frame_pts(first_frame), duration_us=2_000_000, fps=30
    )
    written, expected = output.folder, tmp_path / "whole"
    ours, theirs = (read_face_csv(folder / "face.csv") for folder in (written, expected))
    assert [each.pts_us for each in ours] == [each.pts_us for each in theirs]
    for one, other in zip(ours, theirs, strict=True):  # the recorder samples between frames
        np.testing.assert_allclose(one.weights, other.weights, atol=2e-4)
        np.testing.assert_allclose(one.head_eyes_deg, other.head_eyes_deg, atol=2e-3)
    assert sorted((written / "events.jsonl").read_bytes().splitlines()) == sorted(
        (expected / "events.jsonl").read_bytes().splitlines()
    )
    np.testing.assert_array_equal(sound_of(written), sound_of(expected))
    assert sound_of(written).any()


async def test_what_an_interruption_took_back_is_silence(
    stage: Stage, performer: Performer, tmp_path: Path
) -> None:
    recorder, output = Recorder(), FileOutput(tmp_path)
    performer.attach(recorder)
    attachment = await attach(output, performer)
    await speak(performer, 3.0)
    tick(stage, 30)
    performer.cut()
    tick(stage, 30)
    await attachment.aclose()
    delivered = np.concatenate([each.samples for each in recorder.audio])
    start = round(recorder.audio[0].pts_us * 24_000 / 1e6)
    written = sound_of(output.folder)
    assert len(delivered) > 24_000  # some of it was handed over ahead of its time
    np.testing.assert_array_equal(written[start:24_000], delivered[: 24_000 - start])
    assert len(written) == 48_000
    assert not written[24_000:].any()


async def test_each_opening_has_a_folder_of_its_own_and_overwrites_nothing(tmp_path: Path) -> None:
    folders = []
    for name in ("Hoshi", "Hoshi", "A b/c"):
        output = FileOutput(tmp_path)
        await output.open(Card(name, "en-us"))
        await output.aclose()
        folders.append(output.folder.name)
    assert folders == ["Hoshi_001", "Hoshi_002", "A_b_c_001"]


async def test_without_a_single_frame_the_files_are_valid_and_empty(tmp_path: Path) -> None:
    output = FileOutput(tmp_path)
    await output.open(CARD)
    output.on_frame(UtteranceStarted(0, "u", "t", "Hi."))
    await output.aclose()
    assert read_face_csv(output.folder / "face.csv") == []
    assert not len(sound_of(output.folder))


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="taken: expected a folder to write to, but"):
        await FileOutput(tmp_path / "taken").open(CARD)


async def test_a_disk_that_cannot_follow_ends_the_recording_in_a_sentence(
    stage: Stage, performer: Performer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    attachment = await attach(FileOutput(tmp_path, max_waiting=0), performer)
    tick(stage, 3)
    await attachment.aclose()
    assert not attachment.is_live
    [record] = caplog.records
    assert "expected a disk that follows, found 0 items waiting" in record.getMessage()


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
import numpy as np
from idol_protocol.frames import FaceFrame
from idol_runtime.outputs.file_output import FileOutput
from idol_runtime.timeline import Card

async def main() -> None:
    output = FileOutput(Path(sys.argv[1]))
    await output.open(Card("Hoshi", "en-us"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
    for at in range(100):
        output.on_frame(FaceFrame(at * 33_333, np.zeros(52, np.float32), np.zeros(7, np.float32)))
    try:
        await output.aclose()
    except Exception as error:
        print(error)

asyncio.run(main())
"""


def test_a_full_disk_ends_the_recording_in_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "expected a folder to write to, but File too large; choose another one" in done.stdout


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file:///home/me/my%20takes", Path("/home/me/my takes")),
        ("file://takes/hoshi", Path("takes/hoshi")),
        ("file:///C:/takes", Path("C:/takes")),
    ],
)
def test_a_url_names_a_folder(url: str, folder: Path) -> None:
    assert FileOutput.from_url(url).folder == folder


@pytest.mark.parametrize("url", ["file://", "file:///", "file:///takes?fps=30", "file:///a#b"])
def test_a_url_that_names_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="expected a folder and nothing after it"):
        FileOutput.from_url(url)
