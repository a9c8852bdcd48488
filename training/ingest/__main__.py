"""Captured faces and bodies into the one format that training reads.

    python -m training.ingest video FILMS --out DATA/me --name me --speaker me \
        --licence own-recording --may-ship
    python -m training.ingest livelink TAKES --out DATA/takes --name takes --speaker-by-folder \
        --licence MIT --may-ship
    python -m training.ingest motion DANCES --out DATA/dances --name dances --speaker anna \
        --licence CC0-1.0 --may-ship --activity dance
    python -m training.ingest show DATA/me

`FILMS` are films of a talking face (one person each), `TAKES` Live Link Face CSV files, for
`pairs` CSV and WAV files as `idol animate` writes them, for `beat` JSON and WAV files (wherever
WAV is named, FLAC, OGG and MP3 do as well). `DANCES` are
BVH, Acclaim (also in archives) or VRMA files, for `beat-body` BVH and WAV files, for `film-body`
films of a whole person. What is there already is kept, so an interrupted run goes on where it
stopped. A data set holds faces or bodies, never both.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from idol_protocol.channels import ACTIVITIES
from training.ingest.beat import Beat
from training.ingest.bodies import read_body_dataset
from training.ingest.body_film import BodyFilms
from training.ingest.body_show import describe_bodies, draw_bodies
from training.ingest.card import CARD_FILE, DatasetCard, read_card
from training.ingest.collect import (
    Adapter,
    Source,
    SpeakerOf,
    collect,
    find_sources,
    fixed_speaker,
    keep_licences,
    mapped_speaker,
    read_speakers,
    speaker_by_folder,
)
from training.ingest.files import holds
from training.ingest.livelink import LiveLink
from training.ingest.motions import BeatBodies, Motions
from training.ingest.pairs import Pairs
from training.ingest.recording import read_dataset
from training.ingest.shipping import OWN, PERMISSIVE, check_claim
from training.ingest.show import describe, draw
from training.ingest.tasks import BODY_TASK, FACE_TASK, task_file
from training.ingest.video import Films
from training.steps import Steps

ADAPTERS = {
    "video": "films of a talking face, through MediaPipe",
    "livelink": "Live Link Face CSV, with sound in a file of the same stem",
    "pairs": "CSV of curves with a recording; a recording alone is speech without labels",
    "beat": "faces of BEAT: JSON with WAV",
    "motion": "bodies: BVH, ASF with AMC, VRMA, archives of them; sound in a WAV of the same stem",
    "beat-body": "bodies of BEAT: BVH with WAV",
    "film-body": "films of a whole person, head to feet, through MediaPipe",
}
BODIES = ("motion", "beat-body", "film-body")


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    args = _parser().parse_args(arguments)
    if args.adapter == "show":
        show(args.folder, args.picture or args.folder / "overview.png")
        return
    if args.fps is not None and not 1 <= args.fps <= 1000:
        raise SystemExit(f"--fps: expected 1 to 1000 frames a second, got {args.fps:g}.")
    if args.adapter in BODIES and args.fps is not None and args.fps % 1:
        raise SystemExit(f"--fps: expected a whole number for bodies, got {args.fps:g}.")
    check_claim(args.licence, may_ship=args.may_ship)
    command = f"python -m training.ingest {shlex.join(arguments)}"
    failures = ingest(args, command)
    for sentence in failures:
        print(f"Skipped: {sentence}", file=sys.stderr)
    if failures:
        raise SystemExit(1)


def show(folder: Path, picture: Path) -> None:
    """Prints and draws a data set, of faces or of bodies."""
    if holds(folder) == "body":
        bodies = read_body_dataset(folder)
        describe_bodies(bodies, Console())
        draw_bodies(bodies, picture)
    else:
        faces = read_dataset(folder)
        describe(faces, Console())
        draw(faces, picture)
    print(picture)


def ingest(args: argparse.Namespace, command: str) -> list[str]:
    """Runs one adapter; a sentence for every file that was skipped."""
    waiting: list[Source] = []

    def share_done(share: float) -> None:
        steps.within(share)

    def done(source: Source) -> None:
        steps.end()
        waiting.remove(source)
        if waiting:
            steps.begin(waiting[0].name)

    adapter = _adapter(args, share_done)
    sources = find_sources(args.folder, adapter.patterns, _speakers(args))
    waiting += sources
    steps = Steps(len(sources))
    card = DatasetCard(
        name=args.name, licence=args.licence, may_ship=args.may_ship, kind=adapter.kind,
        source=args.source, attribution=args.attribution, command=command,
    )  # fmt: skip
    known = read_card(args.out).notes if (args.out / CARD_FILE).exists() else ()
    with steps:
        if waiting:
            steps.begin(waiting[0].name)
        failures = collect(adapter, sources, args.out, card, done)
    keep_licences(args.folder, args.out)
    for note in read_card(args.out).notes:
        if note not in known:
            print(f"Note: {note}", file=sys.stderr)
    print(f"{args.out}: {len(sources) - len(failures)} of {len(sources)} files")
    return failures


def _adapter(args: argparse.Namespace, progress: Callable[[float], None]) -> Adapter:
    if args.adapter == "video":
        return Films(task_file(FACE_TASK, args.task), args.fps, args.absolute_head, progress)
    if args.adapter == "livelink":
        return LiveLink(args.fps)
    if args.adapter == "pairs":
        return Pairs(args.fps)
    if args.adapter == "motion":
        return Motions(args.fps, args.activity)
    if args.adapter == "beat-body":
        return BeatBodies(args.fps, args.activity or "speak")
    if args.adapter == "film-body":
        return BodyFilms(task_file(BODY_TASK, args.task), args.fps, args.activity, progress)
    return Beat(args.fps)


def _speakers(args: argparse.Namespace) -> SpeakerOf:
    if args.speakers is not None:
        return mapped_speaker(read_speakers(args.speakers), args.speakers)
    if args.speaker is not None:
        return fixed_speaker(args.speaker)
    return speaker_by_folder(args.folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.ingest", description=__doc__.split("\n")[0] if __doc__ else None
    )
    commands = parser.add_subparsers(dest="adapter", required=True)
    for name, purpose in ADAPTERS.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("folder", type=Path)
        command.add_argument("--out", type=Path, required=True, help="the data set's folder")
        command.add_argument("--name", required=True, help="of the data set")
        command.add_argument(
            "--licence", required=True, help=f"SPDX identifier, or {OWN} of yourself"
        )
        shipping = command.add_mutually_exclusive_group()
        shipping.add_argument(
            "--may-ship", action="store_true",
            help=f"weights may be shipped; only with {', '.join((*PERMISSIVE, OWN))}",
        )  # fmt: skip
        shipping.add_argument(
            "--non-commercial", dest="may_ship", action="store_false", help="the default"
        )
        command.set_defaults(may_ship=False)
        command.add_argument("--source", default="", help="where it comes from")
        command.add_argument("--attribution", default="", help="whom to name")
        speakers = command.add_mutually_exclusive_group(required=True)
        speakers.add_argument("--speaker", help="one for all")
        speakers.add_argument("--speaker-by-folder", action="store_true")
        speakers.add_argument("--speakers", type=Path, help="CSV file with a header name,speaker")
        command.add_argument("--fps", type=float, help="frame rate to convert to")
        if name in BODIES:
            command.add_argument(
                "--activity", choices=ACTIVITIES, default="", help="what the performer is at"
            )
        if name in ("video", "film-body"):
            command.add_argument("--task", type=Path, help="MediaPipe's landmarker, a .task file")
        if name == "video":
            command.add_argument(
                "--absolute-head", action="store_true",
                help="head angles to the camera, not to how the head was mostly held",
            )  # fmt: skip
    shown = commands.add_parser("show", help="what a data set holds, and a picture of it")
    shown.add_argument("folder", type=Path)
    shown.add_argument("--picture", type=Path, help="PNG to write (DIR/overview.png)")
    return parser


if __name__ == "__main__":
    main()
