"""`python -m training.evaluate dialogue`: fixed conversations with minds, side by side."""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from training.dialogue.base import open_base
from training.dialogue.scenes import EvaluationScript, PersonaSheet, Screenplay
from training.dialogue.screenplay import read_folder
from training.evaluation.dialogue.heard import PlayedScript
from training.evaluation.dialogue.judge import (
    Judge,
    agreement,
    liked,
    local_judge,
    scores_of_labels,
)
from training.evaluation.dialogue.measures import scores
from training.evaluation.dialogue.minds import Mind, persona_of, served, write_cast
from training.evaluation.dialogue.play import ScriptPlayer
from training.evaluation.dialogue.report import text_of, transcripts
from training.evaluation.report import write_metrics
from training.steps import Steps

OWN_SCRIPTS: Final = Path(__file__).parents[2] / "dialogue" / "data" / "eval"
OWN_LABELS: Final = Path(__file__).parents[2] / "dialogue" / "data" / "judged"


@dataclass(frozen=True, slots=True)
class DialogueRequested:
    """What is evaluated, and with what."""

    minds: tuple[Mind, ...]
    scripts: Path
    out: Path
    only: tuple[str, ...] = ()
    """Scripts or categories, by name; all without."""
    judge: str = ""
    """A GGUF file or a folder with a bigger model."""
    labels: Path = OWN_LABELS
    serve: tuple[str, ...] = ()
    """Options of `idol serve`."""


def add_dialogue_parser(kinds: Any) -> None:
    parser: argparse.ArgumentParser = kinds.add_parser(
        "dialogue", help="talks with minds by fixed scripts and holds them against their rules"
    )
    parser.add_argument(
        "--mind",
        type=mind_of,
        action="append",
        required=True,
        metavar="NAME=MODEL",
        help="what `models.dialogue` of a character names: a model of the store, the folder of a "
        "bundle, an address; may be given again. NAME= is the default",
    )
    parser.add_argument("--out", type=Path, required=True, help="where the report goes")
    parser.add_argument("--scripts", type=Path, default=OWN_SCRIPTS, help="a folder of screenplays")
    parser.add_argument("--only", nargs="*", default=[], help="scripts or categories, by name")
    parser.add_argument("--judge", default="", help="a bigger model: a GGUF file or a folder")
    parser.add_argument("--labels", type=Path, default=OWN_LABELS, help="hand labels for the judge")
    parser.add_argument("--threads", type=int, default=2)


def mind_of(text: str) -> Mind:
    """`NAME=MODEL`; a folder becomes absolute, as characters lie elsewhere."""
    name, given, model = text.partition("=")
    if not (name and given):
        raise argparse.ArgumentTypeError(f"expected NAME=MODEL, got {text!r}")
    folder = Path(model)
    is_folder = bool(model) and folder.is_dir()
    return Mind(name, str(folder.resolve()) if is_folder else model)


def run_dialogue(args: argparse.Namespace, command: str) -> None:
    request = DialogueRequested(
        tuple(args.mind), args.scripts, args.out, tuple(args.only), args.judge, args.labels,
        ("--threads", str(args.threads)),
    )  # fmt: skip
    evaluate(request, command)


def evaluate(request: DialogueRequested, command: str) -> Mapping[str, Any]:
    """Writes report.md, transcripts.md and metrics.json; returns the numbers.

    Raises:
        SystemExit: there are no such scripts, or a server did not start.
    """
    play = read_folder(request.scripts)
    chosen = [each for each in play.scripts if _is_asked_for(each, request.only)]
    if not chosen:
        known = sorted({name for each in play.scripts for name in (each.id, *each.categories)})
        raise SystemExit(
            f"{request.scripts}: expected scripts to play, found none of "
            f"{', '.join(request.only) or 'any name'}; there are {', '.join(known) or 'none'}."
        )
    request.out.mkdir(parents=True, exist_ok=True)
    played: dict[str, list[PlayedScript]] = {}
    found: dict[str, Any] = {"command": command, "minds": {}}
    with Steps(len(request.minds) + bool(request.judge)) as steps:
        for mind in request.minds:
            steps.begin(f"talking with {mind.name}")
            played[mind.name] = play_all(mind, play.personas, chosen, request)
            found["minds"][mind.name] = scores(played[mind.name])
            found["minds"][mind.name]["notes"] = sorted(
                {note for script in played[mind.name] for note in script.notes}
            )
            write_words(request.out, played)
            steps.end()
        if request.judge:
            steps.begin("judging")
            judge = local_judge(open_base(request.judge, torch.bfloat16))
            told = judged(judge, request, play, played, found["minds"])
            found["judge"] = {"model": Path(request.judge).stem, **told}
            steps.end()
    metrics = write_metrics(found, request.out)
    (request.out / "report.md").write_text(text_of(metrics), "utf-8")
    return metrics


def judged(
    judge: Judge,
    request: DialogueRequested,
    play: Screenplay,
    played: Mapping[str, Sequence[PlayedScript]],
    minds: Mapping[str, dict[str, Any]],
) -> dict[str, float]:
    """Adds the judge's word to each mind; returns how far it agrees with the labels."""
    labels = read_folder(request.labels)
    trained = read_folder(request.labels.parent / "train")
    personas = trained.personas | play.personas | labels.personas
    told = agreement(scores_of_labels(labels.judged, personas, judge))
    texts = {name: persona_of(sheet) for name, sheet in play.personas.items()}
    for name, scripts in played.items():
        minds[name]["liked"] = liked(scripts, texts, judge, told["threshold"])
    return told


def _is_asked_for(script: EvaluationScript, only: Sequence[str]) -> bool:
    return not only or script.id in only or any(each in only for each in script.categories)


def play_all(
    mind: Mind,
    personas: Mapping[str, PersonaSheet],
    scripts: Sequence[EvaluationScript],
    request: DialogueRequested,
) -> list[PlayedScript]:
    """Every script against one mind, one after the other."""
    needed = {script.persona: personas[script.persona] for script in scripts}
    with tempfile.TemporaryDirectory() as folder:
        cast = write_cast(Path(folder), needed, mind)
        log = request.out / f"{mind.name}.log"
        with served(cast, log, request.serve) as address:
            return asyncio.run(_play(address, needed, scripts))


async def _play(
    address: str, personas: Mapping[str, PersonaSheet], scripts: Sequence[EvaluationScript]
) -> list[PlayedScript]:
    return [
        await ScriptPlayer(address, each.persona, personas[each.persona], each).play()
        for each in scripts
    ]


def write_words(out: Path, played: Mapping[str, Sequence[PlayedScript]]) -> None:
    (out / "transcripts.md").write_text(transcripts(played), "utf-8")
    plain = {mind: [script.plain() for script in scripts] for mind, scripts in played.items()}
    text = json.dumps(plain, ensure_ascii=False, indent=1) + "\n"
    (out / "transcripts.json").write_text(text, "utf-8")
