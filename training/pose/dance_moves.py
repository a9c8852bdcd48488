"""The dance's moves, eight counts each: a row per count, where the body is on that count.

Feet are at home on counts 0 and 1, so that one move can give way to the next. A foot whose place
differs from one count to the next steps there in between. `left_x` and `right_x` are outward, in
centimetres, `hips` to the left, angles in degrees as in `training.pose.posture`.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Key:
    """The body on one count."""

    left: str
    """A pose of `training.pose.arm_poses.ARMS`."""
    right: str
    hips: float = 0.0
    roll: float = 0.0
    """Of the pelvis: > 0 lifts the left side."""
    turn: float = 0.0
    side: float = 0.0
    lean: float = 0.0
    look: float = 0.0
    tilt: float = 0.0
    down: float = 0.0
    """How much lower the hips are, in centimetres."""
    left_x: float = 0.0
    left_z: float = 0.0
    right_x: float = 0.0
    right_z: float = 0.0


MOVES: Final[dict[str, tuple[Key, ...]]] = {
    "step touch": (
        Key("chest", "chest"),
        Key("out", "out", hips=2),
        Key("side", "side", hips=7, roll=3, side=-4, left_x=14, down=1.5),
        Key("chest", "chest", hips=14, side=3, tilt=5, left_x=14, right_x=-14),
        Key("clap", "clap", hips=14, tilt=-4, left_x=14, right_x=-14, down=1.5),
        Key("side", "side", hips=7, roll=-3, side=4, left_x=14, down=1.5),
        Key("chest", "chest", side=-3, tilt=-5),
        Key("clap", "clap", tilt=4, down=1.5),
    ),
    "overhead sway": (
        Key("flex", "flex"),
        Key("vee", "vee", lean=-3),
        Key("high", "high", hips=4, roll=4, side=-8, tilt=-6),
        Key("high", "high", hips=-4, roll=-4, side=8, tilt=6),
        Key("high", "high", hips=4, roll=4, side=-8, tilt=-6),
        Key("vee", "vee", hips=-4, roll=-4, side=8, tilt=6),
        Key("flex", "flex", hips=3, roll=3, side=-4),
        Key("guard", "guard", hips=-3, roll=-3, side=4),
    ),
    "arm wave": (
        Key("hip", "guard", tilt=3),
        Key("hip", "flex", hips=-2, turn=-6, look=-8),
        Key("hip", "vee", hips=-5, roll=-3, turn=-10, look=-12, right_x=10, down=1),
        Key("hip", "flex", hips=-2, turn=-4, right_x=10),
        Key("guard", "hip", hips=0, tilt=-3),
        Key("flex", "hip", hips=2, turn=6, look=8),
        Key("vee", "hip", hips=5, roll=3, turn=10, look=12, left_x=10, down=1),
        Key("flex", "hip", hips=2, turn=4),
    ),
    "hip sway": (
        Key("hip", "hip"),
        Key("hip", "hip", hips=4.5, roll=6, side=-5, turn=3, tilt=5),
        Key("hip", "hip", hips=-4.5, roll=-6, side=5, turn=-3, tilt=-5),
        Key("hip", "hip", hips=4.5, roll=6, side=-5, turn=3, tilt=5, down=2),
        Key("hip", "hip", hips=-4.5, roll=-6, side=5, turn=-3, tilt=-5, down=3),
        Key("low", "hip", hips=4.5, roll=6, side=-5, turn=8, look=10, down=2),
        Key("out", "hip", hips=-4.5, roll=-6, side=5, turn=10, look=14),
        Key("low", "hip", hips=3, roll=3, side=-3),
    ),
    "punches": (
        Key("guard", "guard", down=1),
        Key("guard", "punch", turn=10, hips=-2, look=-4),
        Key("punch", "guard", turn=-10, hips=4, left_x=10, down=2),
        Key("guard", "punch", turn=10, hips=4, left_x=10, look=4),
        Key("punch", "guard", turn=-10, hips=2, left_x=10, right_x=4, down=2),
        Key("guard", "punch", turn=10, hips=2, left_x=10, right_x=4),
        Key("punch", "punch", hips=2, lean=-4, left_x=10, down=2),
        Key("guard", "guard", hips=0, down=1),
    ),
    "windmill": (
        Key("low", "low", down=1.5),
        Key("out", "out", side=-3, hips=2),
        Key("side", "side", hips=4, roll=3, side=-5, left_x=8),
        Key("vee", "vee", hips=4, lean=-4, left_x=8),
        Key("high", "high", hips=2, lean=-2, look=0, left_x=8, down=1.5),
        Key("vee", "vee", hips=-2, roll=-3, side=4, left_x=8),
        Key("side", "side", hips=-3, side=5),
        Key("out", "out", side=2),
    ),
    "heart": (
        Key("chest", "chest"),
        Key("guard", "guard", down=1.5, lean=4),
        Key("flex", "flex", left_z=10, hips=2),
        Key("vee", "vee", left_z=10, right_z=10, lean=-4),
        Key("crown", "crown", left_z=10, right_z=10, tilt=8, side=4),
        Key("crown", "crown", left_z=10, right_z=10, tilt=-8, side=-4, down=2),
        Key("flex", "flex", left_z=10),
        Key("cheek", "cheek", tilt=6, down=1),
    ),
    "twist": (
        Key("guard", "guard", down=2),
        Key("across", "back", turn=-14, look=6, hips=-1.5, down=3),
        Key("back", "across", turn=14, look=-6, hips=1.5, down=3),
        Key("across", "back", turn=-14, look=6, hips=-3, right_x=8, down=3),
        Key("back", "across", turn=14, look=-6, hips=-2, right_x=8, down=4),
        Key("across", "back", turn=-14, look=6, hips=-3, right_x=8, down=3),
        Key("side", "side", turn=0, hips=-2, lean=-3, right_x=8),
        Key("guard", "guard", down=2),
    ),
}
