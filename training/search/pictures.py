"""Optuna's pictures of a study: how the best value fell, which settings mattered, what they did."""

import warnings
from pathlib import Path

import optuna
from matplotlib import pyplot
from optuna.exceptions import ExperimentalWarning
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import TrialState
from optuna.visualization import matplotlib as plots

LEAST_VALUES = 4
"""Different results below which the importance of a setting says nothing."""


def draw_study(study: optuna.Study, folder: Path, objective: str) -> list[Path]:
    """Writes history.png, and with enough results importance.png and settings.png."""
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    written: list[Path] = []

    def keep(name: str) -> None:
        """Optuna draws on pyplot's current figure."""
        written.append(folder / name)
        pyplot.gcf().savefig(written[-1], dpi=120, bbox_inches="tight")
        pyplot.close()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        if done:
            plots.plot_optimization_history(study, target_name=objective)
            keep("history.png")
        if len({trial.value for trial in done}) >= LEAST_VALUES:
            # PED-ANOVA: how much a setting tells good trials from all (Watanabe et al. 2023).
            evaluator = PedAnovaImportanceEvaluator()
            plots.plot_param_importances(study, evaluator=evaluator, target_name=objective)
            keep("importance.png")
            plots.plot_slice(study, target_name=objective)
            keep("settings.png")
    return written
