"""What the evaluations of face and body share: sections, tables, metrics and charts."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from training.evaluation.charts import bars, chart
from training.evaluation.measures import correlation, mean_known
from training.evaluation.report import Found, Metrics, Picture, cell, grid, plain, table
from training.evaluation.suite import Section, Suite
from training.face.evaluation import report as face_report
from training.pictures.avatar_page import open_avatar
from training.pose.evaluation import report as pose_report

Bench = list[str]
"""Collects what was measured, in order."""


def section(name: str, found: Metrics | None) -> Section[Bench]:
    def measure(bench: Bench) -> Metrics | None:
        bench.append(name)
        return found

    return Section(name, measure, lambda each: [f"## {name}", f"value {each['value']}"])


def film(path: Path) -> None:
    path.write_bytes(b"film")


def drawn(bench: Bench, metrics: Found) -> Iterator[Picture]:
    rows = [("one", metrics["first"]["value"]), ("none", None)]
    figure = bars({", ".join(bench): rows}, {"one": "#ff0000"})
    yield chart("chart.png", "All of it.", figure)
    yield Picture("film.mp4", "Moving.", film)


SUITE: Suite[Bench] = Suite(
    "Evaluation of nothing",
    lambda metrics: [f"In short: {metrics['first']['value']}."],
    (section("first", {"value": 1.23456}), section("absent", None), section("last", {"value": 2})),
    (drawn,),
)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    SUITE.write([], tmp_path / "out", command="python it", run=tmp_path / "run")
    return tmp_path


def test_sections_run_in_their_order_and_what_cannot_be_measured_is_left_out() -> None:
    bench: Bench = []
    assert SUITE.measure(bench) == {"first": {"value": 1.23456}, "last": {"value": 2}}
    assert bench == ["first", "absent", "last"]


def test_the_report_says_command_summary_sections_and_pictures_in_order(written: Path) -> None:
    lines = [line for line in (written / "out" / "report.md").read_text().splitlines() if line]
    assert lines == [
        "# Evaluation of nothing",
        "Made by `python it`; every number is in `metrics.json`.",
        "In short: 1.235.",
        "## first",
        "value 1.235",
        "## last",
        "value 2",
        "## Pictures",
        "All of it.",
        "![All of it.](chart.png)",
        "[Moving.](film.mp4)",
    ]


def test_metrics_go_into_the_report_and_into_the_run(written: Path) -> None:
    texts = [(written / folder / "metrics.json").read_text() for folder in ("out", "run")]
    assert texts[0] == texts[1]
    assert json.loads(texts[0]) == {
        "command": "python it", "first": {"value": 1.235}, "last": {"value": 2}
    }  # fmt: skip


def test_pictures_are_files_in_the_colours_that_were_asked_for(written: Path) -> None:
    pixels = imread(written / "out" / "chart.png")[..., :3]
    assert (np.abs(pixels - (1, 0, 0)).max(axis=2) < 0.02).sum() > 500
    assert (written / "out" / "film.mp4").read_bytes() == b"film"


def test_where_avatars_cannot_be_drawn_the_report_has_its_other_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def on_avatar(bench: Bench, metrics: Found) -> Iterator[Picture]:
        with open_avatar(tmp_path / "nobody.vrm"):
            yield from ()

    suite = replace(SUITE, pictures=(on_avatar, drawn))
    suite.write([], tmp_path / "out", command="python it", run=tmp_path / "run")
    assert "Some pictures are not drawn." in capsys.readouterr().err
    assert "(chart.png)" in (tmp_path / "out" / "report.md").read_text()


def test_numbers_without_a_value_are_null_in_json() -> None:
    found = plain({"a": float("nan"), "b": np.float32(1.23456), "c": [np.int64(3), True, "x"]})
    assert found == {"a": None, "b": 1.235, "c": [3, True, "x"]}


def test_cells_have_three_digits_or_say_that_there_is_no_value() -> None:
    values = (None, 0.0, 0.00012, 0.0045, 1.234, 12.34, 1234.5, 7, "a|b")
    shown = ["n/a", "0", "1e-04", "0.004", "1.23", "12.3", "1,234", "7", "a/b"]
    assert [cell(value) for value in values] == shown


def test_a_grid_has_a_row_a_name_and_says_what_is_missing() -> None:
    rows = {"one": {"the_r": 0.5, "extra": 1}, "two": {}}
    assert grid(rows, ["the_r"], corner="run", missing="") == (
        "| run | the r |\n| --- | --- |\n| one | 0.50 |\n| two |  |"
    )
    assert grid(rows, {"the_r": "r"}).splitlines()[-1] == "| two | n/a |"
    assert table(["a", "b"], [("x",)]).splitlines()[-1] == "| x |  |"


def test_a_curve_that_does_not_move_has_no_correlation_and_no_part_in_a_mean() -> None:
    ramp = np.arange(5.0)
    assert correlation(ramp, 2 * ramp + 1) == pytest.approx(1)
    assert np.isnan(correlation(ramp, np.ones(5)))
    assert mean_known([1.0, float("nan"), 3.0]) == 2
    assert np.isnan(mean_known([float("nan")]))


def test_the_committed_reports_say_what_their_metrics_say() -> None:
    root = Path(__file__).parents[2]
    manifest = json.loads((root / "idol_runtime/bundles/face/manifest.json").read_text())
    body = json.loads((root / "docs/body/metrics.json").read_text())
    for kind, text in (
        ("face", face_report.SUITE.render(manifest["card"]["metrics"])),
        ("body", pose_report.SUITE.render(body)),
    ):
        report = (root / "docs" / kind / "report.md").read_text()
        assert report.partition("\n\n## Pictures")[0] + "\n" == text
        shown = re.findall(r"\]\(([^)]+)\)", report.partition("## Pictures")[2])
        assert len(shown) >= 8
        assert all((root / "docs" / kind / name).is_file() for name in shown)
