"""Performances without a network or a pace: a whole turn, or a face and body for a recording."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ, AudioChunk
from idol_runtime.audio.level import at_speech_level
from idol_runtime.character import Character
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.items import NOBODY_KNOWN, Speaker
from idol_runtime.conversation.models import ModelFolders, start_models
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.turn_metrics import TurnMetrics
from idol_runtime.engine.engine import open_stage
from idol_runtime.errors import InputError
from idol_runtime.inference.session import Provider
from idol_runtime.mind.memory.keeping import Keeper
from idol_runtime.mind.mind import make_mind
from idol_runtime.music.beats import BeatGrid
from idol_runtime.outputs.beats_csv import write_beats_csv
from idol_runtime.outputs.recorder import Recorder
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.stage import Stage
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import FPS, FRAME_SAMPLES, VirtualClock, pts_of

NO_PACE_MS = 24 * 3600 * 1000
PIECE_SAMPLES = 60 * FRAME_SAMPLES
"""A recording is given to the stage two seconds at a time: it holds sound as floats."""
REPORT_FRAMES = 60


@dataclass(frozen=True, slots=True)
class Said:
    """What `say` wrote."""

    reply: str
    duration_s: float
    metrics: TurnMetrics


async def say(
    text: str,
    folder: Path,
    *,
    character: Character,
    folders: ModelFolders,
    provider: Provider = "auto",
    threads: int = 2,
    seed: int = 1,
    fps: int = FPS,
    character_id: str = "",
    speaker: Speaker = NOBODY_KNOWN,
    keeper: Keeper | None = None,
) -> Said:
    """One whole turn into files: `reply.txt`, `speech.wav`, `face.csv`, `pose.bvh`, `pose.vrma`,
    `events.jsonl`.

    Args:
        text: What is said to the character.
        folder: Where the files go; made when missing.
        character: Who answers.
        folders: Its models.
        provider: Where they run.
        threads: Of each model.
        seed: Draws reply and motion.
        fps: Rows a second.
        character_id: The name of the character's folder, under which it remembers people.
        speaker: Who says it.
        keeper: Of what it remembers of them; without one it knows nobody.

    Raises:
        InputError: the text is empty or too long.
        ConfigError: a model was not made for the character's language.
        IdolError: a model or a file failed.
    """
    stage, performer, recorder = _set_the_stage(character, provider, seed)
    models = start_models(folders, provider=provider, threads=threads)
    try:
        await models.check(character)
        mind = make_mind(keeper=keeper)
        conversation = Conversation(character, performer, models, mind, character_id=character_id)
        conversation.hear(text, speaker)
        ended = await conversation.reply(ReplyOptions(seed=seed))
        await conversation.aclose()
        metrics = ended.result()
    finally:
        await models.aclose()
    duration_s = _perform(stage, performer, recorder, folder, fps)
    said = ended.item.text
    (folder / "reply.txt").write_text(said + "\n", encoding="utf-8")
    return Said(said, duration_s, metrics)


async def animate(
    samples: NDArray[np.int16],
    folder: Path,
    *,
    character: Character,
    provider: Provider = "auto",
    seed: int = 1,
    fps: int = FPS,
    activity: str = "speak",
    voice: NDArray[np.int16] | None = None,
    beats: BeatGrid | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> float:
    """Face and body for a recording: `speech.wav` (at 24 kHz), `face.csv`, `pose.bvh`, `pose.vrma`.

    The generators hear the recording at the level they were trained on, see `at_speech_level`;
    `speech.wav` holds it as it was. Nothing depends on the language. In any activity but `speak`
    the sound is not the character's own: its lips stay closed, unless there is a `voice`.

    Args:
        samples: Shape (n,), n >= 1, mono PCM16 at `AUDIO_RATE_HZ`; see `read_recording`.
        folder: Where the files go; made when missing.
        character: Gives the emotion baseline and the style.
        provider: Where the generators run.
        seed: Draws blinks, glances and sway; the lips do not depend on it.
        fps: Rows a second.
        activity: One of `ACTIVITIES`; who dances also gets `beats.csv`.
        voice: Shape (m,), what of the recording the character says or sings itself; the lips
            follow it alone. `speech.wav` holds `samples` all the same.
        beats: The music's, 0 s being the beginning of the recording; see `find_beats`.
        progress: Called with how many frames at 30 a second are made, and of how many.

    Returns:
        The length in seconds.

    Raises:
        InputError: the files cannot be written.
    """
    stage, performer, recorder = _set_the_stage(character, provider, seed)
    start = performer.earliest_speech
    end = start + len(samples)
    frames = end // FRAME_SAMPLES
    if activity != "speak":
        performer.activity = activity
    if beats is not None:
        performer.beats = beats.starting_at(start / AUDIO_RATE_HZ)
    own = samples if activity == "speak" and voice is None else voice
    if own is not None:
        levelled = at_speech_level(own[: len(samples)])
        await _voice(stage, performer, levelled, lambda done: progress(done, frames))
    while performer.frame * FRAME_SAMPLES <= end:
        stage.tick()
        if performer.frame % REPORT_FRAMES == 0:
            progress(min(performer.frame, frames), frames)
    recorder.audio = [AudioChunk(pts_of(start), samples)]
    _write(recorder, folder, start, end, fps)
    if activity == "dance" and beats is not None:
        write_beats_csv(folder / "beats.csv", beats, len(samples) / AUDIO_RATE_HZ)
    progress(frames, frames)
    return len(samples) / AUDIO_RATE_HZ


async def _voice(
    stage: Stage, performer: Performer, own: NDArray[np.int16], on_frames: Callable[[int], None]
) -> None:
    """Performs a recording as the character's own voice."""
    recording = Utterance("recording", "animate", "")
    for start in range(0, len(own), PIECE_SAMPLES):
        piece = own[start : start + PIECE_SAMPLES]
        is_last = start + PIECE_SAMPLES >= len(own)
        await performer.speak(recording, SpeechChunk(piece, (), is_last))
        while performer.earliest_speech < performer.speech_ends:
            stage.tick()
        on_frames(performer.frame)


def _set_the_stage(
    character: Character, provider: Provider, seed: int
) -> tuple[Stage, Performer, Recorder]:
    stage = open_stage(provider, VirtualClock(), lead_ms=NO_PACE_MS, buffer_s=NO_PACE_MS / 1000)
    performer = stage.join(character, seed)
    recorder = Recorder()
    performer.attach(recorder)
    return stage, performer, recorder


def _perform(
    stage: Stage, performer: Performer, recorder: Recorder, folder: Path, fps: int
) -> float:
    """Moves the character to the end of what it says and writes the files."""
    while performer.frame * FRAME_SAMPLES <= performer.speech_ends:
        stage.tick()
    start = performer.speech_ends
    if recorder.audio:
        start = round(recorder.audio[0].pts_us * AUDIO_RATE_HZ / 1_000_000)
    _write(recorder, folder, start, performer.speech_ends, fps)
    return (performer.speech_ends - start) / AUDIO_RATE_HZ


def _write(recorder: Recorder, folder: Path, start: int, end: int, fps: int) -> None:
    """Writes what is between two samples on the clock."""
    # Rounded down: a microsecond too many would be a row more than there is sound.
    duration_us = (end - start) * 1_000_000 // AUDIO_RATE_HZ
    try:
        recorder.write(folder, start_us=pts_of(start), duration_us=duration_us, fps=fps)
    except OSError as error:
        raise InputError(
            f"{folder}: expected a folder to write to, but {error.strerror or error}; "
            "choose another one or make room."
        ) from None
