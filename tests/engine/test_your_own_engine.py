"""Both engines swapped without touching a file of ours: docs/your_own_engine.md as it stands."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from idol_runtime.character import Character, load_character
from idol_runtime.conversation.models import ModelFolders, start_models
from idol_runtime.engine.engine import CastEntry, EngineConfig, open_engine
from idol_runtime.errors import BundleError, ConfigError
from idol_runtime.inference.bundle import write_manifest
from idol_runtime.speech.types import SpeechChunk, SpeechRequest
from tests.engine.conftest import PAGE

pytestmark = pytest.mark.slow

SAID = "Good evening to you all."
TONE_HZ = 440
SECONDS_A_LETTER = 0.07


@pytest.fixture(scope="module")
def said(installed: Path, desk: Path) -> Path:
    """What the page's commands write."""
    commands = re.findall(r"^idol (.*)$", PAGE.read_text(), re.M)
    environment = {
        "PYTHONPATH": ":".join([str(installed), *filter(None, sys.path)]),
        "IDOL_HOME": str(desk / "store"),
        "IDOL_OFFLINE": "1",
    }
    for command in commands:
        arguments = [each.strip('"') for each in re.findall(r'"[^"]*"|\S+', command)]
        arguments = [str(desk / each) if (desk / each).is_dir() else each for each in arguments]
        done = subprocess.run(
            [sys.executable, "-m", "idol_runtime", *arguments],
            cwd=desk, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return desk / "said"


def events(folder: Path, name: str) -> list[dict[str, object]]:
    lines = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    return [line for line in lines if line["name"] == name]


def test_the_parrot_answers(said: Path) -> None:
    assert (said / "reply.txt").read_text().strip() == SAID


def test_the_tone_is_in_the_recording_at_its_pitch_for_its_time(said: Path) -> None:
    sound, rate_hz = soundfile.read(said / "speech.wav")
    assert rate_hz == 24_000
    clauses = [str(event["text"]) for event in events(said, "utterance.started")]
    assert " ".join(clauses) == SAID
    expected = sum(map(len, clauses)) * SECONDS_A_LETTER
    assert len(sound) / rate_hz == pytest.approx(expected, abs=0.001)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert spectrum.argmax() * rate_hz / len(sound) == pytest.approx(TONE_HZ, abs=0.5)


def test_a_voice_without_an_alphabet_has_no_phonemes_and_yet_a_face(said: Path) -> None:
    assert events(said, "phonemes") == []
    rows = np.genfromtxt(said / "face.csv", delimiter=",", names=True)
    assert np.median(rows["jawOpen"]) > 0.01


async def test_a_voice_at_another_rate_has_no_seams(folders: ModelFolders) -> None:
    models = start_models(folders, provider="cpu", threads=1)
    try:
        request = SpeechRequest("x" * 50, "", "en-us", 1.0)
        chunks = [chunk async for chunk in models.speech.stream(request)]
    finally:
        await models.aclose()
    assert [chunk.is_last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert len(chunks) > 10
    assert len(chunks[0].samples) > 0, "the first sound does not wait for the second piece"
    sound = np.concatenate([chunk.samples for chunk in chunks])
    assert len(sound) == round(50 * SECONDS_A_LETTER * 24_000)
    assert off_the_tone(sound[480:-480]) < 0.002


def off_the_tone(sound: NDArray[np.int16]) -> float:
    """The largest difference from the nearest pure tone, over its amplitude."""
    phase = 2 * np.pi * TONE_HZ * np.arange(len(sound)) / 24_000
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    weights = np.linalg.lstsq(basis, sound.astype(float))[0]
    return float(np.abs(sound - basis @ weights).max() / np.hypot(*weights))


def test_a_choir_in_batches_sings_as_each_alone(
    installed: Path, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))
    alone, choir = import_module("tone_voice"), import_module("tone_choir").ToneChoir()
    requests = [SpeechRequest("x" * letters, "", "en-us", 1.0) for letters in (3, 20, 11)]
    streams = [choir.open(request) for request in requests]
    sung: dict[int, list[NDArray[np.int16]]] = {id(stream): [] for stream in streams}
    live = list(streams)
    while live:
        for stream, item in choir.step(tuple(live)):
            if isinstance(item, SpeechChunk):
                sung[id(stream)].append(item.samples)
            else:
                live.remove(stream)
                choir.close(stream)
    for request, stream in zip(requests, streams, strict=True):
        expected = np.concatenate([chunk.samples for chunk in alone.speak(request)])
        np.testing.assert_array_equal(np.concatenate(sung[id(stream)]), expected)


async def test_what_the_engines_can_do_is_known_once_they_are_open(folders: ModelFolders) -> None:
    models = start_models(folders, provider="cpu", threads=1)
    try:
        await models.check(Character(name="Ren", persona="You are Ren."))
        assert models.speech.capabilities.sample_rate_hz == 16_000
        assert models.speech.capabilities.alphabet is None
        assert models.dialogue.capabilities.context_length == 2048
    finally:
        await models.aclose()


async def test_a_language_that_the_voice_does_not_speak_is_a_sentence_at_warm_up(
    folders: ModelFolders, desk: Path
) -> None:
    ren = load_character(desk / "ren")
    entry = CastEntry("ren", Character(name="Ren", persona=ren.persona, language="de"), folders)
    async with open_engine([entry], EngineConfig("cpu", threads=1)) as engine:
        with pytest.raises(ConfigError, match="Ren: expected a voice for the language `de`"):
            await engine.warm_up()


def test_an_engine_that_nobody_brings_is_a_sentence_with_those_that_are_there(
    folders: ModelFolders, tmp_path: Path
) -> None:
    write_manifest(tmp_path, kind="speech", name="x", licence="x", config={}, engine="bells")
    with pytest.raises(BundleError, match=r"engines kokoro, parrot, tone, found `bells`; install"):
        start_models(ModelFolders(folders.dialogue, tmp_path), provider="cpu", threads=1)


async def test_an_engine_of_the_other_kind_is_refused_when_it_is_opened(
    folders: ModelFolders, tmp_path: Path
) -> None:
    write_manifest(tmp_path, kind="speech", name="x", licence="x", config={}, engine="parrot")
    models = start_models(ModelFolders(folders.dialogue, tmp_path), provider="cpu", threads=1)
    try:
        with pytest.raises(BundleError, match=r"VoiceCapabilities .* found DialogueCapabilities"):
            await models.speech.start()
    finally:
        await models.aclose()


def test_two_packages_that_bring_one_name_are_named(
    folders: ModelFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "other_tones-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-tones\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[idol_runtime.engines]\ntone = other:open\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BundleError, match="found it in other-tones, tone-and-parrot"):
        start_models(folders, provider="cpu", threads=1)


async def test_a_package_that_cannot_be_loaded_is_named(
    folders: ModelFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[idol_runtime.engines]\ngone = no_such_module:open\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    write_manifest(bundle, kind="speech", name="x", licence="x", config={}, engine="gone")
    models = start_models(ModelFolders(folders.dialogue, bundle), provider="cpu", threads=1)
    try:
        with pytest.raises(BundleError, match="`gone` at no_such_module:open, but No module named"):
            await models.speech.start()
    finally:
        await models.aclose()
