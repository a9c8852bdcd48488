"""A real stage that says who is on it."""

from dataclasses import dataclass, field

from idol_runtime.character import Character
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.stage import Stage


@dataclass
class CountedStage:
    """The part of a stage that a cast needs, and what was asked of it."""

    stage: Stage
    performers: list[Performer] = field(default_factory=list)
    """Who is on the stage."""
    seeds: list[int] = field(default_factory=list)
    """Of all who ever were."""

    def join(self, character: Character, seed: int) -> Performer:
        performer = self.stage.join(character, seed)
        self.performers.append(performer)
        self.seeds.append(seed)
        return performer

    def leave(self, performer: Performer) -> None:
        self.stage.leave(performer)
        self.performers.remove(performer)

    def now_us(self, performer: Performer) -> int:
        return self.stage.now_us(performer)
