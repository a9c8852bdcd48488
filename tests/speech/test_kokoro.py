import itertools
from pathlib import Path

import numpy as np
import pytest

from idol_runtime.errors import BundleError, ConfigError
from idol_runtime.speech.kokoro.model import SpeechModel, open_kokoro, phoneme_times
from idol_runtime.speech.kokoro.prepare import prepare
from idol_runtime.speech.kokoro.statistics import StatisticsPredictor, clause_summary
from idol_runtime.speech.kokoro.windows import Window, plan
from idol_runtime.speech.types import SpeechChunk, SpeechRequest
from idol_runtime.store import default_store
from tests.hearing import transcribe, word_recall

pytestmark = pytest.mark.models

SENTENCES = [
    "Hello there, traveler! I have been waiting for you all day long.",
    "The dragon sleeps beneath the mountain, and nobody dares to wake it.",
    "Yesterday I met a merchant who sold me a strange little compass.",
    "Please tell everyone that the stream starts in five minutes.",
    "The market opens at nine, and the best bread is gone by ten.",
    "Be careful on the northern road, because wolves have been seen there.",
    "It was a dark night, and the only light came from a small lantern.",
    "Thank you so much for the gift, I will treasure it always.",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    prepare(default_store().pull("kokoro-82m"), folder)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> SpeechModel:
    return SpeechModel.open(folder, threads=2)


def test_as_an_engine_it_says_what_it_speaks_and_chooses_a_voice(folder: Path) -> None:
    voice = open_kokoro(folder, "cpu", 2)
    assert "af_heart" in voice.capabilities.voices
    assert {"en-us", "ja"} <= set(voice.capabilities.languages)
    streams = [
        voice.open(SpeechRequest("Hello.", name, "en-us", 1.0))
        for name in ("", "af_heart", "am_adam")
    ]
    made = [item.samples for _, item in voice.step(streams) if isinstance(item, SpeechChunk)]
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])
    for stream in streams:
        voice.close(stream)


def test_durations_say_the_length_of_the_sound_exactly(model: SpeechModel) -> None:
    [clause] = model.clauses(SENTENCES[0], voice="af_heart")
    sound, _ = model.render(clause, Window(0, clause.frames, clause.frames))
    assert len(sound) == 600 * clause.durations.sum()


def test_windows_with_the_clauses_statistics_sound_like_the_whole(model: SpeechModel) -> None:
    [clause] = model.clauses(SENTENCES[1], voice="bf_emma")
    whole, own = model.render(clause, Window(0, clause.frames, clause.frames))
    windows = plan(0, clause.frames, clause.frames, first=24, later=48)
    parts = np.concatenate([model.render(clause, each, own)[0] for each in windows])
    error = np.sum((parts - whole) ** 2) / np.sum(whole**2)
    assert 10 * np.log10(1 / error) > 40


@pytest.mark.parametrize("voice", ["af_heart", "bf_emma", "am_michael"])
def test_predicted_statistics_change_the_sound_little(model: SpeechModel, voice: str) -> None:
    [clause] = model.clauses(SENTENCES[1], voice=voice)
    window = Window(0, clause.frames, clause.frames)
    whole, _ = model.render(clause, window)
    summary = clause_summary(clause.features, clause.pitch_hz, clause.style)
    guessed, _ = model.render(clause, window, StatisticsPredictor().predict(summary))
    difference = np.abs(_log_spectra(guessed) - _log_spectra(whole))
    assert np.sqrt((difference**2).mean(axis=1)).mean() < 3.5, "dB"


