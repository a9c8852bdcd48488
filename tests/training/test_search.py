import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import optuna
import pytest
from filelock import FileLock
from matplotlib.image import imread
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from training.config import load_config
from training.search.pictures import draw_study
from training.search.space import Space, params_of, read_space, values_in, with_values
from training.search.study import Search, read_objective, run_search
from training.tracking import RunLog, Tracking

SPACE: Space = {
    "rate": FloatDistribution(0.01, 10.0, log=True),
    "model.width": IntDistribution(2, 8, step=2),
    "model.dilations": CategoricalDistribution(["[1, 2]", "[1, 2, 4]"]),
}


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    width: int = 4
    dilations: tuple[int, ...] = (1, 2)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    steps: int
    rate: float = 5.0
    model: Model = Model()


def bowl(settings: Settings) -> float:
    """Least, 0, at rate 1, width 6 and three dilations."""
    return (
        (settings.rate - 1) ** 2
        + 0.1 * abs(settings.model.width - 6)
        + 0.1 * (3 - len(settings.model.dilations))
    )


def train(settings: Settings, run: Path) -> None:
    """Comes down to the bowl's value within its steps; what it logged stays in the folder."""
    run.mkdir(exist_ok=True)
    with RunLog(run, steps=settings.steps, tracking=Tracking(tensorboard=False)) as log:
        for step in range(settings.steps):
            excess = settings.steps - 1 - step
            log.scalars(step, {"validation/objective": bowl(settings) * (1 + excess)})


def search(folder: Path, function: Callable[[Any, Path], None] = train, **others: Any) -> Search:
    plan = Search(folder, {"steps": 3}, Settings, SPACE, function, prune_after=1)
    return dataclasses.replace(plan, **others)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def test_a_search_finds_settings_better_than_it_began_with_and_writes_them_ready_to_train(
    tmp_path: Path,
) -> None:
    plan = search(tmp_path)
    study = run_search(plan, 25)
    assert study.trials[0].value == pytest.approx(bowl(Settings(3)))  # the config as it stands
    best = load_config(tmp_path / "best.toml", Settings)
    assert bowl(best) == pytest.approx(study.best_value)
    assert bowl(best) < 0.2 * bowl(Settings(3))
    assert values_in(study.best_params)["model.dilations"] == list(best.model.dilations)
    assert "validation/objective" in (tmp_path / "best.toml").read_text().splitlines()[0]


def test_trials_worse_than_the_median_are_pruned_while_they_run(tmp_path: Path) -> None:
    study = run_search(search(tmp_path), 25)
    pruned = [t for t in study.trials if t.state == optuna.trial.TrialState.PRUNED]
    assert pruned
    for trial in pruned:
        log = (tmp_path / f"trial_{trial.number:04d}" / "metrics.jsonl").read_text()
        assert 1 < len(log.splitlines()) <= 3  # never before prune_after


def test_a_search_goes_on_where_it_stopped_without_trying_the_same_again(tmp_path: Path) -> None:
    first = run_search(search(tmp_path), 6)
    tried = [trial.params for trial in first.trials]
    second = run_search(search(tmp_path), 12)
    assert [trial.params for trial in second.trials[:6]] == tried
    rates = [trial.params["rate"] for trial in second.trials]
    assert len(rates) == len(set(rates)) == 12
    assert len(run_search(search(tmp_path), 12).trials) == 12  # nothing left to do


def test_a_trial_that_was_cut_goes_on_in_its_own_folder_with_its_own_settings(
    tmp_path: Path,
) -> None:
    seen: list[tuple[str, Settings]] = []

    def cut(settings: Settings, run: Path) -> None:
        seen.append((run.name, settings))
        train(settings, run)
        if run.name == "trial_0001" and len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_search(search(tmp_path, cut), 3)
    study = run_search(search(tmp_path, cut), 3)
    assert [name for name, _ in seen] == ["trial_0000", "trial_0001", "trial_0001", "trial_0002"]
    assert seen[1] == seen[2]
    assert study.trials[1].state.is_finished()
    assert list(study.trials[1].intermediate_values) == [0, 1, 2]


def test_one_failing_trial_is_passed_over_and_five_in_a_row_end_the_search(
    tmp_path: Path,
) -> None:
    def narrow_only(settings: Settings, run: Path) -> None:
        if settings.model.width > 6:
            raise RuntimeError("out of memory")
        train(settings, run)

    study = run_search(search(tmp_path / "some", narrow_only), 8)
    failed = [t for t in study.trials if t.state == optuna.trial.TrialState.FAIL]
    assert 0 < len(failed) < 8
    assert study.best_params["model.width"] <= 6

    def never(settings: Settings, run: Path) -> None:
        raise RuntimeError("out of memory")

    with pytest.raises(SystemExit, match="5 trials failed one after the other"):
        run_search(search(tmp_path / "none", never), 8)


def test_an_objective_that_is_not_a_number_is_a_failure_not_a_best(tmp_path: Path) -> None:
    def diverge(settings: Settings, run: Path) -> None:
        train(settings, run)
        worth = float("nan") if settings.rate != 5.0 else 1.0
        (run / "validation.json").write_text(json.dumps({"objective": worth}))

    study = run_search(search(tmp_path, diverge, prune_after=9), 3)
    assert study.best_value == 1.0
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL", "FAIL"]


