"""`idol animate` with the generators that ship."""

import math
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile

from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS
from idol_runtime.audio.recording import read_recording
from idol_runtime.cli.main import main
from idol_runtime.outputs.bvh import read_bvh
from idol_runtime.outputs.face_csv import read_face_csv

pytestmark = pytest.mark.slow

Sound: TypeAlias = NDArray[np.float64] | NDArray[np.int16]
"""[samples]: floats of full scale 1, or PCM16."""

CAPTURES = Path(__file__).parents[3] / "shared" / "data" / "face"
RATE_HZ = 24_000
MOOD = ("mouthSmile", "mouthFrown", "mouthDimple")
"""Made with the upper face: a smile is no speech."""
LIPS = [
    i
    for i, name in enumerate(ARKIT_BLENDSHAPES)
    if name.startswith(("jaw", "mouth", "tongue")) and not name.startswith(MOOD)
]
UPPER = [i for i, name in enumerate(FACE_CHANNELS) if name.startswith(("brow", "eye", "head"))]
JAW, CLOSE = (ARKIT_BLENDSHAPES.index(name) for name in ("jawOpen", "mouthClose"))


def voice(seconds: float = 4.0, rate_hz: int = RATE_HZ, seed: int = 0) -> NDArray[np.float64]:
    """Vowel-like syllables, three a second, with a pause after every fifth."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    pitch = np.cumsum(150 + 20 * np.sin(2 * np.pi * 0.7 * time_s)) / rate_hz
    phases = rng.uniform(0, 2 * np.pi, 20)
    buzz = sum(np.sin(2 * np.pi * k * pitch + phases[k - 1]) / k for k in range(1, 20))
    syllable = np.sin(np.pi * 3 * time_s) ** 2 * ((3 * time_s) % 6 < 5)
    sound: NDArray[np.float64] = 0.1 * buzz * syllable
    return sound


def music(seconds: float = 4.0) -> NDArray[np.float64]:
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    chords = np.array([[262, 330, 392], [220, 262, 330], [175, 220, 262], [196, 247, 294]])
    notes = chords[(2 * time_s).astype(int) % 4].T
    decay = np.exp(-3 * (time_s % 0.5))
    return (
        0.2
        * decay
        * sum(
            np.sin(2 * np.pi * k * np.cumsum(note) / RATE_HZ) / k
            for note in notes
            for k in (1, 2, 3)
        )
    )


def written(path: Path, sound: Sound, rate_hz: int = RATE_HZ) -> Path:
    pcm = (np.clip(sound, -1, 1) * 32767).astype(np.int16) if sound.dtype.kind == "f" else sound
    wavfile.write(path, rate_hz, pcm)
    return path


def animate(recording: Path, out: Path, *options: str) -> NDArray[np.float32]:
    assert main(["animate", str(recording), "--out", str(out), *options]) == 0
    return faces(out)


def faces(out: Path) -> NDArray[np.float32]:
    """[rows, 59]"""
    frames = read_face_csv(out / "face.csv")
    return np.array([np.concatenate([each.weights, each.head_eyes_deg]) for each in frames])


def animated(
    tmp_path: Path, sound: Sound, *options: str, rate_hz: int = RATE_HZ
) -> NDArray[np.float32]:
    return animate(written(tmp_path / "a.wav", sound, rate_hz), tmp_path / "out", *options)


def apart(made: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the lips are from each other: what the jaw opens less what the lips take up."""
    gap: NDArray[np.float32] = np.maximum(made[:, JAW] - made[:, CLOSE], 0)
    return gap


def loudness(samples: NDArray[np.int16], rows: int) -> NDArray[np.float64]:
    padded = np.zeros(rows * 800)
    count = min(len(samples), len(padded))
    padded[:count] = samples[:count] / 32768
    # Heard loudness grows about with the square root of the amplitude (Stevens 1957).
    loud: NDArray[np.float64] = (padded.reshape(rows, 800) ** 2).mean(axis=1) ** 0.25
    return loud


def dbfs(value: float) -> float:
    return 10 ** (value / 20)


@pytest.mark.parametrize("fps", [1, 24, 25, 30, 48, 50, 60, 120])
@pytest.mark.parametrize("samples", [1, 1600, 24_001])
def test_there_is_a_row_for_every_frame_of_the_sound(
    tmp_path: Path, fps: int, samples: int
) -> None:
    made = animated(tmp_path, voice(2)[:samples], "--fps", str(fps))
    rows = math.ceil(samples * fps / RATE_HZ)
    assert len(made) == rows
    motion = read_bvh(tmp_path / "out" / "pose.bvh")
    assert len(motion.rotations) == rows
    assert motion.fps == pytest.approx(fps, rel=1e-4)
    rate_hz, sound = wavfile.read(tmp_path / "out" / "speech.wav")
    assert (rate_hz, len(sound)) == (RATE_HZ, samples)


