"""The dance's moves as scores: eight counts each, one row per voice.

A row's length says its rhythm: eight entries fall on the counts, four on every second one, sixteen
on the half counts; a row that is left out stays at 0. The feet are at home on counts 0 and 1 (home
is the stance of the style code), so that one move can give way to the next there. Everything is
written as it goes to the left first; `training.pose.dance` mirrors it. To add a move, write its
score here; nothing else knows how many there are but the signals that choose one
(`training.pose.drivers`).
"""

from dataclasses import dataclass, field
from typing import Final, Literal

Row = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A foot that leaves its place on the count before and stands here on the count."""

    foot: Literal["left", "right"]
    x: float = 0.0
    """Outward from home, in centimetres."""
    z: float = 0.0
    """Forward from home, in centimetres."""


@dataclass(frozen=True, slots=True)
class Score:
    """What the body does on the counts; angles in degrees as in `training.pose.posture`."""

    left: tuple[str, ...]
    """Poses of `training.pose.dance_arms.ARMS`."""
    right: tuple[str, ...]
    steps: dict[int, Step] = field(default_factory=dict)
    """By the count of their arrival, 2 to 8; 8 is the next eight's count 0."""
    weight: Row = (0,)
    """On which foot the body stands: 1 all on the left, -1 all on the right."""
    roll: Row = (0,)
    """Of the pelvis beyond what the weight makes it: > 0 lifts the left side."""
    yaw: Row = (0,)
    """Of the pelvis, to the left."""
    turn: Row = (0,)
    """Of the chest, to the left."""
    side: Row = (0,)
    """Of the chest, to the right."""
    lean: Row = (0,)
    """Of the chest, forward."""
    push: Row = (0,)
    """Of the pelvis forward, in centimetres."""
    down: Row = (0,)
    """How much lower the hips are, in centimetres, beside the bounce that every beat has."""
    look: Row = (0,)
    """Of the head, to the left."""
    nod: Row = (0,)
    """Of the head, down."""
    tilt: Row = (0,)
    """Of the head, to the right."""


