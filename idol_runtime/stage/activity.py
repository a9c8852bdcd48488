"""What a character does, as weights that blend from one activity into the next."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ACTIVITIES, FACE_ACTIVITIES

BLEND_PER_FRAME = 0.2
"""How fast the weights follow a change: 90 % within a third of a second."""

_TARGETS = dict(zip(ACTIVITIES, np.eye(len(ACTIVITIES), dtype=np.float32), strict=True))
_PULLS = {name: BLEND_PER_FRAME * target for name, target in _TARGETS.items()}
_SPEAK, _IDLE = FACE_ACTIVITIES.index("speak"), FACE_ACTIVITIES.index("idle")


@dataclass(frozen=True, slots=True, eq=False)
class ActivityBlend:
    """Weights for the generators of one character at one frame; the first is idle."""

    body: NDArray[np.float32] = field(default_factory=lambda: _TARGETS["idle"])
    """Shape (5,), in `ACTIVITIES` order; sums to 1."""
    singing: float = 0.0
    """How far the face of a dancing character sings, in [0, 1]."""

    def next(self, activity: str, *, has_voice: bool) -> "ActivityBlend":
        """The weights of the frame after this one, in which `activity` is to be done."""
        return ActivityBlend(
            (1 - BLEND_PER_FRAME) * self.body + _PULLS[activity],
            self.singing + BLEND_PER_FRAME * (float(has_voice) - self.singing),
        )

    @property
    def face(self) -> NDArray[np.float32]:
        """Shape (4,), in `FACE_ACTIVITIES` order: while dancing it sings or rests."""
        *face, dance = self.body
        row = np.array(face, np.float32)
        row[_SPEAK] += dance * self.singing
        row[_IDLE] += dance * (1 - self.singing)
        return row