@pytest.mark.parametrize("fps", [24, 50, 60, 120])
def test_rows_at_another_rate_lie_between_those_at_30(tmp_path: Path, fps: int) -> None:
    made = animated(tmp_path, voice(2), "--fps", "30")
    other = animated(tmp_path, voice(2), "--fps", str(fps))
    inside = np.arange(len(other)) / fps <= (len(made) - 1) / 30
    times = np.arange(len(other))[inside] / fps
    expected = np.array(
        [np.interp(times, np.arange(len(made)) / 30, column) for column in made.T]
    ).T
    np.testing.assert_allclose(other[inside, :52], expected[:, :52], atol=3e-4)
    np.testing.assert_allclose(other[inside, 52:], expected[:, 52:], atol=0.01)  # degrees


def test_two_seeds_share_their_lips_and_differ_in_the_upper_face(tmp_path: Path) -> None:
    recording = written(tmp_path / "a.wav", voice(8))
    one = animate(recording, tmp_path / "one", "--seed", "1")
    two = animate(recording, tmp_path / "two", "--seed", "2")
    np.testing.assert_array_equal(one[:, LIPS], two[:, LIPS])
    assert one[:, LIPS].max() > 0.1
    difference = np.abs(one - two)
    assert difference[:, [i for i in UPPER if i < 52]].max() > 0.2
    assert difference[:, [i for i in UPPER if i >= 52]].mean() > 0.5  # degrees
    bodies = [read_bvh(tmp_path / out / "pose.bvh").rotations for out in ("one", "two")]
    assert np.abs(bodies[0] - bodies[1]).max() > 0.01


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    recording = written(tmp_path / "a.wav", voice(2))
    for out in ("one", "two"):
        animate(recording, tmp_path / out, "--seed", "7")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["events.jsonl", "face.csv", "pose.bvh", "pose.vrma", "speech.wav"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_mouth_follows_the_voice_and_shuts_in_its_pauses(tmp_path: Path) -> None:
    sound = np.concatenate([voice(8), np.zeros(2 * RATE_HZ)])
    made = animated(tmp_path, sound)
    loud = loudness(read_recording(tmp_path / "a.wav"), len(made))
    assert np.corrcoef(made[:, JAW], loud)[0, 1] > 0.4
    assert apart(made).max() > 0.1
    assert apart(made)[-45:].max() < 0.05


def test_a_soft_and_a_loud_recording_move_the_jaw_alike_and_stay_as_loud_as_they_were(
    tmp_path: Path,
) -> None:
    jaws: list[NDArray[np.float32]] = []
    sounds: list[NDArray[np.int16]] = []
    sound = voice(8)
    sound /= np.abs(sound).max()
    for level in (0, -30):
        made = animated(tmp_path, sound * 0.9 * dbfs(level))
        jaws.append(made[:, JAW])
        sounds.append(wavfile.read(tmp_path / "out" / "speech.wav")[1])
    assert np.corrcoef(jaws[0], jaws[1])[0, 1] > 0.98
    assert np.abs(jaws[0] - jaws[1]).max() < 0.1
    np.testing.assert_array_equal(sounds[1], read_recording(tmp_path / "a.wav"))
    assert np.abs(sounds[0]).max() == pytest.approx(31.6 * np.abs(sounds[1]).max(), rel=0.01)


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(8 * RATE_HZ),
        np.full(8 * RATE_HZ, 0.3),
        dbfs(-60) * np.random.default_rng(0).standard_normal(8 * RATE_HZ),
        dbfs(-75) * np.random.default_rng(0).standard_normal(8 * RATE_HZ),
        dbfs(-25) * np.random.default_rng(0).standard_normal(8 * RATE_HZ),
        0.05 * np.sin(2 * np.pi * 50 * np.arange(8 * RATE_HZ) / RATE_HZ),
    ],
    ids=["digital silence", "an offset", "room noise", "faint noise", "a fan", "mains hum"],
)
def test_what_is_no_voice_leaves_the_mouth_shut_and_the_face_alive(
    tmp_path: Path, sound: Sound
) -> None:
    made = animated(tmp_path, sound)
    assert apart(made).max() < 0.04
    assert made[:, FACE_CHANNELS.index("headYaw")].std() > 0.1