def test_phonemes_are_in_order_and_cover_the_sound(model: SpeechModel) -> None:
    chunks = list(model.synthesize(SENTENCES[0]))
    phonemes = chunks[0].phonemes
    length_s = sum(len(chunk.samples) for chunk in chunks) / 24_000
    assert phonemes[0].start_s == 0
    assert phonemes[-1].end_s == pytest.approx(length_s)
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(phonemes))
    assert not any(chunk.phonemes for chunk in chunks[1:])
    assert [chunk.is_last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


def test_the_sound_is_loud_clean_and_has_no_steps_at_seams(model: SpeechModel) -> None:
    chunks = list(model.synthesize(SENTENCES[5]))
    sound = np.concatenate([chunk.samples for chunk in chunks]).astype(float) / 32768
    assert 0.03 < np.sqrt((sound**2).mean()) < 0.3
    assert np.abs(sound).max() < 0.99
    assert abs(sound.mean()) < 0.005
    steps = np.abs(np.diff(sound))
    seams = np.cumsum([len(chunk.samples) for chunk in chunks])[:-1]
    for seam in seams:
        assert steps[seam - 1] <= max(steps[seam - 240 : seam + 240].max(), 0.01)
        assert steps[seam - 1] < 0.3
    assert np.abs(sound[:240]).max() < 0.02
    assert np.abs(sound[-240:]).max() < 0.02


def test_a_recogniser_understands_at_least_nine_words_in_ten(model: SpeechModel) -> None:
    recalls = []
    for sentence in SENTENCES:
        sound = np.concatenate([chunk.samples for chunk in model.synthesize(sentence)])
        recalls.append(word_recall(sentence, transcribe(sound)))
    assert np.mean(recalls) >= 0.9


def test_the_same_text_gives_the_same_sound(model: SpeechModel) -> None:
    first, again = (
        np.concatenate([chunk.samples for chunk in model.synthesize("Good morning to you.")])
        for _ in range(2)
    )
    assert np.array_equal(first, again)


@pytest.mark.parametrize("text", ["😀🎉", "...", "", "*waves*", "(^_^)"])
def test_text_with_nothing_to_say_gives_no_sound_and_no_error(
    model: SpeechModel, text: str
) -> None:
    [chunk] = model.synthesize(text)
    assert len(chunk.samples) == 0
    assert chunk.phonemes == ()
    assert chunk.is_last


def test_text_longer_than_the_model_takes_is_spoken_in_pieces(model: SpeechModel) -> None:
    clauses = model.clauses("We walk along the river and talk. " * 25, voice="af_heart")
    assert len(clauses) > 1
    assert all(len(clause.symbols) <= 508 for clause in clauses)
    assert all(phoneme_times(clause) for clause in clauses)


def test_voices_can_be_blended_and_unknown_ones_are_named(model: SpeechModel) -> None:
    [clause] = model.clauses("Hello.", voice="af_heart:0.6+bf_emma:0.4")
    assert clause.frames > 0
    with pytest.raises(ConfigError, match=r"found `nobody`; use one of .*af_heart"):
        model.clauses("Hello.", voice="nobody")
    with pytest.raises(ConfigError, match="weights from"):
        model.clauses("Hello.", voice="af_heart:none")


def test_a_language_or_speed_that_is_not_there_is_said(model: SpeechModel) -> None:
    with pytest.raises(ConfigError, match="found `tlh`"):
        model.clauses("Hello.", voice="af_heart", language="tlh")
    with pytest.raises(ConfigError, match="found 9"):
        model.clauses("Hello.", voice="af_heart", speed=9)


@pytest.mark.parametrize(
    ("language", "voice", "text"),
    [("ja", "jf_alpha", "こんにちは、元気ですか。"), ("zh", "zf_xiaoxiao", "你好，欢迎来到这里。")],
)
def test_japanese_and_chinese_are_spoken(
    model: SpeechModel, language: str, voice: str, text: str
) -> None:
    assert model.clauses(text, voice=voice, language=language)[0].frames > 40


def test_a_folder_without_kokoro_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"found 0 \.onnx"):
        prepare(tmp_path, tmp_path / "out")


def _log_spectra(sound: np.ndarray) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(sound, 1024)[::256] * np.hanning(1024)
    return 20 * np.log10(np.abs(np.fft.rfft(frames))[:, :400] + 1e-2)
