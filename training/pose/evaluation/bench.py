"""What every section of a body's evaluation looks at: scenes, who played them, and captures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.evaluation.frame_cost import frame_cost
from training.evaluation.report import WITHOUT_GAN, Metrics
from training.pose.conditions import PoseConditions
from training.pose.data import read_voices
from training.pose.evaluation.captures import Capture, read_captures
from training.pose.evaluation.performance import BodyMotion, Performer, open_run, teacher
from training.pose.evaluation.recognition import Templates
from training.pose.evaluation.scenes import Asked, alone, conversation, dancing, gesturing

Array = NDArray[Any]

GENERATOR: Final = "the generator"
TEACHER: Final = "the teacher"
BPMS: Final = (76, 84, 92, 100, 108, 116, 124, 132, 140, 148)
_TEMPLATE_SEED: Final = 77
"""Of the teacher's performances that gestures are recognised by; no judged body shares it."""


@dataclass(frozen=True, slots=True)
class PoseRequest:
    """What to evaluate, with what, and how long; everything but the run may be absent."""

    run: Path
    data: Path | None = None
    bundle: Path | None = None
    without_gan: Path | None = None
    seed: int = 1
    idle_s: int = 600
    scene_s: int = 60
    bodies: int = 8
    moments: int = 5
    """Of each gesture and activity in the pictures."""
    film_s: int = 20


@dataclass(frozen=True, slots=True, eq=False)
class Scenes:
    """The same for every performer."""

    talk: PoseConditions
    """Scripts of everything: activities, moods, gestures, some cut."""
    idle: PoseConditions
    """One style, two seeds, long."""
    idle_seeds: PoseConditions
    listen: PoseConditions
    think: PoseConditions
    speech: PoseConditions
    dance: PoseConditions
    gestures: Asked

    @classmethod
    def of(cls, request: PoseRequest, voices: Sequence[Array]) -> "Scenes":
        seconds, seed = request.scene_s, 10_000 * request.seed

        def bodies(first: int) -> list[int]:
            return [seed + first + each for each in range(request.bodies)]

        return cls(
            talk=conversation(voices, 12, seconds, seed),
            idle=alone("idle", request.idle_s, [seed + 100, seed + 101]),
            idle_seeds=alone("idle", seconds, bodies(200)),
            listen=alone("listen", seconds, bodies(500)),
            think=alone("think", seconds, bodies(600)),
            speech=alone("speak", seconds, bodies(300), voices=voices),
            dance=dancing(seconds // 2, BPMS, seed + 400),
            gestures=gesturing(request.bodies, request.seed),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What one performer does in each of the scenes."""

    talk: BodyMotion
    idle: BodyMotion
    idle_seeds: BodyMotion
    listen: BodyMotion
    think: BodyMotion
    speech: BodyMotion
    dance: BodyMotion
    gestures: BodyMotion
    unasked: BodyMotion
    """The scene of the gestures with nothing asked."""

    @classmethod
    def of(cls, performer: Performer, scenes: Scenes) -> "Played":
        alike = ("talk", "idle", "idle_seeds", "listen", "think", "speech", "dance")
        return cls(
            **{name: performer(getattr(scenes, name)) for name in alike},
            gestures=performer(scenes.gestures.given),
            unasked=performer(scenes.gestures.nothing),
        )

    def by_activity(self) -> dict[str, BodyMotion]:
        return {
            "idle": self.idle_seeds, "listen": self.listen, "think": self.think,
            "speech": self.speech, "dance": self.dance, "gestures": self.gestures,
            "conversation": self.talk,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class PoseBench:
    request: PoseRequest
    performers: Mapping[str, Performer]
    """The judged one first."""
    voices: Sequence[Array]
    captures: Sequence[Capture]
    cost: Metrics | None

    @classmethod
    def open(
        cls, request: PoseRequest, performers: Mapping[str, Performer] | None = None
    ) -> "PoseBench":
        """Opens runs and material; `performers` stand in for those of the request.

        Raises:
            SystemExit: an input is not what it should be.
        """
        if performers is None:
            performers = {GENERATOR: open_run(request.run), TEACHER: teacher}
            if request.without_gan:
                performers[WITHOUT_GAN] = open_run(request.without_gan)
        # Measured before a progress bar or anything else takes time from it.
        cost = frame_cost(request.bundle, "pose") if request.bundle else None
        captures = read_captures(request.data) if request.data else []
        return cls(request, performers, _unheard_voices(request.data), captures, cost)

    @cached_property
    def scenes(self) -> Scenes:
        return Scenes.of(self.request, self.voices)

    @cached_property
    def played(self) -> dict[str, Played]:
        return {name: Played.of(each, self.scenes) for name, each in self.performers.items()}

    @property
    def first(self) -> Played:
        """What the judged performer does."""
        return next(iter(self.played.values()))

    @cached_property
    def templates(self) -> Templates:
        asked = gesturing(2 * self.request.bodies, _TEMPLATE_SEED)
        return Templates.of((teacher(asked.given), asked), (teacher(asked.nothing), asked))


def _unheard_voices(data: Path | None) -> list[NDArray[np.float32]]:
    """The GRID speakers, whom no pose training hears."""
    folder = data / "face" / "grid" if data else None
    return read_voices([folder]) if folder and folder.exists() else []