MOVES: Final[dict[str, Score]] = {
    "step touch": Score(
        left=("chest", "clap", "side", "clap", "side", "clap", "low out", "clap"),
        right=("chest", "clap", "side", "clap", "side", "clap", "side", "clap"),
        steps={
            2: Step("left", x=16), 3: Step("right", x=-16), 4: Step("right"), 5: Step("left"),
            6: Step("right", x=14, z=4), 7: Step("right"),
        },
        weight=(-0.5, -1, 0.5, 1, -0.5, -1, 0.9, 0.3),
        side=(0, 4, -10, -4, 10, 4, -11, 0),
        lean=(0, 2, -3, 3, -3, 3, -4, 2),
        turn=(0, 0, 6, 0, -6, 0, -10, 0),
        look=(0, 0, 6, 0, -6, 0, -14, 0),
        tilt=(0, -5, 4, 6, -4, -6, 5, 0),
        down=(0, 1, 0, 1.5, 0, 1.5, 0, 1),
    ),
    "body rock": Score(
        left=("guard", "shoulder", "low out", "hip", "across", "front", "low out", "guard"),
        right=("guard", "shoulder", "low out", "across", "hip", "front", "low out", "guard"),
        steps={2: Step("left", x=18), 7: Step("left")},
        weight=(0, -1, 0.2, 0.9, -0.9, 0, 0, -0.9),
        roll=(0, 0, 0, 4, -4, 0, 0, 0),
        turn=(0, -4, 0, 12, -12, 0, 0, 0),
        side=(0, 4, 0, -12, 12, 0, 0, 6),
        # From count 4 to 6 a wave goes through the body: chest, waist, hips.
        lean=(0, 0, 2, 3, -4, 0, 2, 0, 2, 0, -9, 10, -4, 0, 2, 0),
        push=(0, 0, 0, 0, 0, 0, 0, 0, 0, -2, -4, 0, 5, 2, 0, 0),
        nod=(0, 0, 3, 0, 0, 0, 0, 0, 0, 0, -8, 8, -4, 0, 0, 0),
        look=(0, 0, 0, 10, -10, 0, 0, 0),
        down=(0, 1, 1, 0, 0, 1, 3, 0),
    ),
    "two-step wave": Score(
        left=("guard", "hip", "hip", "hip", "guard", "vee", "over", "flex"),
        right=("guard", "vee", "over", "vee", "guard", "hip", "hip", "hip"),
        steps={
            2: Step("left", z=15), 3: Step("right", z=15), 4: Step("right"), 5: Step("left"),
            6: Step("right", x=12), 7: Step("right"),
        },
        weight=(-0.4, -0.9, 0.8, 0.2, -0.8, -0.8, 0.9, 0.8),
        side=(0, 8, -10, 8, 0, -8, 10, -8),
        lean=(2, -2, 3, -3, 3, -2, 0, -2),
        turn=(0, -6, 6, -6, 0, 6, -6, 6),
        look=(0, -10, 0, -10, 0, 10, 0, 10),
        tilt=(0, 5, -5, 5, 0, -5, 5, -5),
    ),
    "hip sway": Score(
        left=("chest", "hip", "hip", "hip", "hip", "low out", "hip", "hip"),
        right=("chest", "hip", "hip", "shoulder", "head", "head", "shoulder", "hip"),
        steps={2: Step("left", x=10), 7: Step("left")},
        weight=(0.4, -1, 1, -1, 1, -1, 1, -0.9),
        roll=(2, -5, 6, -6, 6, -6, 8, -3),
        yaw=(0, -7, 7, -7, 10, -10, 12, 0),
        turn=(0, 5, -5, 5, -6, 6, -2, 0),
        side=(0, 3, -3, 3, -10, 8, -4, 0),
        look=(0, 0, 0, -8, 12, 18, -6, 0),
        tilt=(0, 5, -5, 5, -5, 6, -8, 0),
        down=(0, 0.5, 0.5, 1.5, 2.5, 2.5, 1, 0),
    ),
    "punches": Score(
        left=("guard", "guard", "up", "guard", "vee", "guard", "low out", "guard"),
        right=("guard", "up", "guard", "guard", "low out", "guard", "vee", "guard"),
        steps={2: Step("left", x=12), 5: Step("left"), 6: Step("right", x=12), 7: Step("right")},
        weight=(0, -0.6, 0.5, -0.3, 0.8, -0.8, -0.5, 0.9),
        turn=(0, 9, -9, 0, 12, 0, -12, 0),
        side=(0, -5, 5, 0, 11, 0, -11, 0),
        lean=(4, -2, -2, 4, -4, 5, -4, 5),
        look=(0, -4, 4, 0, 20, 0, -20, 0),
        nod=(4, -4, -4, 4, -6, 5, -6, 5),
        down=(1.5, 0.5, 0.5, 2, 0, 2.5, 0, 2),
    ),
    "windmill": Score(
        left=("fore", "across", "over", "vee", "over", "vee", "side", "low out"),
        right=("fore", "side", "vee", "over", "vee", "over", "across", "low"),
        steps={2: Step("left", x=12), 7: Step("left")},
        weight=(-0.4, -1, -0.6, 1, -1, 1, 0.8, -0.8),
        roll=(0, -3, -3, 4, -4, 4, 3, 0),
        turn=(-6, -10, -4, 4, -4, 4, 12, 6),
        side=(6, 8, 11, -14, 14, -14, -8, -4),
        lean=(5, 1, -3, -3, -3, -3, 1, 5),
        look=(-8, -14, -4, 4, -4, 4, 14, 8),
        tilt=(2, 0, 5, -6, 6, -6, 0, -2),
        down=(1.5, 0.5, 0, 0, 0, 0, 0.5, 1.5),
    ),
    "heart": Score(
        left=("cheek", "love", "flex", "heart", "heart", "flex", "high clap", "flex"),
        right=("cheek", "love", "flex", "heart", "heart", "flex", "high clap", "flex"),
        steps={
            2: Step("left", x=4, z=10), 5: Step("left"), 6: Step("right", x=8), 7: Step("right"),
        },
        weight=(-0.3, -0.9, 0.3, 0.8, -0.8, -0.7, 0.7, 0.8),
        side=(3, -4, 0, -11, 11, 0, 0, 0),
        lean=(2, 5, -2, -4, -4, -2, 2, 2),
        tilt=(8, -8, 0, -7, 7, 0, 0, 0),
        nod=(2, 4, 0, -4, -4, 0, -8, 2),
        down=(1, 2.5, 0, 0, 0, 2, 0, 2),
    ),
    "twist": Score(
        left=("guard", "across", "low out", "across", "low out", "fore", "side", "guard"),
        right=("guard", "low out", "across", "low out", "across", "back", "side", "guard"),
        steps={3: Step("right", x=8), 7: Step("right")},
        weight=(0.3, 0.5, 0.6, 0.2, -0.4, 0.4, 0, 0.9),
        yaw=(0, 12, -12, 12, -12, 12, 0, 0),
        turn=(0, -22, 22, -22, 22, -22, 0, 0),
        lean=(3, 6, 6, 7, 8, 8, -4, 3),
        look=(0, 6, -6, 6, -6, 6, 0, 0),
        nod=(0, 4, 4, 4, 4, 4, -6, 0),
        down=(1, 2, 2.5, 3, 3.5, 3.5, 0.5, 1.5),
    ),
}  # fmt: skip
