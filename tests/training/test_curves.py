import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from training.curves import draw_channels, draw_runs, labels_of, main, read_curves


def write_run(folder: Path, *lines: dict[str, float]) -> Path:
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def panels(monkeypatch: pytest.MonkeyPatch) -> list[Axes]:
    """The panels of what was drawn last."""
    seen: list[Axes] = []
    save = Figure.savefig

    def remember(figure: Figure, path: Path, dpi: float) -> None:
        seen[:] = [axes for axes in figure.axes if axes.axison]
        save(figure, path, dpi=dpi)

    monkeypatch.setattr(Figure, "savefig", remember)
    return seen


def test_a_step_that_was_logged_again_after_a_resume_counts_once(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "run",
        {"step": 0, "loss": 3.0},
        {"step": 25, "loss": 2.0, "other": 1.0},
        {"step": 50, "loss": 9.0},
        {"step": 25, "loss": 2.5},
    )
    curves = read_curves(run)
    assert curves["loss"][0].tolist() == [0, 25, 50]
    assert curves["loss"][1].tolist() == [3.0, 2.5, 9.0]
    assert curves["other"][0].tolist() == [25]


def test_runs_are_drawn_over_one_another_validation_first(
    tmp_path: Path, panels: list[Axes]
) -> None:
    full = write_run(
        tmp_path / "full",
        *({"step": s, "loss/lips": 1.0 / (1 + s), "validation/objective": s} for s in range(9)),
    )
    plain = write_run(tmp_path / "plain", *({"step": s, "loss/lips": 1.0} for s in range(5)))
    path = draw_runs({"full": full, "plain": plain}, tmp_path / "curves.png")
    assert imread(path).std() > 0.02
    assert [axes.get_title() for axes in panels] == ["validation/objective", "loss/lips"]
    assert [len(axes.lines) for axes in panels] == [1, 2]
    np.testing.assert_array_equal(panels[1].lines[1].get_ydata(), [1.0] * 5)
    assert panels[0].lines[0].get_color() == panels[1].lines[0].get_color()  # one colour a run


def test_long_curves_are_smoothed_and_the_mean_stays(tmp_path: Path, panels: list[Axes]) -> None:
    rng = np.random.default_rng(0)
    noisy = 1 + 0.3 * rng.standard_normal(400)
    run = write_run(tmp_path / "run", *({"step": s, "a": v} for s, v in enumerate(noisy)))
    draw_runs({"run": run}, tmp_path / "curves.png")
    raw, smooth = (np.asarray(line.get_ydata()) for line in panels[0].lines)
    np.testing.assert_allclose(raw, noisy)
    assert smooth.std() < 0.35 * raw.std()
    assert smooth.mean() == pytest.approx(1, abs=0.05)


def test_patterns_choose_the_numbers_and_a_pattern_for_none_says_what_there_is(
    tmp_path: Path, panels: list[Axes]
) -> None:
    run = write_run(tmp_path / "run", {"step": 0, "loss/a": 1.0, "loss/b": 1.0, "sync/r1": 2.0})
    draw_runs({"run": run}, tmp_path / "curves.png", metrics=["loss/*"])
    assert [axes.get_title() for axes in panels] == ["loss/a", "loss/b"]
    with pytest.raises(SystemExit, match=r"fit val\*, found loss/a, loss/b, sync/r1"):
        draw_runs({"run": run}, tmp_path / "curves.png", metrics=["val*"])


def test_a_folder_without_metrics_or_with_a_cut_line_is_answered_in_words(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"a run folder with metrics\.jsonl"):
        read_curves(tmp_path)
    (tmp_path / "metrics.jsonl").write_text('{"step": 0, "a": 1}\n{"step": 1, "a"')
    with pytest.raises(SystemExit, match="line 2: expected an object with a step"):
        read_curves(tmp_path)


def test_runs_are_labelled_by_what_tells_them_apart(tmp_path: Path) -> None:
    runs = [tmp_path / "a" / "face", tmp_path / "b" / "face"]
    assert labels_of(runs) == {"a/face": runs[0], "b/face": runs[1]}
    assert labels_of(runs[:1]) == {"face": runs[0]}
    assert labels_of([tmp_path / "a", tmp_path / "a"]) == {"a": tmp_path / "a"}


def test_the_command_writes_a_picture_into_the_first_run(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"step": 0, "loss": 1.0}, {"step": 1, "loss": float("nan")})
    main([str(run)])
    assert (run / "curves.png").exists()
    main([str(run), "--out", str(tmp_path / "other.png"), "--metrics", "loss"])
    assert (tmp_path / "other.png").exists()


def test_channels_show_truth_and_prediction_with_their_correlation(
    tmp_path: Path, panels: list[Axes]
) -> None:
    time = np.linspace(0, 6, 90)
    truth = np.stack([np.sin(time), np.cos(time), np.zeros(90)], axis=1)
    made = np.stack([2 * np.sin(time), -np.cos(time), np.zeros(90)], axis=1)[:80]
    still = np.zeros((90, 3))
    motions = {"captured": truth, "made": made, "still": still}
    draw_channels(motions, ["a", "b", "c"], tmp_path / "channels.png", fps=30)
    assert [axes.get_title() for axes in panels] == ["a   r 1.00, -", "b   r -1.00, -"]
    lines = panels[0].lines
    assert [len(np.asarray(line.get_xdata())) for line in lines] == [90, 80, 90]
    assert np.asarray(lines[0].get_xdata())[-1] == pytest.approx(89 / 30)
    draw_channels(motions, ["a", "b", "c"], tmp_path / "one.png", fps=30, channels=["c"])
    assert [axes.get_title() for axes in panels] == ["c   r -, -"]


def test_motion_that_does_not_fit_its_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"made: expected \[frames, 2\]"):
        draw_channels({"made": np.zeros((5, 3))}, ["a", "b"], tmp_path / "a.png", fps=30)
