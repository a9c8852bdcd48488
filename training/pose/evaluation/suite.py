"""The whole evaluation of a pose run: what to measure with what is at hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from idol_protocol.frames import FPS
from training.evaluation.frame_cost import frame_cost
from training.pose.data import read_voices
from training.pose.evaluation import sections
from training.pose.evaluation.bench import (
    GENERATOR,
    TEACHER,
    WITHOUT_GAN,
    Bench,
    Played,
    Scenes,
)
from training.pose.evaluation.captures import Capture, read_captures
from training.pose.evaluation.performance import Performer, open_run, teacher
from training.pose.evaluation.recognition import Templates
from training.pose.evaluation.scenes import alone, conversation, dancing, gesturing

Array = NDArray[Any]
Metrics = dict[str, Any]

BPMS: Final = (76, 84, 92, 100, 108, 116, 124, 132, 140, 148)
_TEMPLATE_SEED: Final = 77
"""Of the teacher's performances that gestures are recognised by; no judged body shares it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to evaluate, with what, and how long; everything but the run may be absent."""

    run: Path
    data: Path | None = None
    bundle: Path | None = None
    without_gan: Path | None = None
    seed: int = 1
    idle_s: int = 600
    scene_s: int = 60
    bodies: int = 8


@dataclass(slots=True)
class Findings:
    metrics: Metrics
    scenes: Scenes
    played: dict[str, Played] = field(default_factory=dict)
    captures: list[Capture] = field(default_factory=list)


def evaluate(request: Request) -> Findings:
    """Measures everything that the material allows.

    Raises:
        SystemExit: an input is not what it should be.
    """
    performers: dict[str, Performer] = {GENERATOR: open_run(request.run), TEACHER: teacher}
    if request.without_gan:
        performers[WITHOUT_GAN] = open_run(request.without_gan)
    return judge(performers, request)


def judge(performers: Mapping[str, Performer], request: Request) -> Findings:
    """Plays every performer through the scenes and measures them side by side."""
    # Before anything turns beside it, a progress bar included.
    cost = frame_cost(request.bundle, "pose") if request.bundle else None
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()) as bar:
        task = bar.add_task("captures")
        captures = read_captures(request.data) if request.data else []
        voices = unheard_voices(request.data)
        scenes = set_scenes(voices, request)
        findings = Findings(
            {"inputs": inputs(request, len(voices), captures)}, scenes, captures=captures
        )
        for name, performer in performers.items():
            bar.update(task, description=f"{name} performs")
            findings.played[name] = play(performer, scenes)
        bar.update(task, description="templates")
        bench = Bench(scenes, findings.played, captures, _templates(2 * request.bodies))
        for name, measure in SECTIONS.items():
            bar.update(task, description=name.replace("_", " "))
            result = measure(bench)
            if result:
                findings.metrics[name] = result
        if cost:
            findings.metrics["cost"] = cost
    return findings


def unheard_voices(data: Path | None) -> list[NDArray[np.float32]]:
    """The GRID speakers, whom no pose training hears."""
    folder = data / "face" / "grid" if data else None
    return read_voices([folder]) if folder and folder.exists() else []


def set_scenes(voices: Sequence[Array], request: Request) -> Scenes:
    seed, bodies = 10_000 * request.seed, range(request.bodies)
    return Scenes(
        talk=conversation(voices, 12, request.scene_s, seed),
        idle=alone("idle", request.idle_s, [seed + 100, seed + 101]),
        idle_seeds=alone("idle", request.scene_s, [seed + 200 + each for each in bodies]),
        listen=alone("listen", request.scene_s, [seed + 500 + each for each in bodies]),
        think=alone("think", request.scene_s, [seed + 600 + each for each in bodies]),
        speech=alone("speak", request.scene_s, [seed + 300 + each for each in bodies],
                     voices=voices),
        dance=dancing(request.scene_s // 2, BPMS, seed + 400),
        gestures=gesturing(request.bodies, request.seed),
    )  # fmt: skip


def play(performer: Performer, scenes: Scenes) -> Played:
    asked = scenes.gestures.given
    nothing = asked._replace(gesture=torch.zeros_like(asked.gesture))
    return Played(
        *(performer(given) for given in (scenes.talk, scenes.idle, scenes.idle_seeds)),
        *(performer(given) for given in (scenes.listen, scenes.think)),
        *(performer(given) for given in (scenes.speech, scenes.dance, asked, nothing)),
    )


def inputs(request: Request, voices: int, captures: Sequence[Capture]) -> Metrics:
    return {
        "seed": request.seed,
        "voices": voices,
        "voices_are": "GRID speakers" if voices else "none at hand: syllables of noise",
        "captures": len(captures),
        "captured_s": sum(capture.seconds for capture in captures),
        "captured_subjects": sorted({capture.subject for capture in captures}),
        "calm_captured_s": sum(int(capture.calm.sum()) for capture in captures) / FPS,
        "idle_s": request.idle_s,
        "bodies": request.bodies,
    }


def _templates(each: int) -> Templates:
    asked = gesturing(each, _TEMPLATE_SEED)
    nothing = asked.given._replace(gesture=torch.zeros_like(asked.given.gesture))
    return Templates.of((teacher(asked.given), asked), (teacher(nothing), asked))


SECTIONS: Final[dict[str, Callable[[Bench], Metrics | None]]] = {
    "jerk": sections.jerk,
    "frechet": sections.frechet,
    "dance": sections.dance,
    "speech": sections.speech,
    "gestures": sections.gestures,
    "sameness": sections.repeats,
    "feet": sections.feet,
    "joint_limits": sections.limits,
    "self_penetration": sections.penetration,
    "turns": sections.turns,
    "transitions": sections.changes,
    "steadiness": sections.steadiness,
}
