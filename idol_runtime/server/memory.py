"""Memory that the C library keeps when it is freed."""

import asyncio
import ctypes
import sys
from collections.abc import Callable

GIVE_BACK_S = 0.5
"""After a session: what is freed by then goes back in one go."""


def trim() -> None:
    """Gives back to the system what is freed; glibc keeps the holes between what is in use.

    Under a millisecond for a server of 100 MB. Does nothing where the library has no such call.
    """
    if sys.platform == "linux" and (call := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        call(0)


class FreedMemory:
    """Gives memory back a while after it was asked to, once for all who ask meanwhile."""

    def __init__(self, trim: Callable[[], None] = trim, *, after_s: float = GIVE_BACK_S) -> None:
        self._trim = trim
        self._after_s = after_s
        self._is_due = False

    def give_back_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(self._after_s, self._give_back)

    def _give_back(self) -> None:
        self._is_due = False
        self._trim()