@pytest.mark.parametrize(
    "sound",
    [
        music(),
        np.sign(voice()),
        np.random.default_rng(0).uniform(-1, 1, 2 * RATE_HZ),
        voice() + 0.4,
        np.where(np.arange(4 * RATE_HZ) == 50_000, 1.0, 0.0),
    ],
    ids=["music", "clipped at full scale", "full-scale noise", "speech with an offset", "a click"],
)
def test_any_sound_gives_a_face_within_its_ranges(tmp_path: Path, sound: Sound) -> None:
    made = animated(tmp_path, sound)
    assert np.isfinite(made).all()
    assert made[:, :52].min() >= 0
    assert made[:, :52].max() <= 1
    assert np.abs(made[:, 52:]).max() < 60


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000, 44_100, 48_000, 192_000])
def test_the_sample_rate_and_the_channels_hardly_change_the_jaw(
    tmp_path: Path, rate_hz: int
) -> None:
    reference = animated(tmp_path, voice(3))
    sound = voice(3, rate_hz)
    made = animated(tmp_path, np.stack([sound, sound], axis=1), rate_hz=rate_hz)
    assert len(made) == len(reference)
    # At 8 kHz the upper half of what the generator hears is missing.
    allowed = 0.15 if rate_hz < 16_000 else 0.05
    assert np.abs(made[:, JAW] - reference[:, JAW]).mean() < allowed


def test_progress_goes_up_and_ends_when_all_is_written(tmp_path: Path) -> None:
    import asyncio

    from idol_runtime.character import DEFAULT_CHARACTER, load_character
    from idol_runtime.engine.offline import animate as render

    told = []

    def progress(done: int, total: int) -> None:
        told.append((done, total, (tmp_path / "face.csv").exists()))

    hoshi = load_character(DEFAULT_CHARACTER)
    sound = (voice(7) * 32767).astype(np.int16)
    duration_s = asyncio.run(render(sound, tmp_path, character=hoshi, progress=progress))
    assert duration_s == pytest.approx(7)
    done = [each[0] for each in told]
    assert done == sorted(done)
    assert [written for _, _, written in told] == [False] * (len(told) - 1) + [True]
    assert told[-1][0] == told[-1][1]
    assert len({total for _, total, _ in told}) == 1


@pytest.mark.parametrize("seed", ["-1", "99999999999999999999", "x"])
@pytest.mark.parametrize("command", [("animate", "a.wav"), ("say", "Hello.")])
def test_a_seed_that_cannot_be_is_refused(
    tmp_path: Path, command: tuple[str, ...], seed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--out", str(tmp_path), "--seed", seed])
    assert ended.value.code == 2
    assert "--seed" in capsys.readouterr().err


def test_the_recording_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = written(tmp_path / "speech.wav", voice(1))
    before = recording.read_bytes()
    assert main(["animate", str(recording), "--out", str(tmp_path)]) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert recording.read_bytes() == before


def test_a_place_that_is_no_folder_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = written(tmp_path / "a.wav", voice(1))
    assert main(["animate", str(recording), "--out", str(recording)]) == 2
    error = capsys.readouterr().err
    assert "expected a folder to write to" in error
    assert len(error.strip().splitlines()) == 1


def captured(language: str) -> NDArray[np.int16]:
    """Mono PCM16 at 16 kHz of real speech."""
    if language == "Mandarin":
        sound: NDArray[np.int16] = wavfile.read(CAPTURES / "facegood" / "facegood_3_15.wav")[1]
        return sound[: 25 * 16_000]
    clips = [np.load(path)["audio"] for path in sorted((CAPTURES / "grid").glob("*.npz"))]
    silence = np.zeros(16_000, np.int16)
    return np.concatenate([part for clip in clips for part in (clip, silence)])


@pytest.mark.data
@pytest.mark.skipif(not CAPTURES.exists(), reason="the real captures are not at hand")
@pytest.mark.parametrize("language", ["Mandarin", "English"])
def test_the_jaw_follows_real_speech_in_any_language(tmp_path: Path, language: str) -> None:
    made = animated(tmp_path, captured(language), rate_hz=16_000)
    loud = loudness(read_recording(tmp_path / "a.wav"), len(made))
    assert np.corrcoef(made[:, JAW], loud)[0, 1] > 0.5
    assert np.quantile(made[:, JAW], 0.95) > 0.1
    # Ten frames of silence before, and the look-ahead behind: a pause, not a stop consonant.
    quiet = loud < dbfs(-27.5)  # the square root of -55 dB
    pause = np.array([quiet[max(0, i - 10) : i + 5].all() for i in range(len(quiet))])
    assert pause.sum() > 10
    assert np.quantile(apart(made)[pause], 0.9) < 0.04


@pytest.mark.data
@pytest.mark.skipif(not CAPTURES.exists(), reason="the real captures are not at hand")
def test_real_speech_at_minus_40_and_minus_10_dbfs_moves_the_jaw_alike(tmp_path: Path) -> None:
    sound = captured("Mandarin")[: 15 * 16_000] / 32768
    loud = sound[np.abs(sound) > 0.01].std()
    jaws = [
        animated(tmp_path, sound * dbfs(level) / loud, rate_hz=16_000)[:, JAW]
        for level in (-10, -40)
    ]
    assert np.corrcoef(jaws[0], jaws[1])[0, 1] > 0.97
    assert np.abs(jaws[0] - jaws[1]).mean() < 0.02
