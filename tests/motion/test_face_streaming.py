"""The shipped face while sound streams in: what it makes does not depend on how sound arrives."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import idol_runtime
from idol_protocol.channels import ARKIT_BLENDSHAPES, EMOTIONS, FACE_ACTIVITIES, FACE_CHANNELS
from idol_runtime.character import DEFAULT_CHARACTER, load_character
from idol_runtime.engine.engine import open_stage
from idol_runtime.motion.face import FaceInputs, FaceModel
from idol_runtime.motion.noise import NoiseState
from idol_runtime.outputs.recorder import Recorder
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import FRAME_SAMPLES, VirtualClock

BUNDLE = Path(idol_runtime.__file__).parent / "bundles" / "face"
FPS = 30
MINUTE = 60 * FPS
COLUMN = {name: index for index, name in enumerate(FACE_CHANNELS)}
LIPS = [COLUMN[name] for name in ("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker")]


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.open(BUNDLE)


def talk(seconds: float) -> np.ndarray:
    """Ever the same ten seconds of vowel-like syllables, ended by two seconds of silence."""
    time_s = np.arange(24_000 * 10) / 24_000
    pitch = np.cumsum(140 + 25 * np.sin(2 * np.pi * 0.6 * time_s)) / 24_000
    buzz = sum(np.sin(2 * np.pi * k * pitch) / k for k in range(1, 20))
    syllables = np.sin(np.pi * 3.5 * time_s) ** 2 * (time_s < 8)
    once = (0.1 * syllables * buzz).astype(np.float32)
    return np.resize(once, round(24_000 * seconds))


class Stream:
    """Takes sound in pieces of any length and makes a face as soon as its look-ahead has come."""

    def __init__(self, model: FaceModel, seed: int) -> None:
        self.model = model
        self.sound = model.features.initial_state(1)
        self.state = model.initial_state(1)
        self.noise: NoiseState = model.noise.initial_state(np.array([seed]))
        self.left = np.zeros(0, np.float32)
        self.frames_taken = 0
        self.activity = np.zeros((1, len(FACE_ACTIVITIES)), np.float32)
        self.activity[0, FACE_ACTIVITIES.index("speak")] = 1
        self.no_phonemes = np.zeros((1, len(model.config.phoneme_inputs)), np.float32)

    def feed(self, piece: np.ndarray) -> Iterator[np.ndarray]:
        sound = np.concatenate([self.left, piece])
        whole = len(sound) // FRAME_SAMPLES * FRAME_SAMPLES
        self.left = sound[whole:]
        audio, self.sound = self.model.features.step(sound[None, :whole], self.sound)
        for features in audio[0]:
            self.frames_taken += 1
            if self.frames_taken > self.model.config.lookahead_frames:
                yield self._face(features[None])

    def _face(self, audio: np.ndarray) -> np.ndarray:
        noise, self.noise = self.model.noise.step(self.noise)
        situation = (self.activity, np.zeros((1, len(EMOTIONS)), np.float32))
        style = np.zeros((1, self.model.config.style_size), np.float32)
        inputs = FaceInputs(audio, self.no_phonemes, *situation, style, noise)
        face, self.state = self.model.step(inputs, self.state)
        made: np.ndarray = face[0]
        return made


@pytest.mark.parametrize("longest", [400, 1700, 9000])
def test_ragged_pieces_of_sound_give_the_faces_of_the_whole(model: FaceModel, longest: int) -> None:
    samples = talk(12)
    whole = np.array(list(Stream(model, 3).feed(samples)))
    cuts = np.cumsum(np.random.default_rng(longest).integers(0, longest, len(samples)))
    stream = Stream(model, 3)
    pieces = np.split(samples, cuts[cuts < len(samples)])
    ragged = np.array([face for piece in pieces for face in stream.feed(piece)])
    assert whole.shape == (12 * FPS - model.config.lookahead_frames, len(FACE_CHANNELS))
    np.testing.assert_allclose(ragged, whole, atol=1e-5)


def test_speech_that_arrives_piece_by_piece_moves_a_character_as_if_all_were_known() -> None:
    samples = (talk(6) * 32767).astype(np.int16)
    whole = performed([samples])
    rng = np.random.default_rng(0)
    cuts = np.cumsum(rng.integers(900, 9000, 200))
    ragged = performed(np.split(samples, cuts[cuts < len(samples)]))
    np.testing.assert_allclose(ragged[:, :52], whole[:, :52], atol=1e-5)
    np.testing.assert_allclose(ragged[:, 52:], whole[:, 52:], atol=1e-4)  # degrees


def performed(pieces: list[np.ndarray]) -> np.ndarray:
    """Faces [frames, 59]; each piece arrives when the one before is all but used up."""
    stage = open_stage("cpu", VirtualClock())
    performer = stage.join(load_character(DEFAULT_CHARACTER), seed=4)
    recorder = Recorder()
    performer.attach(recorder)
    for piece in pieces:
        asyncio.run(performer.speak(Utterance("u", "t", ""), SpeechChunk(piece, (), False)))
        while performer.earliest_speech + FRAME_SAMPLES <= performer.speech_ends:
            stage.tick()
    while performer.frame * FRAME_SAMPLES <= performer.speech_ends:
        stage.tick()
    faces = [np.concatenate([each.weights, each.head_eyes_deg]) for each in recorder.face]
    return np.array(faces)


@pytest.fixture(scope="module")
def ten_minutes(model: FaceModel) -> tuple[np.ndarray, list[float]]:
    """Faces [18000, 59] of ten minutes of speech, and the largest state of every minute."""
    stream = Stream(model, 5)
    faces: list[np.ndarray] = []
    largest: list[float] = []
    sound = talk(600 + model.config.lookahead_frames / FPS)
    for piece in np.split(sound, range(24_000, len(sound), 24_000)):
        for face in stream.feed(piece):
            if len(faces) % MINUTE == 0:
                largest.append(0.0)
            faces.append(face)
            largest[-1] = max(largest[-1], float(np.abs(stream.state).max()))
    return np.array(faces), largest


@pytest.mark.slow
def test_the_same_words_are_spoken_the_same_in_the_tenth_minute(
    ten_minutes: tuple[np.ndarray, list[float]],
) -> None:
    faces, _ = ten_minutes
    assert len(faces) == 10 * MINUTE
    second, tenth = faces[MINUTE : 2 * MINUTE, LIPS], faces[9 * MINUTE :, LIPS]
    np.testing.assert_allclose(tenth, second, atol=1e-3)
    assert second[:, 0].std() > 0.03


@pytest.mark.slow
def test_the_upper_face_is_as_lively_in_the_last_minutes_as_in_the_first(
    ten_minutes: tuple[np.ndarray, list[float]],
) -> None:
    faces, _ = ten_minutes
    first, last = faces[: 3 * MINUTE], faces[7 * MINUTE :]
    for name in ("headYaw", "headPitch", "leftEyeYaw", "leftEyePitch"):
        spreads = [part[:, COLUMN[name]].std() for part in (first, last)]
        assert 0.5 < spreads[1] / spreads[0] < 2, name
        assert abs(np.subtract(*(part[:, COLUMN[name]].mean() for part in (first, last)))) < max(
            2.0, spreads[0]
        ), name
    blinks = [
        int((np.diff((part[:, COLUMN["eyeBlinkLeft"]] > 0.5).astype(int)) == 1).sum())
        for part in (first, last)
    ]
    assert min(blinks) >= 5
    assert 0.5 < blinks[1] / blinks[0] < 2


@pytest.mark.slow
def test_the_state_stays_bounded_and_the_face_within_its_ranges(
    ten_minutes: tuple[np.ndarray, list[float]],
) -> None:
    faces, largest = ten_minutes
    assert len(largest) == 10
    assert max(largest[1:]) < 2 * largest[0]
    assert np.isfinite(faces).all()
    weights = faces[:, : len(ARKIT_BLENDSHAPES)]
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert np.abs(faces[:, len(ARKIT_BLENDSHAPES) :]).max() < 60
