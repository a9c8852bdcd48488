"""The whole evaluation of a face run: what to measure with what is at hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from training.evaluation.frame_cost import frame_cost
from training.face.data import sound_of
from training.face.evaluation import alive
from training.face.evaluation.ablations import alive_row, mouth_row
from training.face.evaluation.captures import (
    WITHOUT_GAN,
    Judged,
    judge,
    score_set,
)
from training.face.evaluation.measures import Blinks
from training.face.evaluation.realism import Reference
from training.face.evaluation.sets import (
    Captures,
    Clip,
    Subject,
    held_out_speech,
    load_captures,
    refuse_seen,
    talk,
)
from training.face.evaluation.vertices import ArkitHead
from training.face.evaluation.voices import KNOWN, UNKNOWN, score_voices
from training.face.speech import Utterance

MAIN: Final = "this run"
Metrics = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What to evaluate and with what; everything but the run may be absent."""

    run: Path
    data: Path | None = None
    speech: Path | None = None
    folds: Mapping[str, Path] = field(default_factory=dict)
    """Recording -> the run that never trained on it."""
    without_gan: Path | None = None
    ablations: Mapping[str, Path] = field(default_factory=dict)
    bundle: Path | None = None
    head: ArkitHead | None = None
    by_speaker: tuple[str, ...] = ("grid",)
    """Data sets whose speakers no judged run may have trained on."""
    silence_s: int = 300
    drift_minutes: int = 10
    seeds: int = 4


@dataclass(slots=True)
class Findings:
    metrics: Metrics
    judged: dict[str, list[Judged]] = field(default_factory=dict)
    """Data set -> its clips as they were played."""
    living: alive.Living | None = None
    blinks: dict[str, Blinks] = field(default_factory=dict)
    real_blinks: dict[str, Blinks] = field(default_factory=dict)
    real_motion: dict[str, dict[str, list[NDArray[Any]]]] = field(default_factory=dict)


@dataclass(slots=True)
class _Bench:
    """Everything that was opened, checked against what each run trained on."""

    request: Request
    main: Subject
    folds: dict[str, Subject]
    without_gan: Subject | None
    ablations: dict[str, Subject]
    captures: Captures
    utterances: list[Utterance]
    reference: Reference | None
    unseen: Reference | None
    """Of the takes that no critic was shown; None when all or none of them were."""

    @property
    def beside(self) -> dict[str, Subject]:
        first = {WITHOUT_GAN: self.without_gan} if self.without_gan else {}
        return first | self.ablations

    @property
    def voice(self) -> NDArray[np.float32] | None:
        """Somebody's speech that the run never heard, as long as the silences."""
        seconds = self.request.silence_s
        if self.utterances:
            return talk(self.utterances, seconds)
        unseen = [c for c in self.captures.clips if self.main.may_judge(c)]
        said = [Utterance(sound_of(clip.recording), [], clip.name, "") for clip in unseen]
        return talk(said, seconds) if said else None

    def pairs(self, dataset: str) -> list[tuple[Clip, Subject]]:
        """Clips of a set with the run that may be scored on each: its fold, else the main run."""
        found = []
        for clip in self.captures.of(dataset):
            if clip.name in self.folds:
                found.append((clip, self.folds[clip.name]))
            elif self.main.may_judge(clip):
                found.append((clip, self.main))
        return found


def evaluate(request: Request) -> Findings:
    """Measures everything that the material allows.

    Raises:
        SystemExit: a run would be scored on what it trained on, or an input is not what it
            should be.
    """
    bench = _open(request)
    findings = Findings({"inputs": _inputs(bench)})
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()) as bar:
        task = bar.add_task("")
        for name, measure in _sections(bench).items():
            bar.update(task, description=name.replace("_", " "))
            result = measure(bench, findings)
            if result is not None:
                findings.metrics[name] = result
    return findings


def _sections(bench: _Bench) -> dict[str, Callable[[_Bench, Findings], Metrics | None]]:
    every: dict[str, Callable[[_Bench, Findings], Metrics | None]] = {
        "captures": _captures,
        "voices": _voices,
        "silence": _silence,
        "blinks": _blinks,
        "brows_head_eyes": _motion,
        "frechet": _frechet,
        "frechet_unseen_takes": _frechet_unseen,
        "diversity": lambda _, found: alive.diversity(_lived(found)),
        "drift": lambda bench, _: alive.drift(
            bench.main, bench.voice, minutes=bench.request.drift_minutes
        ),
        "cost": lambda bench, _: _cost(bench.request.bundle),
    }
    if bench.beside:
        every["ablations"] = _ablations
    return every


def _cost(bundle: Path | None) -> dict[str, Any] | None:
    return frame_cost(bundle, "face") if bundle else None


