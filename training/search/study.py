"""A stored study: trials, pruning, resuming. What is trained comes in as a function."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import optuna
import tomli_w
from filelock import FileLock, Timeout
from optuna.distributions import distribution_to_json
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from training.search.space import (
    Space,
    contains,
    example_of,
    params_of,
    to_settings,
    values_in,
    with_values,
)
from training.tracking import METRICS_FILE, OBJECTIVE, watched

VALIDATION_FILE: Final = "validation.json"
"""Written by a training into its run folder: {"objective": the number to minimise, ...}."""
FAILURES_IN_A_ROW: Final = 5

Train: TypeAlias = Callable[[Any, Path], None]
"""Settings and run folder -> a run that logged its objective; goes on where it was cut."""


@dataclass(frozen=True)
class Search:
    """What is searched, and where it is kept."""

    folder: Path
    """`journal.log` (the study), `trial_0000/` ... (runs), `best.toml`."""
    config: Mapping[str, Any]
    """The configuration that every trial starts from."""
    kind: type[Any]
    """Type of its settings."""
    space: Space
    train: Train
    objective: str = OBJECTIVE
    """Slash path of the logged number; lower is better."""
    seed: int = 0
    prune_after: int = 0
    """No trial is ended before this step."""

    def settings(self, params: Mapping[str, Any]) -> Any:
        return to_settings(with_values(self.config, values_in(params)), self.kind)


def run_search(search: Search, trials: int) -> optuna.Study:
    """Runs until the study holds `trials` trials that ended, and writes `best.toml`.

    Trials that were cut, by Ctrl-C or a lost machine, go on first, each in its own run folder.
    The first trial is the configuration as it stands, where it lies inside the space.

    Raises:
        SystemExit: the space does not fit the settings; the study was made with another
            configuration, space or objective; another process works on it; or training failed
            several times in a row.
    """
    search.settings({name: example_of(parameter) for name, parameter in search.space.items()})
    search.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(search.folder / "study.lock", timeout=0):
            return _run(search, trials)
    except Timeout:
        raise SystemExit(
            f"{search.folder}: another process works on this study; wait for it or name another "
            "folder with --study."
        ) from None


def _run(search: Search, trials: int) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(search.folder / "journal.log")))
    study = optuna.create_study(
        storage=storage,
        study_name="search",
        load_if_exists=True,
        direction="minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=search.prune_after),
    )
    # A sampler that began with the same seed again would propose the same trials again.
    study.sampler = optuna.samplers.TPESampler(
        seed=search.seed + len(study.trials), multivariate=True
    )
    _same_question(study, search)
    start = params_of(search.config, search.kind, search.space)
    if not study.trials and all(contains(search.space[name], start[name]) for name in start):
        study.enqueue_trial(start)
    study_id = storage.get_study_id_from_name(study.study_name)
    for cut in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        at = storage.get_trial_id_from_study_id_trial_number(study_id, cut.number)
        _try(study, optuna.Trial(study, at), search, trials, set(cut.intermediate_values))
    failures = 0
    while sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False)) < trials:
        trial = study.ask(dict[str, Any](search.space))
        failures = 0 if _try(study, trial, search, trials, set()) else failures + 1
        if failures == FAILURES_IN_A_ROW:
            raise SystemExit(
                f"{search.folder}: {failures} trials failed one after the other (see above); "
                "mend the space or the data, then run this again to go on."
            )
    return study


def _try(
    study: optuna.Study, trial: optuna.Trial, search: Search, trials: int, reported: set[int]
) -> bool:
    """Trains one trial and tells the study how it ended; False when it failed."""
    run = search.folder / f"trial_{trial.number:04d}"

    def watch(step: int, numbers: Mapping[str, float]) -> None:
        # A resumed run repeats the steps after its last checkpoint; a study takes each step once.
        if search.objective not in numbers or step in reported:
            return
        reported.add(step)
        trial.report(numbers[search.objective], step)
        if trial.should_prune():
            raise optuna.TrialPruned

    shown = ", ".join(f"{name} {value}" for name, value in trial.params.items())
    print(f"{run.name} (of {trials}): {shown}", flush=True)
    value = None
    try:
        with watched(watch):
            search.train(search.settings(trial.params), run)
        reached = read_objective(run, search.objective)
        state, note = TrialState.FAIL, f"failed: {search.objective} is {reached}"
        if math.isfinite(reached):
            value, state, note = reached, TrialState.COMPLETE, f"{search.objective} {reached:.6g}"
    except optuna.TrialPruned:
        state, note = TrialState.PRUNED, "pruned: worse than the median at the same step"
    except RuntimeError as error:  # torch: out of memory, a gradient that is not finite
        state, note = TrialState.FAIL, f"failed: {error}"
    study.tell(trial, value, state)
    print(f"{run.name}: {note}", flush=True)
    if state == TrialState.COMPLETE:
        _write_best(study, search)
    return state != TrialState.FAIL


def read_objective(run: Path, name: str) -> float:
    """What a run reached: `objective` of its validation.json, else the number last logged.

    Raises:
        SystemExit: the run logged no such number.
    """
    file = run / VALIDATION_FILE
    if name == OBJECTIVE and file.exists():
        return float(json.loads(file.read_text())["objective"])
    log = run / METRICS_FILE
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    numbers = {key: value for line in lines for key, value in line.items() if key != "step"}
    if name not in numbers:
        raise SystemExit(
            f"{run}: expected a logged number {name!r} to minimise, found "
            f"{', '.join(sorted(numbers)) or 'no numbers'}; choose one with --objective."
        )
    return float(numbers[name])


def _write_best(study: optuna.Study, search: Search) -> None:
    """`best.toml`: the base configuration with the best trial's values, ready to train with."""
    best = study.best_trial
    about = f"# {search.objective} {best.value:.6g}: trial_{best.number:04d}, the best so far.\n"
    tree = with_values(search.config, values_in(best.params))
    (search.folder / "best.toml").write_text(about + tomli_w.dumps(tree))


def _same_question(study: optuna.Study, search: Search) -> None:
    question = {
        "config": json.dumps(search.config),
        "space": json.dumps({name: distribution_to_json(d) for name, d in search.space.items()}),
        "objective": search.objective,
    }
    asked = study.user_attrs.get("question")
    if asked is None:
        study.set_user_attr("question", question)
    elif other := [name for name, value in question.items() if asked[name] != value]:
        raise SystemExit(
            f"{search.folder}: expected the {' and '.join(other)} that this study began with, "
            "found another; restore it, or begin a new study with --study."
        )
