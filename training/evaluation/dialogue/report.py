"""Minds side by side, as Markdown with their transcripts."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.evaluation.dialogue.heard import PlayedScript
from training.evaluation.dialogue.measures import FAULTS
from training.evaluation.dialogue.play import transcript
from training.evaluation.report import Found, cell, table


def text_of(found: Found) -> str:
    """The report, of what `plain` made of the numbers."""
    minds: Mapping[str, Found] = found["minds"]
    summary = [
        ("rules of the scripts kept", lambda one: one["rules"]),
        *((f"replies: {name.replace('_', ' ')}", _fault(name)) for name in FAULTS),
        ("distinct-1", lambda one: one["distinct_1"]),
        ("distinct-2", lambda one: one["distinct_2"]),
        ("self-BLEU (lower is more varied)", lambda one: one["self_bleu"]),
        ("words a reply", lambda one: one["words"]),
        ("first text, s: p50", lambda one: one["first_text_s"]["p50"]),
        ("first text, s: p95", lambda one: one["first_text_s"]["p95"]),
        ("good replies by the judge", lambda one: one.get("liked")),
        ("replies", lambda one: one["replies"]),
    ]
    categories = sorted({each for one in minds.values() for each in one["by_category"]})
    parts = [
        "# The dialogue",
        f"Made by `{found['command']}`; every number is in `metrics.json`, every word in "
        "`transcripts.md`. Each mind was asked through `idol serve` and a WebSocket.",
        table(["", *minds], [[name, *(of(one) for one in minds.values())] for name, of in summary]),
        "## Rules kept, by category",
        table(
            ["", *minds],
            [[each, *(one["by_category"].get(each) for one in minds.values())]
             for each in categories],
        ),
    ]  # fmt: skip
    if "judge" in found:
        judge = found["judge"]
        parts += [
            "## The judge",
            f"{judge['model']} agrees with {judge['labels']} hand labels in "
            f"{cell(judge['agreement'])} of them (who always says the same agrees in "
            f"{cell(judge['always_the_same'])}); of a good and a bad reply it ranks the good one "
            f"higher in {cell(judge['good_above_bad'])} of pairs.",
        ]
    notes = {note: name for name, one in minds.items() for note in one["notes"]}
    if notes:
        parts += [
            "## What could not be tried",
            *(f"- {name}: {note}" for note, name in notes.items()),
        ]
    return "\n\n".join(parts) + "\n"


def _fault(name: str) -> Any:
    return lambda one: one["faults"][name]


def transcripts(played: Mapping[str, Sequence[PlayedScript]]) -> str:
    """Everything that was said, script by script, one mind after the other."""
    lines = ["# Transcripts", ""]
    for mind, scripts in played.items():
        lines += [f"## {mind}", ""]
        for script in scripts:
            lines += transcript(script)
    return "\n".join(lines)
