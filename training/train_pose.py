"""Trains the pose generator.

    python -m training.train_pose --config training/configs/pose.toml --run runs/pose --data DATA
    python -m training.train_pose --config training/configs/pose_smoke.toml --run runs/pose_smoke

Run it again with the same --run to go on from the last checkpoint. `--data` is the folder of real
captures (see training/README.md): its recordings are the voices, its motion capture the realism
prior. Without it the voices are syllables of noise and there is no prior: good for a smoke run.
`--speech` adds voices synthesised by `training.face.speech`. `--sets` holds data sets of captured
bodies (`python -m training.ingest`), of which the configuration's `captures` are learnt from.
"""

from pathlib import Path

from training.origin import keep_seen, start_run
from training.pose.material import gather
from training.pose.settings import PoseSettings
from training.pose.task import PoseTask
from training.run_options import motion_parser, setup
from training.trainer import Trainer


def train(
    settings: PoseSettings,
    run: Path,
    *,
    data: Path | None = None,
    speech: Path | None = None,
    sets: Path | None = None,
    base: Path | None = None,
) -> None:
    """Trains into a run folder, from its last checkpoint when there is one.

    Raises:
        SystemExit: a data set is not there or does not fit, or the run was begun with something
            else.
    """
    start_run(run, settings, base=base)
    material = gather(settings, data, speech, sets, base)
    keep_seen(run, material.seen)
    task = PoseTask(settings, material)
    if base:
        task.start_from(base)
    Trainer(task, settings, run).fit()


def main() -> None:
    parser = motion_parser("Trains the pose generator.")
    parser.add_argument("--sets", type=Path, help="the folder of data sets of bodies")
    settings, args = setup(parser, PoseSettings)
    train(settings, args.run, data=args.data, speech=args.speech, sets=args.sets, base=args.base)


if __name__ == "__main__":
    main()
