"""Labels speech that nobody captured, with an ensemble fitted to what was captured.

    python -m training.face.whisper --out WHISPER
    python -m training.label --data DIR --captures facegood --unlabelled facegood_audio \
        --held-out facegood_2_01 --whisper WHISPER --out DIR/labelled_without_2_01

`DIR` holds data sets (`python -m training.ingest`); held-out clips are not seen, only scored. The
result is a data set whose card names the captures that were seen, so that a training that holds
one of them out can refuse it. Members are kept in `OUT/members`: an interrupted run goes on.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from idol_protocol.channels import FACE_CHANNELS
from idol_protocol.frames import AUDIO_RATE_HZ, FPS
from training.face.ensemble import Ensemble, Scores, fit_ensemble, score, summary
from training.face.labeller import (
    COLUMNS,
    Array,
    Heard,
    LabelledExample,
    Linear,
    MemberConfig,
    Recurrent,
)
from training.face.whisper import WHISPER_RATE_HZ, WhisperFeatures, at_frames
from training.features import log_mel
from training.ingest.recording import (
    CARD_FILE,
    Dataset,
    DatasetCard,
    Recording,
    read_card,
    read_dataset,
    write_dataset,
)
from training.ingest.resample import curves_at, resample_sound
from training.ingest.shipping import licence_permits, may_ship
from training.origin import command_line

SPEEDS: Final = (1.0, 0.9, 1.1)
"""Captures are heard at these speeds."""
WHISPER_ATTRIBUTION: Final = "speech features by Whisper base, Copyright (c) 2022 OpenAI, MIT"

Listener = Callable[[NDArray[np.int16], str], Array]
"""From sound at 16 kHz and its recording's name to speech features [n, 512] at 50 Hz."""


@dataclass(frozen=True, slots=True)
class Split:
    """Recordings with sound, by what is done with them."""

    seen: tuple[Recording, ...]
    held_out: tuple[Recording, ...]
    unlabelled: tuple[Recording, ...]


def split(
    captures: Sequence[Dataset], unlabelled: Sequence[Dataset], held_out: Sequence[str]
) -> Split:
    """Who is learnt from, scored and labelled; captures themselves are not labelled.

    Raises:
        SystemExit: a held-out name is unknown, or nothing is left to learn from or to label.
    """
    captured = [
        each
        for dataset in captures
        for each in dataset.recordings
        if each.audio is not None and each.known[COLUMNS].any()
    ]
    names = [each.name for each in captured]
    if unknown := [name for name in held_out if name not in names]:
        raise SystemExit(
            f"--held-out: expected captures with sound and a mouth, one of {', '.join(names)}; "
            f"got {', '.join(unknown)}."
        )
    seen = tuple(each for each in captured if each.name not in held_out)
    if not seen:
        raise SystemExit(
            "--captures: expected at least one recording with sound and a mouth that is not held "
            f"out, found 0 of {len(captured)}; hold fewer out."
        )
    speakers = {each.speaker for each in seen}
    wanted = tuple(
        each
        for dataset in unlabelled
        for each in dataset.recordings
        if each.audio is not None and each.speaker in speakers and each.name not in names
    )
    if not wanted:
        raise SystemExit(
            f"--unlabelled: expected speech of {', '.join(sorted(speakers))}, who was captured, "
            "found none; label only speakers of whom there are captures."
        )
    return Split(seen, tuple(each for each in captured if each.name in held_out), wanted)


def members(seed: int, steps: int | None = None) -> tuple[MemberConfig, ...]:
    """The ensemble: two linear, two that hear Whisper's features, two that hear log-mel."""
    count = Recurrent().steps if steps is None else steps
    return (
        Linear(),
        Linear(sound_components=0),
        Recurrent(hears="speech", seed=seed, steps=count),
        Recurrent(hears="speech", seed=seed + 1, steps=count),
        Recurrent(hears="sound", seed=seed + 2, steps=count),
        Recurrent(hears="sound", seed=seed + 3, steps=count),
    )


def hear(samples: NDArray[np.int16], name: str, frames: int, listen: Listener) -> Heard:
    """What members hear of 16 kHz sound, at `frames` frames of 1/30 s."""
    wave = soxr.resample(samples / np.float32(32768), WHISPER_RATE_HZ, AUDIO_RATE_HZ)
    return Heard(
        log_mel(torch.from_numpy(wave)).numpy()[:frames],
        at_frames(listen(samples, name), frames, FPS).astype(np.float32),
    )


