"""Gathers what a run is trained on, and keeps the record of what its weights have seen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import FPS
from training.face.data import Stream, calm_takes, captured_stream, taught_stream
from training.face.model import MADE, STYLE_SIZE
from training.face.settings import FaceSettings
from training.face.speech import (
    HELD_OUT_VOICES,
    VALIDATION_VOICES,
    SyntheticUtterance,
    hummed_utterances,
    load_speech,
)
from training.ingest.recording import Dataset, DatasetCard, Recording, read_dataset
from training.ingest.shipping import Seen, read_seen

SPEECH_CARD: Final = DatasetCard(
    name="English and Mandarin speech made with Kokoro-82M",
    licence="Apache-2.0",
    may_ship=True,
    kind="made",
    source="hexgrad/Kokoro-82M",
)
_TOGETHER = 4
"""Utterances in one taught stream."""


@dataclass(frozen=True, slots=True)
class Material:
    streams: list[Stream]
    validation: list[Stream]
    """Validation voices, and the recordings that the settings set apart for it."""
    takes: list[NDArray[np.float32]]
    take_mask: NDArray[np.float32]
    seen: Seen


def gather(
    settings: FaceSettings, speech: Path | None, data: Path | None, base: Path | None = None
) -> Material:
    """Reads, stages and augments everything the settings name.

    Raises:
        SystemExit: something named is not there, or was to be held out and has been seen.
    """
    rng = np.random.default_rng(settings.seed)
    captures = [_read(data, name) for name in settings.captures]
    takes = [_read(data, name) for name in settings.takes]
    seen = _seen(settings, [*captures, *takes], speech, base)
    taught, judged = _utterances(settings, speech)
    streams: list[Stream] = []
    for _ in range(settings.variants):
        streams += _staged(taught, rng)
    apart = {*settings.held_out, *settings.validation}
    captured = [each for each in _all(captures) if each.name not in apart]
    for recording in captured:
        for speed in settings.speeds:
            # As it was recorded, and as another microphone in another room would have heard it.
            streams += [
                captured_stream(recording, rng, clean=c, speed=speed) for c in (True, False)
            ]
    quiet = np.random.default_rng(settings.seed)
    chosen = [each for each in _all(captures) if each.name in settings.validation]
    validation = [captured_stream(each, quiet, clean=True) for each in chosen]
    shown = [each for each in _all(takes) if each.name not in apart]
    # A take that was cut at lost frames may be shorter than a window.
    motions, mask = _takes([each for each in shown if each.seconds * FPS > settings.frames + 1])
    return Material(
        streams,
        _staged(judged, quiet, style=np.zeros(STYLE_SIZE, np.float32)) + validation,
        motions,
        mask,
        seen,
    )


def _read(data: Path | None, name: str) -> Dataset:
    if data is None:
        raise SystemExit(
            f"The settings name the data set {name!r}, so --data was expected, but it is missing; "
            "give the folder that holds what `python -m training.ingest` wrote."
        )
    return read_dataset(data / name)


def _all(datasets: Iterable[Dataset]) -> list[Recording]:
    return [recording for each in datasets for recording in each.recordings]


def _seen(
    settings: FaceSettings, datasets: Sequence[Dataset], speech: Path | None, base: Path | None
) -> Seen:
    before = read_seen(base) if base else Seen((), ())
    cards = [*before.cards, *([SPEECH_CARD] if speech else []), *(each.card for each in datasets)]
    names = {*before.recordings, *(each.name for each in _all(datasets))} - {*settings.held_out}
    labelled = {name for each in datasets for name in each.card.trained_on}
    if known := sorted({*settings.held_out} & ({*before.recordings} | labelled)):
        raise SystemExit(
            f"Expected to hold out {', '.join(known)}, but the base run or the labels have seen "
            "them; start from a run, and use labels, that were made without them."
        )
    missing = {*settings.held_out, *settings.validation} - {each.name for each in _all(datasets)}
    if missing and datasets:
        raise SystemExit(
            f"Expected to keep apart {', '.join(sorted(missing))}, found no such recordings in "
            f"{', '.join(each.card.name for each in datasets)}; correct the names."
        )
    unique = {card.name: card for card in cards}
    return Seen(tuple(unique.values()), tuple(sorted(names | labelled)))


def _utterances(
    settings: FaceSettings, speech: Path | None
) -> tuple[list[SyntheticUtterance], list[SyntheticUtterance]]:
    """Those to train on, and a few of other voices to validate on."""
    if speech is None:
        made = hummed_utterances(12, settings.seed)
        return made[:8], made[8:]
    every = load_speech(speech)
    taught = [each for each in every if each.voice not in HELD_OUT_VOICES + VALIDATION_VOICES]
    return taught, [each for each in every if each.voice in VALIDATION_VOICES][:16]


def _staged(
    utterances: Sequence[SyntheticUtterance],
    rng: np.random.Generator,
    *,
    style: NDArray[np.float32] | None = None,
) -> list[Stream]:
    """Streams of four utterances each; with a style given, of clean sound."""
    order = rng.permutation(len(utterances))
    groups = [order[start : start + _TOGETHER] for start in range(0, len(order), _TOGETHER)]
    return [
        taught_stream([utterances[i] for i in group], rng, style=style, clean=style is not None)
        for group in groups
    ]


def _takes(
    recordings: Sequence[Recording],
) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    if not recordings:
        return [], np.zeros(len(MADE), np.float32)
    return calm_takes(recordings)
