"""Measures a trained generator on what it never trained on, each number with its controls.

    python -m training.evaluate face --run runs/face --data DATA --speech SPEECH \
        --fold facegood_2_01=runs/face_fold_2_01 --without-gan runs/face_plain \
        --ablation hinge=runs/face_hinge --bundle idol_runtime/bundles/face --head avatar.vrm
    python -m training.evaluate pose --run runs/pose --data DATA \
        --without-gan runs/pose_plain --bundle idol_runtime/bundles/pose --out docs/body
    python -m training.evaluate dialogue --out docs/words --mind default= \
        --mind bigger=qwen2.5-coder-1.5b-instruct --judge QWEN_1.5B.gguf

The first two write report.md, pictures and metrics.json; every input but the run may be left out,
and the report says what it could not measure. `DATA` is a folder of what `training.ingest` wrote;
bodies are compared with the archives in DATA/body and hear the voices in DATA/face/grid. The third
plays the scripts of `training/dialogue/data/eval` with the product and writes what was said, too.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path

import torch

from training.evaluation.dialogue.command import add_dialogue_parser, run_dialogue
from training.face.evaluation import report as face_report
from training.face.evaluation.bench import FaceBench, FaceRequest
from training.face.head import Head
from training.origin import portable
from training.pose.evaluation import report as pose_report
from training.pose.evaluation.bench import PoseBench, PoseRequest


def main() -> None:
    """Hands over to what measures a face, a pose or a dialogue."""
    args = _parser().parse_args()
    torch.set_num_threads(args.threads)
    if args.kind == "dialogue":
        run_dialogue(args, shown_command())
        print(f"{args.out / 'report.md'}: written.")
        return
    out = args.out or args.run / "report"
    print(f"{args.run}: reading the run and what it is measured on", flush=True)
    if args.kind == "pose":
        pose = PoseBench.open(
            PoseRequest(args.run, args.data, args.bundle, args.without_gan, args.seed)
        )
        pose_report.SUITE.write(pose, out, command=shown_command(), run=args.run)
    else:
        face = FaceBench.open(
            FaceRequest(
                args.run, args.data, args.speech, dict(args.fold), args.without_gan,
                dict(args.ablation), args.bundle, Head.open(args.head) if args.head else None,
                tuple(args.by_speaker),
            )
        )  # fmt: skip
        face_report.SUITE.write(face, out, command=shown_command(), run=args.run)
    print(f"{out / 'report.md'}: written.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate")
    kinds = parser.add_subparsers(dest="kind", required=True)
    face = kinds.add_parser("face", help="measures a face run")
    pose = kinds.add_parser("pose", help="measures a pose run, its teacher and real motion")
    for kind, data in ((face, "folder of ingested data sets"),
                       (pose, "folder with body/ and face/grid/")):  # fmt: skip
        kind.add_argument("--run", type=Path, required=True)
        kind.add_argument("--data", type=Path, help=data)
        kind.add_argument("--without-gan", type=Path, help="the same model, no adversarial part")
        kind.add_argument("--bundle", type=Path, help="an exported bundle, for the frame cost")
        kind.add_argument("--out", type=Path, help="where the report goes; default RUN/report")
        kind.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    add_dialogue_parser(kinds)
    pose.add_argument("--seed", type=int, default=1, help="of the scenes; default 1")
    face.add_argument("--speech", type=Path, help="what training.face.speech wrote")
    face.add_argument(
        "--fold",
        type=named_run,
        action="append",
        default=[],
        metavar="RECORDING=RUN",
        help="a run that never trained on this recording; may be given again",
    )
    face.add_argument(
        "--ablation",
        type=named_run,
        action="append",
        default=[],
        metavar="NAME=RUN",
        help="another run to compare; may be given again",
    )
    face.add_argument("--head", type=Path, help="a VRM or GLB head with ARKit morph targets")
    face.add_argument("--by-speaker", nargs="*", default=["grid"], metavar="DATASET",
                      help="data sets of which no run may have seen a clip")  # fmt: skip
    return parser


def shown_command() -> str:
    """The command as typed, without the folders in which things lie."""
    words = []
    for word in sys.argv[1:]:
        name, given, path = word.rpartition("=")
        words.append(f"{name}{given}{portable(path)}")
    return shlex.join(["python", "-m", "training.evaluate", *words])


def named_run(text: str) -> tuple[str, Path]:
    """`NAME=RUN`, as --fold and --ablation take it."""
    name, given, run = text.partition("=")
    if not (name and given and run):
        raise argparse.ArgumentTypeError(f"expected NAME=RUN, got {text!r}")
    return name, Path(run)


if __name__ == "__main__":
    main()
