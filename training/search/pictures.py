"""Pictures of a study: how the best value fell, which settings mattered, what they did."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter
from optuna.distributions import IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from training.search.study import completed

LEAST_VALUES = 4
"""Different results below which the importance of a setting says nothing."""


def draw_study(study: optuna.Study, folder: Path, objective: str) -> list[Path]:
    """Writes history.png, and with enough results importance.png and settings.png."""
    if not completed(study):
        return []
    written = [_history(study, folder / "history.png", objective)]
    reached = {trial.value for trial in completed(study)}
    if len(reached) >= LEAST_VALUES:
        written.append(_importance(study, folder / "importance.png", objective))
        written.append(_settings(study, folder / "settings.png", objective))
    return written


def _history(study: optuna.Study, path: Path, objective: str) -> Path:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    done = completed(study)
    numbers = [trial.number for trial in done]
    values = [_value(trial) for trial in done]
    axes.plot(numbers, values, "o", color="tab:blue", label="completed")
    axes.step(numbers, np.minimum.accumulate(values), where="post", color="tab:red", label="best")
    for state, marker in ((TrialState.PRUNED, "x"), (TrialState.FAIL, "v")):
        others = study.get_trials(deepcopy=False, states=(state,))
        if others:
            top = [max(values)] * len(others)
            axes.plot(
                [t.number for t in others], top, marker, color="grey", label=state.name.lower()
            )
    axes.set(xlabel="trial", ylabel=objective, title="Optimisation history")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _fit_values(axes, values)
    axes.legend()
    figure.savefig(path, dpi=120)
    return path


def _importance(study: optuna.Study, path: Path, objective: str) -> Path:
    """PED-ANOVA: how much a setting tells good trials from all (Watanabe et al. 2023)."""
    shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    names = list(shares)[::-1]
    figure = Figure(figsize=(7, 1.2 + 0.35 * len(names)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(names, [shares[name] for name in names], color="tab:blue")
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set(xlabel=f"share in {objective}", title="Which settings mattered (PED-ANOVA)")
    axes.margins(x=0.12)
    figure.savefig(path, dpi=120)
    return path


def _settings(study: optuna.Study, path: Path, objective: str) -> Path:
    """One panel a setting: its value in each completed trial against what the trial reached."""
    done = completed(study)
    names = list(done[0].params)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.8 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, name in zip(grid.flat, names, strict=False):
        _panel(axes, done, name)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel(objective)
    figure.savefig(path, dpi=120)
    return path


def _panel(axes: Axes, done: list[FrozenTrial], name: str) -> None:
    tried: list[Any] = [trial.params[name] for trial in done]
    if isinstance(tried[0], str):
        tried = [str(json.loads(value)) for value in tried]
    age = [trial.number for trial in done]
    axes.scatter(tried, [_value(trial) for trial in done], c=age, cmap="viridis", s=22)
    distribution = done[0].distributions[name]
    if getattr(distribution, "log", False):
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter("{x:g}")
    elif isinstance(distribution, IntDistribution):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(name)
    axes.margins(x=0.15)
    _fit_values(axes, [_value(trial) for trial in done])


def _fit_values(axes: Axes, values: list[float]) -> None:
    """A logarithmic axis when the worst trials would press the good ones flat."""
    if 0 < 20 * min(values) < max(values):
        axes.set_yscale("log")
    axes.grid(alpha=0.3)


def _value(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return trial.value
