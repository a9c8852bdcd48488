"""`idol animate`: a face and a body for any recording."""

import argparse
import asyncio
import math
import sys
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from idol_runtime.cli.arguments import Subparsers, add_character, character_of, positive, seed
from idol_runtime.errors import InputError
from idol_runtime.music.beats import CERTAIN, HIGHEST_BPM, LOWEST_BPM, BeatGrid, find_beats


def add_animate_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "animate",
        help="move a face and a body to a recording",
        description="Face and pose for any recording: face.csv, pose.bvh, pose.vrma and the sound "
        "at 24 kHz. The sound alone decides, so any language will do, loud or soft: the "
        "generators hear speech at the level they were trained on, speech.wav keeps its own. "
        "With --activity dance the body dances to a song: its beats are found, or given by --bpm "
        "and --first-beat, and written to beats.csv.",
    )
    parser.add_argument(
        "recording",
        type=Path,
        metavar="RECORDING",
        help="WAV and its family, FLAC, OGG (Vorbis, Opus), MP3, AIFF, ... of any rate; channels "
        "are mixed",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument("--fps", type=positive, default=30, metavar="N", help="rows a second")
    parser.add_argument(
        "--seed",
        type=seed,
        default=1,
        metavar="N",
        help="draws blinks, glances and sway; the lips do not depend on it",
    )
    parser.add_argument(
        "--activity",
        choices=("speak", "dance", "listen", "think", "idle"),
        default="speak",
        help="what the character does while the recording plays (default: speak, it says it). "
        "In all others the sound is not its own and the lips stay closed; the face of who "
        "dances is at ease",
    )
    parser.add_argument(
        "--voice",
        type=Path,
        metavar="RECORDING",
        help="the singing or speech alone, beginning with the recording, when that is a mix with "
        "music: the lips follow it, speech.wav keeps the mix (with --activity dance or speak)",
    )
    parser.add_argument(
        "--bpm",
        type=tempo,
        metavar="N",
        help="the song's tempo in beats a minute, held throughout (default: found by ear)",
    )
    parser.add_argument(
        "--first-beat",
        type=seconds,
        metavar="SECONDS",
        help="when the first beat of some bar falls, from which a dancer counts to eight",
    )
    parser.add_argument("--provider", choices=("auto", "cpu", "cuda"), default="auto")
    add_character(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from idol_runtime.audio.recording import read_recording
    from idol_runtime.engine.offline import animate
    from idol_runtime.store.display import display_for

    _check_activity(options)
    tell = partial(print, file=sys.stderr)
    samples = read_recording(options.recording, tell)
    voice = None if options.voice is None else read_recording(options.voice, tell)
    for recording in filter(None, (options.recording, options.voice)):
        _check_target(recording, options.out)
    beats = _beats_of(samples, options) if options.activity == "dance" else None
    display = display_for(Console(stderr=True))
    try:
        duration_s = asyncio.run(
            animate(
                samples,
                options.out,
                character=character_of(options),
                provider=options.provider,
                seed=options.seed,
                fps=options.fps,
                activity=options.activity,
                voice=voice,
                beats=beats,
                progress=lambda done, total: display.step("moving", done, total),
            )
        )
    finally:
        display.close()
    print(f"{duration_s:.1f} s of face and body in {options.out}")
    return 0


def _check_activity(options: argparse.Namespace) -> None:
    activity = options.activity
    if activity != "dance" and (options.bpm is not None or options.first_beat is not None):
        raise InputError(
            f"--bpm and --first-beat: expected --activity dance, found {activity}; only who "
            "dances hears the beat."
        )
    if activity not in ("dance", "speak") and options.voice is not None:
        raise InputError(
            f"--voice: expected --activity dance or speak, found {activity}; leave one of them out."
        )


def _beats_of(samples: NDArray[np.int16], options: argparse.Namespace) -> BeatGrid:
    """The beats to dance to; says on stderr what was found."""
    beats = find_beats(samples, bpm=options.bpm, first_beat_s=options.first_beat)
    console = Console(stderr=True)
    if beats.confidence < CERTAIN:
        console.print(
            f"{options.recording}: no clear beat was found (confidence {beats.confidence:.2f}); "
            f"the body sways gently at {beats.bpm:.0f} beats a minute. Where there is one, give it "
            "by --bpm and --first-beat.",
            soft_wrap=True,
        )
    else:
        console.print(f"{beats.bpm:.1f} beats a minute (confidence {beats.confidence:.2f})")
    return beats


def _check_target(recording: Path, folder: Path) -> None:
    """Fails before the work is done, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: expected a folder to write to, but {error.strerror or error}; "
            "choose another one."
        ) from None
    written = folder / "speech.wav"
    if written.exists() and written.samefile(recording):
        raise InputError(
            f"{recording}: expected a recording that is not overwritten, found the speech.wav of "
            f"{folder} itself; choose another folder."
        )


def tempo(text: str) -> float:
    value = float(text)
    if not LOWEST_BPM <= value <= HIGHEST_BPM:  # false for "nan" as well
        raise argparse.ArgumentTypeError(
            f"expected {LOWEST_BPM:g} to {HIGHEST_BPM:g} beats a minute, found {text}"
        )
    return value


def seconds(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a number of seconds, found {text}")
    return value
