"""The observers of a character's timeline; one that fails is evicted, the others go on."""

import logging
from collections.abc import Callable

from idol_runtime.errors import IdolError
from idol_runtime.timeline import Frame, Observer

log = logging.getLogger(__name__)


class Observers:
    """Of one character, in the order in which they came."""

    def __init__(self, character_name: str, on_eviction: Callable[[str], None]) -> None:
        self._character_name = character_name
        self._on_eviction = on_eviction
        self._attached: dict[int, tuple[Observer, Callable[[], None]]] = {}
        """By what they are, not what they equal: an observer need not be hashable."""

    def attach(self, observer: Observer, on_evicted: Callable[[], None]) -> None:
        self._attached.setdefault(id(observer), (observer, on_evicted))

    def detach(self, observer: Observer) -> None:
        self._attached.pop(id(observer), None)

    def emit(self, frame: Frame) -> None:
        for key, (observer, _) in tuple(self._attached.items()):
            if key not in self._attached:  # one before it has detached it
                continue
            try:
                observer.on_frame(frame)
            except Exception as error:  # a defect of one must not stop the character
                self.evict(observer, error)

    def evict(self, observer: Observer, error: Exception) -> None:
        """Drops one that failed: one line in the log, one more on the count."""
        kind = type(observer).__name__
        # Only messages of our own are known to quote nothing that was said.
        reason = str(error) if isinstance(error, IdolError) else type(error).__name__
        log.error("%s evicted from the timeline of %s: %s", kind, self._character_name, reason)
        self._on_eviction(kind)
        if (attached := self._attached.pop(id(observer), None)) is not None:
            _, on_evicted = attached
            on_evicted()
