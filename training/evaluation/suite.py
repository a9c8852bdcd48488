"""An evaluation is a list of sections, each a measure with its text, and a list of pictures.

What is measured and what is said of it belongs to the face and to the body; how sections are run,
timed, shown and written is here, once.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from training.evaluation.charts import styled
from training.evaluation.report import Found, Metrics, Picture, gallery, write_metrics
from training.pictures.avatar_page import PicturesUnavailableError
from training.steps import Steps

B = TypeVar("B")
Draw: TypeAlias = Callable[[B, Found], Iterator[Picture]]


@dataclass(frozen=True, slots=True)
class Section(Generic[B]):
    name: str
    """Its key in metrics.json."""
    measure: Callable[[B], Metrics | None]
    """None where the material does not allow it: the report leaves the section out."""
    text: Callable[[Found], list[str]]
    """Paragraphs of Markdown, of what `plain` made of the measure."""


@dataclass(frozen=True, slots=True)
class Suite(Generic[B]):
    """All of one kind of evaluation; `B` is what its sections look at."""

    title: str
    summary: Callable[[Found], list[str]]
    """What to read first, of the whole metrics."""
    sections: Sequence[Section[B]]
    pictures: Sequence[Draw[B]] = ()

    def measure(self, bench: B) -> Metrics:
        """Runs every section; metrics by name, without those that the material does not allow."""
        found: Metrics = {}
        with Steps(len(self.sections)) as steps:
            for section in self.sections:
                steps.begin(section.name.replace("_", " "))
                start = time.perf_counter()
                result = section.measure(bench)
                if result is not None:
                    found[section.name] = result
                steps.note(f"{section.name}: {time.perf_counter() - start:.1f} s")
                steps.end()
        return found

    def render(self, metrics: Found, pictures: Sequence[Picture] = ()) -> str:
        """The report's text."""
        parts = [
            f"# {self.title}",
            f"Made by `{metrics['command']}`; every number is in `metrics.json`.",
            *self.summary(metrics),
        ]
        for section in self.sections:
            if section.name in metrics:
                parts += section.text(metrics[section.name])
        return "\n\n".join([*parts, *gallery(pictures)]) + "\n"

    def write(self, bench: B, out: Path, *, command: str, run: Path) -> Metrics:
        """Measures, and writes `report.md`, pictures and `metrics.json` into `out`.

        The metrics also go into the run, whose card will quote them.
        """
        metrics = write_metrics({"command": command, **self.measure(bench)}, out, run)
        pictures: list[Picture] = []
        with Steps(len(self.pictures)) as steps, styled():
            for draw in self.pictures:
                steps.begin("pictures")
                try:
                    for picture in draw(bench, metrics):
                        picture.write(out / picture.name)
                        pictures.append(picture)
                except PicturesUnavailableError as error:
                    steps.note(f"Some pictures are not drawn. {error}")
                steps.end()
        (out / "report.md").write_text(self.render(metrics, pictures))
        return metrics
