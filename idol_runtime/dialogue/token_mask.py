"""What a reply may go on with, token by token."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class TokenMask(Protocol):
    """Of one reply. Every token that is drawn is told before the next is asked for."""

    def allowed(self) -> NDArray[np.int32]:
        """A bit for each token, 32 in a word, the lowest first; at least one is set."""
        ...

    def advance(self, token: int) -> None:
        """This token, an allowed one, was drawn."""
        ...

    def forced(self) -> Sequence[int]:
        """Tokens that must come next, whatever the model would say; often empty."""
        ...
