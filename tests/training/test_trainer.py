"""The loop of every training, on a task of a few numbers."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.cut_runs import cut_at, kept
from tests.training.toy_task import ToyTask, fit, settings
from training.checkpoint import (
    checkpoint_of,
    latest,
    load_weights,
    new_step,
    read_json,
    steps_in,
    write_networks,
)
from training.device import PrecisionChoice
from training.ingest.card import DatasetCard
from training.ingest.shipping import Seen
from training.origin import keep_seen, start_run
from training.trainer import Trainer, averaged_model

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_run_that_was_cut_ends_as_one_that_was_not(
    tmp_path: Path, precision: PrecisionChoice
) -> None:
    chosen = settings(precision=precision)
    fit(tmp_path / "whole", chosen)
    cut_at(3, lambda: fit(tmp_path / "cut", chosen))
    assert steps_in(tmp_path / "cut") == [2]
    fit(tmp_path / "cut", chosen)
    assert kept(tmp_path / "cut") == kept(tmp_path / "whole")
    logs = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("cut", "whole")]
    assert logs[0] == logs[1]
    states: list[dict[str, Any]] = [
        torch.load(tmp_path / name / "step_4" / "training.pt", weights_only=True)
        for name in ("cut", "whole")
    ]
    assert states[0]["scaler"] == states[1]["scaler"]
    assert bool(states[0]["scaler"]) == (precision == "float16")
    assert states[0]["stopping"] == states[1]["stopping"]
    assert states[0]["averages"] == 4


def test_a_run_that_is_killed_at_any_change_of_the_disk_goes_on_as_if_it_had_not_been(
    tmp_path: Path,
) -> None:
    script = Path(__file__).with_name("kill_at_every_write.py")
    found = subprocess.run(
        [sys.executable, script, tmp_path],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'protocol'}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-2000:] + found.stderr[-2000:]
    assert int(found.stdout.splitlines()[-1]) > 20


def test_a_half_written_checkpoint_is_none_and_goes_when_the_run_goes_on(tmp_path: Path) -> None:
    fit(tmp_path)
    torn = tmp_path / "step_9.tmp"
    torn.mkdir()
    (torn / "progress.json").write_text('{"step": 9, "used": 9}')
    assert latest(tmp_path) == checkpoint_of(tmp_path) == tmp_path / "step_4"
    fit(tmp_path)
    assert not torn.exists()


def test_a_checkpoint_is_never_replaced(tmp_path: Path) -> None:
    with new_step(tmp_path, 3):
        pass
    with pytest.raises(SystemExit, match="expected no such checkpoint"), new_step(tmp_path, 3):
        pass


def test_only_the_newest_checkpoint_is_kept_and_the_best_where_a_run_stops_early(
    tmp_path: Path,
) -> None:
    scores = {1: 0.6, 2: 0.5, 3: 0.2, 4: 0.4, 5: 0.3, 6: 0.1}
    chosen = settings(steps=10, save_every=1, patience=2)
    fit(tmp_path / "early", chosen, ToyTask(chosen, scores))
    assert steps_in(tmp_path / "early") == [2, 4]
    assert checkpoint_of(tmp_path / "early") == tmp_path / "early" / "step_2"
    assert read_json(tmp_path / "early" / "validation.json") == {"objective": 0.2, "step": 2}
    # It had stopped, and it knows.
    fit(tmp_path / "early", chosen, ToyTask(chosen, scores))
    assert steps_in(tmp_path / "early") == [2, 4]
    chosen = settings(steps=4, save_every=1)
    fit(tmp_path / "late", chosen, ToyTask(chosen, scores))
    assert steps_in(tmp_path / "late") == [4]
    assert read_json(tmp_path / "late" / "validation.json") == {"objective": 0.2, "step": 3}


def test_where_nothing_gets_better_a_run_with_patience_keeps_what_it_began_with(
    tmp_path: Path,
) -> None:
    chosen = settings(steps=10, save_every=1, patience=2)
    task = ToyTask(chosen, {1: 0.2, 2: 0.5, 3: 0.2})
    before = {name: value.clone() for name, value in task.line.state_dict().items()}
    fit(tmp_path, chosen, task)
    assert steps_in(tmp_path) == [0, 2]
    load_weights(tmp_path, "generator_ema", task.line)
    assert all(torch.equal(before[name], value) for name, value in task.line.state_dict().items())


def test_patience_goes_on_where_it_was(tmp_path: Path) -> None:
    chosen = settings(steps=10, save_every=1, patience=3)
    scores = {1: 0.5, 2: 0.6, 3: 0.7, 4: 0.8, 5: 0.9}
    cut_at(2, lambda: fit(tmp_path, chosen, ToyTask(chosen, scores)))
    trainer = fit(tmp_path, chosen, ToyTask(chosen, {1: 0.7, 2: 0.8}))
    assert (trainer.stopping.best, trainer.stopping.waited) == (0.5, 3)
    assert steps_in(tmp_path) == [0, 3]


def test_what_a_run_was_begun_with_stays_and_steps_and_logging_may_change(tmp_path: Path) -> None:
    fit(tmp_path)
    with pytest.raises(
        SystemExit,
        match=r"learning_rate was 0\.1 and is 0\.2; ema was 0\.9 and is 0\.5\. "
        r"Only steps, .*tracking.* may change.* another --run",
    ):
        fit(tmp_path, settings(learning_rate=0.2, ema=0.5, steps=6))
    assert read_json(tmp_path / "config.json")["learning_rate"] == 0.1
    fit(tmp_path, settings(steps=6))
    assert steps_in(tmp_path) == [6]
    # "auto" is another precision on another machine.
    half = settings(precision="bfloat16")
    with pytest.raises(SystemExit, match="precision was 'float32' and is 'bfloat16'"):
        Trainer(ToyTask(half), half, tmp_path).fit()


def test_another_base_and_other_data_are_refused(tmp_path: Path) -> None:
    for name in ("one", "other"):
        fit(tmp_path / name, settings(seed=1 if name == "one" else 2))
    run, chosen = tmp_path / "run", settings()
    start_run(run, chosen, base=tmp_path / "one")
    start_run(run, chosen, base=tmp_path / "other")  # nothing was saved yet
    card = DatasetCard(name="ann", licence="MIT", may_ship=True, kind="pairs")
    keep_seen(run, Seen((card,), ("ann_0",)))
    Trainer(ToyTask(chosen), chosen, run).fit()
    assert read_json(run / "origin.json")["base"]["step"] == 4
    with pytest.raises(SystemExit, match=r"base was 'step 4, weights \w+' and is None"):
        start_run(run, chosen)
    with pytest.raises(SystemExit, match=r"base was .* and is 'step 4, weights"):
        start_run(run, chosen, base=tmp_path / "one")
    with pytest.raises(SystemExit, match=r"recordings was \['ann_0'\] and is \['ann_1'\]"):
        keep_seen(run, Seen((card,), ("ann_1",)))


def test_weights_alone_can_be_started_from_but_not_gone_on_with(tmp_path: Path) -> None:
    chosen = settings()
    start_run(tmp_path, chosen)
    with new_step(tmp_path, 4) as checkpoint:
        write_networks(checkpoint, ToyTask(chosen).networks)
    load_weights(tmp_path, "generator", ToyTask(chosen).line)
    with pytest.raises(SystemExit, match="holds weights only"):
        fit(tmp_path)


def test_an_average_begins_with_the_first_update_and_forgets_it_fast() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    averaged = averaged_model(module, 0.9)
    assert not averaged.module.training
    (average,) = averaged.module.parameters()
    nn.init.ones_(module.weight)
    averaged.update_parameters(module)
    assert average.item() == 1
    nn.init.zeros_(module.weight)
    averaged.update_parameters(module)
    assert average.item() == pytest.approx(2 / 11)
    for _ in range(200):
        averaged.update_parameters(module)
    nn.init.ones_(module.weight)
    averaged.update_parameters(module)
    assert average.item() == pytest.approx(0.1)


def test_what_is_validated_and_exported_is_the_average(tmp_path: Path) -> None:
    trainer = fit(tmp_path)
    line = ToyTask(settings()).line
    load_weights(tmp_path, "generator_ema", line)
    last, mean = trainer.networks["generator"].state_dict(), line.state_dict()
    assert all(not torch.equal(last[name], mean[name]) for name in last)
