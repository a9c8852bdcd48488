"""Trains the face generator.

    python -m training.train_face --config training/configs/face_smoke.toml --run runs/face_smoke
    python -m training.train_face --config training/configs/face.toml --run runs/face \
        --data DATA --speech SPEECH
    python -m training.train_face --config training/configs/face_captured.toml --run runs/captured \
        --base runs/face --data DATA --speech SPEECH

Run it again with the same --run to go on from the last checkpoint. `--data` holds data sets written
by `training.ingest`; the configuration names those it uses. `--speech` is what
`training.face.speech` wrote; without it there are made-up phoneme sounds, which is only good for a
smoke run. `--base` starts from another run's weights (transfer).
"""

from pathlib import Path

from training.face.material import gather
from training.face.settings import FaceSettings
from training.face.task import FaceTask
from training.origin import keep_seen, start_run
from training.run_options import motion_parser, setup
from training.trainer import Trainer


def train(
    settings: FaceSettings,
    run: Path,
    *,
    speech: Path | None = None,
    data: Path | None = None,
    base: Path | None = None,
) -> None:
    """Trains into a run folder, from its last checkpoint when there is one.

    Raises:
        SystemExit: a data set, a recording or the base run is not there or does not fit, or the run
            was begun with something else.
    """
    start_run(run, settings, base=base)
    material = gather(settings, speech, data, base)
    keep_seen(run, material.seen)
    task = FaceTask(settings, material)
    if base:
        task.start_from(base)
    Trainer(task, settings, run).fit()


def main() -> None:
    parser = motion_parser("Trains the face generator.")
    parser.add_argument("--held-out", nargs="*", help="recordings to keep away from this run")
    settings, args = setup(parser, FaceSettings)
    train(settings, args.run, speech=args.speech, data=args.data, base=args.base)


if __name__ == "__main__":
    main()