def _open(request: Request) -> _Bench:
    main = Subject.open(MAIN, request.run)
    folds = {name: Subject.open(f"fold {name}", run) for name, run in request.folds.items()}
    without_gan = Subject.open(WITHOUT_GAN, request.without_gan) if request.without_gan else None
    ablations = {name: Subject.open(name, run) for name, run in request.ablations.items()}
    captures = load_captures(request.data) if request.data else Captures()
    clips = {clip.name: clip for clip in captures.clips}
    for name, subject in folds.items():
        if name not in clips:
            raise SystemExit(
                f"--fold {name}: expected a captured recording with sound, found "
                f"{', '.join(sorted(clips)) or 'none'}; check the name and --data."
            )
        refuse_seen(subject, [clips[name]], "its fold")
    for subject in [main, *([without_gan] if without_gan else []), *ablations.values()]:
        for dataset in request.by_speaker:
            refuse_seen(subject, captures.of(dataset), f"{dataset}, by speaker")
    utterances = held_out_speech(request.speech) if request.speech else []
    unseen = tuple(take for take in captures.takes if main.may_judge(take))
    some = replace(captures, takes=unseen) if 0 < len(unseen) < len(captures.takes) else None
    return _Bench(request, main, folds, without_gan, ablations, captures, utterances,
                  Reference.of(captures), Reference.of(some) if some else None)  # fmt: skip


def _inputs(bench: _Bench) -> Metrics:
    """What was at hand, and what was not and is therefore not measured."""
    request, captures = bench.request, bench.captures
    scored = {clip.name for name in captures.paired for clip, _ in bench.pairs(name)}
    missing = {
        "no --data: nothing is compared with real captures": not request.data,
        "no captured clip that the run never trained on": bool(request.data) and not scored,
        "no takes of the upper face without sound: no real blinks, no Frechet distance":
            bool(request.data) and bench.reference is None,
        "no --speech: no closures, no held-out voices": not request.speech,
        "no --fold: no leave-one-clip-out": not request.folds,
        "no --without-gan: what the adversarial part adds is not measured": not bench.without_gan,
        "no --bundle: no frame cost": not request.bundle,
        "no --head: no errors in millimetres": not request.head,
    }  # fmt: skip
    return {
        "data_sets": {card.name: {"licence": card.licence} for card in captures.cards},
        "trained_on_and_not_scored": sorted(
            clip.name for clip in captures.clips if clip.name not in scored
        ),
        "missing": [text for text, absent in missing.items() if absent],
    }


def _captures(bench: _Bench, findings: Findings) -> Metrics | None:
    found = {}
    for dataset in bench.captures.paired:
        pairs = bench.pairs(dataset)
        if pairs:
            judged = findings.judged[dataset] = judge(pairs, bench.without_gan)
            found[dataset] = score_set(judged, bench.captures, bench.request.head)
    return found or None


def _voices(bench: _Bench, _: Findings) -> Metrics | None:
    if not bench.utterances:
        return None
    return score_voices(bench.main, bench.utterances, more=bench.beside)


def _live(bench: _Bench, subject: Subject) -> alive.Living:
    request = bench.request
    return alive.live(subject, bench.voice, seconds=request.silence_s, seeds=request.seeds)


def _lived(findings: Findings) -> alive.Living:
    assert findings.living is not None
    return findings.living


def _silence(bench: _Bench, findings: Findings) -> Metrics:
    findings.living = _live(bench, bench.main)
    return alive.in_silence(findings.living)


def _blinks(bench: _Bench, findings: Findings) -> Metrics:
    findings.blinks = alive.made_blinks(_lived(findings))
    findings.real_blinks = alive.real_blinks(bench.captures)
    return alive.compare_blinks(findings.blinks, findings.real_blinks)


def _motion(bench: _Bench, findings: Findings) -> Metrics:
    findings.real_motion = alive.real_motion(bench.captures)
    return alive.compare_motion(_lived(findings).by_activity["speak"], findings.real_motion)


def _frechet(bench: _Bench, findings: Findings) -> Metrics | None:
    shown = [take.name for take in bench.captures.takes if not bench.main.may_judge(take)]
    return _distances(bench.reference, findings, shown)


def _frechet_unseen(bench: _Bench, findings: Findings) -> Metrics | None:
    """The same to takes that no critic was shown, when the run held some out and saw others."""
    return _distances(bench.unseen, findings, [])


def _distances(
    reference: Reference | None, findings: Findings, shown: Sequence[str]
) -> Metrics | None:
    if reference is None:
        return None
    living = _lived(findings)
    motions = {name: [motion] for name, motion in living.by_activity.items()}
    everything = {"all activities": list(living.by_activity.values())}
    return reference.report(motions | everything) | {"shown_to_critics": list(shown)}


def _ablations(bench: _Bench, findings: Findings) -> Metrics:
    """Every run on the same material: the clips that none of them trained on."""
    subjects = [bench.main, *bench.beside.values()]
    common = [clip for clip in bench.captures.clips if all(s.may_judge(clip) for s in subjects)]
    voices = findings.metrics.get("voices")
    rows = {}
    for subject in subjects:
        own = subject is bench.main
        row = mouth_row(subject, common)
        if voices:
            for name in (KNOWN, UNKNOWN):
                held = voices[name] if own else voices[name]["controls"][subject.name]
                row[f"closure F1, {name}"] = held["closure_f1"]
        living = _lived(findings) if own else _live(bench, subject)
        references = {"": bench.reference, " (unseen takes)": bench.unseen}
        rows[subject.name] = row | alive_row(living, bench.captures, references)
    return {"clips": [clip.name for clip in common], "rows": rows}
