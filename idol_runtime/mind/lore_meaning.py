"""Lore that comes up though none of its keys was said: what means nearly the same. English."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from idol_runtime.character.lore import LoreSettings
from idol_runtime.mind.lorebook import ByMeaning

AT_ONCE: Final = 8
"""Texts are read in so small parts that nobody else waits long for the same model."""
MOST_KEPT: Final = 20_000
"""Vectors of texts, 1.5 kB each."""


class Embed(Protocol):
    """Vectors of texts, of unit length; None where there are none, or not in time."""

    async def __call__(
        self, texts: Sequence[str], *, is_waited_for: bool = True
    ) -> NDArray[np.float32] | None: ...


class Meanings:
    """What texts of lore mean, for all conversations: read once, beside whatever is said.

    An answer never waits for a book to be read; what was not read yet does not come up.
    """

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._reading: asyncio.Task[None] | None = None

    def of(self, settings: LoreSettings) -> ByMeaning | None:
        """Finds entries as the settings have it; None where they want none found."""
        if not settings.by_meaning:
            return None

        async def find(said: str, texts: Sequence[str]) -> Sequence[int]:
            return await self._nearest(said, texts, settings)

        return find

    async def _nearest(
        self, said: str, texts: Sequence[str], settings: LoreSettings
    ) -> Sequence[int]:
        known = [at for at, each in enumerate(texts) if each in self._vectors]
        if len(known) < len(texts) and (self._reading is None or self._reading.done()):
            unread = [each for each in dict.fromkeys(texts) if each not in self._vectors]
            self._reading = asyncio.create_task(self._read(unread))
        if not known:
            return ()
        vector = await self._embed([said])
        if vector is None:
            return ()
        nearness = np.stack([self._vectors[texts[at]] for at in known]) @ vector[0]
        order = np.argsort(-nearness, kind="stable")[: settings.by_meaning]
        return [known[at] for at in order if nearness[at] >= settings.least_meaning]

    async def _read(self, texts: Sequence[str]) -> None:
        for start in range(0, len(texts), AT_ONCE):
            part = texts[start : start + AT_ONCE]
            vectors = await self._embed(part, is_waited_for=False)
            if vectors is None:
                return
            self._vectors |= dict(zip(part, vectors, strict=True))
            while len(self._vectors) > MOST_KEPT:
                del self._vectors[next(iter(self._vectors))]
