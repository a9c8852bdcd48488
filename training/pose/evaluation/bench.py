"""What every section of the evaluation looks at: scenes, who played them, and captures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from training.pose.conditions import Conditions
from training.pose.evaluation.captures import Capture
from training.pose.evaluation.performance import Performance
from training.pose.evaluation.recognition import Templates
from training.pose.evaluation.scenes import Asked

GENERATOR: Final = "the generator"
TEACHER: Final = "the teacher"
WITHOUT_GAN: Final = "same model without the adversarial part"


@dataclass(frozen=True, slots=True, eq=False)
class Scenes:
    """The same for every performer."""

    talk: Conditions
    """Scripts of everything: activities, moods, gestures, some cut."""
    idle: Conditions
    """One style, two seeds, long."""
    idle_seeds: Conditions
    listen: Conditions
    think: Conditions
    speech: Conditions
    dance: Conditions
    gestures: Asked


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What one performer does in each of the scenes."""

    talk: Performance
    idle: Performance
    idle_seeds: Performance
    listen: Performance
    think: Performance
    speech: Performance
    dance: Performance
    gestures: Performance
    unasked: Performance
    """The scene of the gestures with nothing asked."""

    def by_activity(self) -> dict[str, Performance]:
        return {
            "idle": self.idle_seeds, "listen": self.listen, "think": self.think,
            "speech": self.speech, "dance": self.dance, "gestures": self.gestures,
            "conversation": self.talk,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """Everything that a section of the report measures."""

    scenes: Scenes
    played: Mapping[str, Played]
    captures: Sequence[Capture]
    templates: Templates
