"""Measures a trained generator on what it never trained on, each number beside its controls.

    python -m training.evaluate face --run runs/face --data DATA --speech SPEECH \
        --fold facegood_2_01=runs/face_fold_2_01 --without-gan runs/face_plain \
        --ablation hinge=runs/face_hinge --bundle idol_runtime/bundles/face --head avatar.vrm
    python -m training.evaluate pose --run runs/pose --data DATA \
        --without-gan runs/pose_plain --bundle idol_runtime/bundles/pose --out docs/body

Both write report.md, pictures and metrics.json; every input but the run may be left out, and the
report says what it could not measure. `DATA` is a folder of what `training.ingest` wrote; bodies
are held against the archives in DATA/body and hear the voices in DATA/face/grid.
"""

import argparse
import os
import shlex
import sys
from pathlib import Path

import torch

from training.checkpoint import portable
from training.face.evaluation.report import write_report
from training.face.evaluation.suite import Request, evaluate
from training.face.head import Head
from training.pose.evaluation import report as pose_report
from training.pose.evaluation import suite as pose_suite


def main() -> None:
    """Hands over to what measures a face or a pose."""
    kinds = {"face": face, "pose": pose}
    if len(sys.argv) < 2 or sys.argv[1] not in kinds:
        given = repr(sys.argv[1]) if len(sys.argv) > 1 else "nothing"
        raise SystemExit(
            f"Expected `face` or `pose` first, got {given}; "
            "write `python -m training.evaluate face --run RUN`."
        )
    kinds[sys.argv[1]]()


def pose() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate pose",
        description="Measures a pose run beside its teacher and real motion; writes a report.",
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="folder with body/ and face/grid/")
    parser.add_argument("--without-gan", type=Path, help="the same model, no adversarial part")
    parser.add_argument("--bundle", type=Path, help="an exported bundle, for the frame cost")
    parser.add_argument("--out", type=Path, help="where the report goes; default RUN/report")
    parser.add_argument("--seed", type=int, default=1, help="of the scenes; default 1")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args(sys.argv[2:])
    torch.set_num_threads(args.threads)
    request = pose_suite.Request(
        run=args.run,
        data=args.data,
        bundle=args.bundle,
        without_gan=args.without_gan,
        seed=args.seed,
    )
    out = args.out or args.run / "report"
    findings = pose_suite.evaluate(request)
    pose_report.write_report(findings, out, command=shown_command(), run=args.run)
    print(f"{out / 'report.md'}: written.")


def face() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate face",
        description="Measures a face run on what it never trained on, and writes a report.",
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="folder of ingested data sets")
    parser.add_argument("--speech", type=Path, help="what training.face.speech wrote")
    parser.add_argument(
        "--fold", type=named_run, action="append", default=[], metavar="RECORDING=RUN",
        help="a run that never trained on this recording; may be given again",
    )  # fmt: skip
    parser.add_argument("--without-gan", type=Path, help="the same model, no adversarial part")
    parser.add_argument(
        "--ablation", type=named_run, action="append", default=[], metavar="NAME=RUN",
        help="another run to put beside it; may be given again",
    )  # fmt: skip
    parser.add_argument("--bundle", type=Path, help="an exported bundle, for the frame cost")
    parser.add_argument("--head", type=Path, help="a VRM or GLB head with ARKit morph targets")
    parser.add_argument("--by-speaker", nargs="*", default=["grid"], metavar="DATASET",
                        help="data sets of which no run may have seen a clip")  # fmt: skip
    parser.add_argument("--out", type=Path, help="where the report goes; default RUN/report")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args(sys.argv[2:])
    torch.set_num_threads(args.threads)
    request = Request(
        run=args.run,
        data=args.data,
        speech=args.speech,
        folds=dict(args.fold),
        without_gan=args.without_gan,
        ablations=dict(args.ablation),
        bundle=args.bundle,
        head=Head.open(args.head) if args.head else None,
        by_speaker=tuple(args.by_speaker),
    )
    out = args.out or args.run / "report"
    write_report(evaluate(request), out, command=shown_command(), run=args.run)
    print(f"{out / 'report.md'}: written.")


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