def example(recording: Recording, speed: float, listen: Listener) -> LabelledExample:
    """A capture played this much faster, sound and mouth."""
    samples = _played(recording, speed)
    seconds = recording.seconds / speed
    frames = min(int(seconds * FPS + 1e-6), -(-len(samples) * FPS // WHISPER_RATE_HZ))
    times_s = np.arange(len(recording.face)) / recording.fps
    mouth = curves_at(times_s, recording.face[:, COLUMNS], np.arange(frames) * speed / FPS)
    heard = hear(samples, recording.name, frames, listen)
    return LabelledExample(recording.name, heard, mouth, recording.known[COLUMNS])


def _played(recording: Recording, speed: float) -> NDArray[np.int16]:
    assert recording.audio is not None
    rate_hz = round(recording.audio_rate_hz * speed)
    if rate_hz == WHISPER_RATE_HZ:
        return recording.audio
    return resample_sound(recording.audio / 32768, rate_hz, WHISPER_RATE_HZ)


def show(scores: Scores, console: Console) -> None:
    for clip in scores["ensemble"]:
        table = Table(title=f"{clip}, not seen: r by channel", box=SIMPLE, pad_edge=False)
        table.add_column("channel", no_wrap=True)
        for member in scores:
            table.add_column(member.replace("_", "\n"), justify="right", min_width=5)
        for channel in scores["ensemble"][clip]:
            table.add_row(channel, *(f"{scores[each][clip][channel]:.3f}" for each in scores))
        means = [summary(scores[each][clip])[1] for each in scores]
        table.add_row("mean, rounding once", *(f"{mean:.3f}" for mean in means))
        console.print(table)


def made_card(
    name: str,
    sources: Sequence[DatasetCard],
    seen: Sequence[Recording],
    scores: Mapping[str, Mapping[str, float]],
    count: int,
) -> DatasetCard:
    """The card of made labels: no freer than any of its sources."""
    licence = " AND ".join(dict.fromkeys(card.licence for card in sources))
    names = tuple(sorted(each.name for each in seen))
    notes = [
        f"Mouths made by {count} labellers on Whisper and log-mel features, averaged.",
        f"They saw the captures {', '.join(names)}.",
    ]
    for clip, found in scores.items():
        jaw, mean = summary(found)
        notes.append(f"On {clip}, not seen: jawOpen r {jaw:.3f}, mean r {mean:.3f}.")
    if not scores:
        notes.append("No capture was held out: how good they are was not measured.")
    credit = [*(card.attribution for card in sources if card.attribution), WHISPER_ATTRIBUTION]
    return DatasetCard(
        name=name,
        licence=licence,
        may_ship=may_ship(sources) and licence_permits(licence),
        kind="made",
        source=", ".join(dict.fromkeys(card.name for card in sources)),
        attribution="; ".join(dict.fromkeys(credit)),
        command=command_line(),
        notes=tuple(notes),
        trained_on=names,
    )


def labelled(
    recording: Recording, ensemble: Ensemble, known: NDArray[np.bool_], listen: Listener
) -> Recording:
    """The recording at 30 fps with a made mouth; `known` [M] are the channels that were captured.

    Everything else is unknown.
    """
    samples = _played(recording, 1.0)
    frames = int(recording.seconds * FPS + 1e-6)
    made = ensemble.label(hear(samples, recording.name, frames, listen))
    face = np.zeros((len(made), len(FACE_CHANNELS)), np.float32)
    channels = np.array(COLUMNS)[known]
    face[:, channels] = made[:, known]
    return Recording(
        recording.name, recording.speaker, FPS, face, np.isin(np.arange(face.shape[1]), channels),
        samples,
    )  # fmt: skip


def label(
    captures: Sequence[Dataset],
    unlabelled: Sequence[Dataset],
    held_out: Sequence[str],
    out: Path,
    listen: Listener,
    configs: Sequence[MemberConfig],
) -> Scores:
    """Fits, scores, labels and writes `out`: a data set, `scores.json` and `members/`.

    Raises:
        SystemExit: the recordings do not fit, or `out` holds labels by others.
    """
    parts = split(captures, unlabelled, held_out)
    _check_same(out, sorted(each.name for each in parts.seen))
    seen = [example(each, speed, listen) for each in parts.seen for speed in SPEEDS]
    ensemble = fit_ensemble(configs, seen, out / "members")
    scores = score(ensemble, [example(each, 1.0, listen) for each in parts.held_out])
    (out / "scores.json").write_text(json.dumps(scores, indent=1) + "\n")
    known = np.logical_or.reduce([each.known for each in seen])
    cards = [each.card for each in (*captures, *unlabelled)]
    card = made_card(out.name, cards, parts.seen, scores["ensemble"], len(configs))
    write_dataset(out, card, (labelled(each, ensemble, known, listen) for each in parts.unlabelled))
    return scores


def _check_same(out: Path, seen: Sequence[str]) -> None:
    if (out / CARD_FILE).exists() and (before := read_card(out).trained_on) != tuple(seen):
        raise SystemExit(
            f"{out}: holds labels by an ensemble that saw {', '.join(before) or 'nothing'}, not "
            f"{', '.join(seen)}; give another --out, or delete this one."
        )


def main() -> None:
    args = _parser().parse_args()
    captures = [read_dataset(args.data / name) for name in args.captures]
    unlabelled = [read_dataset(args.data / name) for name in args.unlabelled]
    whisper = WhisperFeatures.open(args.whisper, threads=torch.get_num_threads())
    cache = args.cache or args.data / "whisper_features"
    scores = label(
        captures, unlabelled, args.held_out, args.out,
        lambda samples, name: whisper.cached(samples, cache, name),
        members(args.seed, args.steps),
    )  # fmt: skip
    show(scores, Console())
    print(args.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.label", description="Labels speech that nobody captured."
    )
    parser.add_argument("--data", type=Path, required=True, help="holds the data sets")
    parser.add_argument("--captures", nargs="+", required=True, help="data sets to learn from")
    parser.add_argument("--unlabelled", nargs="+", required=True, help="data sets to label")
    parser.add_argument("--held-out", nargs="*", default=[], help="captures to score, not to see")
    parser.add_argument("--whisper", type=Path, required=True, help="Whisper base, CTranslate2")
    parser.add_argument("--out", type=Path, required=True, help="the labelled data set")
    parser.add_argument("--cache", type=Path, help="for features (DATA/whisper_features)")
    parser.add_argument("--steps", type=int, help=f"of a network ({Recurrent().steps})")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    main()