def test_a_study_belongs_to_one_configuration_space_and_objective(tmp_path: Path) -> None:
    run_search(search(tmp_path), 1)
    with pytest.raises(SystemExit, match="config and objective that this study began with"):
        run_search(search(tmp_path, config={"steps": 4}, objective="loss"), 2)


def test_two_processes_cannot_work_on_one_study(tmp_path: Path) -> None:
    with FileLock(tmp_path / "study.lock"), pytest.raises(SystemExit, match="another process"):
        run_search(search(tmp_path), 1)


def test_a_space_that_names_no_setting_is_refused_before_a_study_begins(tmp_path: Path) -> None:
    space = {"model.wdth": IntDistribution(1, 2)}
    with pytest.raises(SystemExit, match=r"unknown field `wdth`.*\$.model"):
        run_search(search(tmp_path / "study", space=space), 1)
    assert not (tmp_path / "study").exists()


def test_the_validation_file_counts_before_the_log_and_a_missing_number_names_the_known_ones(
    tmp_path: Path,
) -> None:
    with RunLog(tmp_path, steps=1, tracking=Tracking(tensorboard=False)) as log:
        log.scalars(0, {"validation/objective": 3.0, "loss": 9.0})
        log.scalars(1, {"loss": 8.0})
    assert read_objective(tmp_path, "validation/objective") == 3.0
    assert read_objective(tmp_path, "loss") == 8.0
    (tmp_path / "validation.json").write_text('{"objective": 2.5}')
    assert read_objective(tmp_path, "validation/objective") == 2.5
    with pytest.raises(SystemExit, match="found loss, validation/objective; choose"):
        read_objective(tmp_path, "los")
    with pytest.raises(SystemExit, match="found no numbers"):
        read_objective(tmp_path / "nowhere", "loss")


def test_pictures_of_a_study_are_drawn(tmp_path: Path) -> None:
    study = run_search(search(tmp_path), 8)
    paths = draw_study(study, tmp_path, "validation/objective")
    assert [path.name for path in paths] == ["history.png", "importance.png", "settings.png"]
    for path in paths:
        pixels = imread(path)
        assert min(pixels.shape[:2]) > 100
        assert pixels[..., :3].std() > 0.02


def test_a_study_of_one_trial_has_a_history_and_no_importances(tmp_path: Path) -> None:
    study = run_search(search(tmp_path), 1)
    assert [path.name for path in draw_study(study, tmp_path, "x")] == ["history.png"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = { low = 2, high = 1 }", "for a, but `low <= high` must hold"),
        ("a = { low = 0.0, high = 1.0, log = true }", "`low > 0` must hold"),
        ("a = { low = 1.0 }", "neither low and high, nor choices alone"),
        ("a = { choices = [] }", "one or more elements"),
        ("a = { low = 0.0, high = 2.0, choices = [1] }", "unexpected keyword argument 'choices'"),
        ("a = { lo = 1, high = 2 }", "neither low and high, nor choices alone"),
        ("a = { low = 1, high = 9, stride = 2 }", "unexpected keyword argument 'stride'"),
        ("a = { low = 1, high = 9, step = 0 }", "`step > 0` must hold"),
        ("a = { low = '1', high = 9 }", "for a, but"),
        ("a = 3", "neither low and high, nor choices alone"),
        ("a = {", "expected TOML, but"),
        ("", "at least one setting"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused_in_words(
    tmp_path: Path, text: str, problem: str
) -> None:
    file = tmp_path / "space.toml"
    file.write_text(text)
    with pytest.raises(SystemExit, match=problem):
        read_space(file)
    with pytest.raises(SystemExit, match="found no such file"):
        read_space(tmp_path / "nowhere.toml")


def test_dotted_names_may_be_quoted_or_not(tmp_path: Path) -> None:
    quoted, bare = tmp_path / "quoted.toml", tmp_path / "bare.toml"
    quoted.write_text('"model.width" = { low = 2, high = 8 }\nrate = { choices = [1.0] }\n')
    bare.write_text("model.width = { low = 2, high = 8 }\nrate = { choices = [1.0] }\n")
    assert read_space(quoted) == read_space(bare)


def test_a_choice_may_be_a_list(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text("model.dilations = { choices = [[1, 2], [1, 2, 4]] }")
    assert read_space(file) == {"model.dilations": SPACE["model.dilations"]}
    assert values_in({"model.dilations": "[1, 2, 4]", "name": "hinge"}) == {
        "model.dilations": [1, 2, 4],
        "name": "hinge",
    }


@pytest.mark.parametrize("config", [{"rate": 11.0}, {"model": {"dilations": [3]}}])
def test_a_configuration_outside_the_space_is_not_the_first_trial(
    tmp_path: Path, config: dict[str, object]
) -> None:
    study = run_search(search(tmp_path, config={"steps": 3} | config), 1)
    (trial,) = study.trials
    assert 0.01 <= trial.params["rate"] <= 10
    assert "fixed_params" not in trial.system_attrs


def test_values_are_put_into_a_tree_without_touching_the_original() -> None:
    tree = {"steps": 3, "model": {"width": 2}}
    changed = with_values(tree, {"rate": 2.0, "model.dilations": [1]})
    assert changed == {"steps": 3, "rate": 2.0, "model": {"width": 2, "dilations": [1]}}
    assert tree == {"steps": 3, "model": {"width": 2}}
    assert params_of({"steps": 3}, Settings, SPACE) == {
        "rate": 5.0,
        "model.width": 4,
        "model.dilations": "[1, 2]",
    }
