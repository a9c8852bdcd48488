"""The store of memories off the event loop: one thread, in order, and never the end of a turn."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from idol_runtime.errors import IdolError
from idol_runtime.mind.embedder import EMBEDDING_SIZE, Embedder
from idol_runtime.mind.memory.postgres_store import PostgresStore
from idol_runtime.mind.memory.settings import MemorySettings
from idol_runtime.mind.memory.sqlite_store import SqliteStore
from idol_runtime.mind.memory.store import KeptFact, MemoryStore, MemoryStoreError, Whose

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
TELL_EVERY_S: Final = 300.0
"""A store that goes on failing is told of no oftener."""
DAY_S: Final = 86_400.0


def is_url(store: str) -> bool:
    """Whether a store is a URL of PostgreSQL, not a file."""
    return store.startswith(("postgresql://", "postgres://"))


def open_store(store: str) -> MemoryStore:
    """A store by its path or URL; nothing is touched before something is asked of it.

    Raises:
        ConfigError: a URL that is none of PostgreSQL, or its driver is not installed.
    """
    return PostgresStore(store) if is_url(store) else SqliteStore(Path(store).expanduser())


@asynccontextmanager
async def open_keeper(
    settings: MemorySettings,
    open_embedder: Callable[[], Embedder | None],
    clock: Callable[[], float] = time.time,
) -> AsyncIterator["Keeper | None"]:
    """A keeper of the store that the settings name, or None where they turn memory off.

    Raises:
        ConfigError: a URL that is none of PostgreSQL, or its driver is not installed.
    """
    if not settings.enabled:
        yield None
        return
    keeper = Keeper(open_store(settings.store), settings, open_embedder, clock)
    try:
        yield keeper
    finally:
        await keeper.aclose()


class Keeper:
    """Asks the store and the embedder in a thread of its own.

    What fails is logged, without a word of what was said, and counted by `on_failure`; who asked
    goes on as if nothing were kept.
    """

    def __init__(
        self,
        store: MemoryStore,
        settings: MemorySettings,
        open_embedder: Callable[[], Embedder | None],
        clock: Callable[[], float],
    ) -> None:
        """Touches nothing yet.

        Args:
            store: Closed by `aclose`.
            settings: How much is kept and for how long.
            open_embedder: Called once, in the thread; None leaves it to words.
            clock: Seconds since 1970.
        """
        self.settings = settings
        self.clock = clock
        self.on_failure: Callable[[], None] = lambda: None
        """Called in the event loop whenever the store failed."""
        self._store = store
        self._open_embedder = open_embedder
        self._embedder: Embedder | None = None
        self._is_embedder_open = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="memory")
        self._told_s = -TELL_EVERY_S
        self._purged_s = -DAY_S
        self._versions: Counter[Whose] = Counter()

    async def memories(self, whose: Whose) -> list[KeptFact] | None:
        """All of somebody's; None where the store does not say in time."""

        def read() -> list[KeptFact]:
            self._purge()
            return self._store.memories(whose)

        return await self._guarded(read, self.settings.answer_s)

    async def put(self, whose: Whose, memories: Sequence[KeptFact]) -> bool:
        """Keeps them, with their vectors; whether that could be done."""
        return bool(await self._guarded(lambda: self._put(whose, memories)))

    async def erase(self, whose: Whose, ids: Sequence[str] | None = None) -> int | None:
        """See `MemoryStore.erase`; None where it could not be done."""
        return await self._guarded(lambda: self._store.erase(whose, ids))

    def change_soon(
        self, whose: Whose, learned: Sequence[KeptFact], dropped_ids: Sequence[str]
    ) -> None:
        """Keeps some and erases others, before anything that is asked later."""

        def change() -> None:
            if dropped_ids:
                self._store.erase(whose, dropped_ids)
            if learned:
                self._put(whose, learned)

        self._soon(change)

    def touch_soon(self, whose: Whose, ids: Sequence[str]) -> None:
        """They came into a conversation."""
        now_s = self.clock()
        self._soon(lambda: self._store.touch(whose, ids, now_s))

    def version(self, whose: Whose) -> int:
        """Another one whenever somebody has edited or erased memories by hand."""
        return self._versions[whose]

    def edited(self, whose: Whose) -> None:
        """Who knows these memories has to read them again."""
        self._versions[whose] += 1

    async def embedded(
        self, texts: Sequence[str], *, is_waited_for: bool = True
    ) -> NDArray[np.float32] | None:
        """Vectors of texts; None where there is no embedder, or where it takes too long for an
        answer that waits for them.
        """

        def embed() -> NDArray[np.float32] | None:
            embedder = self._opened_embedder()
            return None if embedder is None else embedder.embed(texts)

        return await self._guarded(embed, self.settings.answer_s if is_waited_for else None)

    async def aclose(self) -> None:
        """Writes what is still to be written, and closes the store."""
        await self._guarded(self._store.close)
        self._thread.shutdown(wait=False)

    async def _guarded(
        self, work: Callable[[], Answer], wait_s: float | None = None
    ) -> Answer | None:
        asked = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            async with asyncio.timeout(wait_s):
                # Who waits no longer leaves the work to end by itself.
                return await asyncio.shield(asked)
        except TimeoutError:
            asked.add_done_callback(self._take)
            self._failed("it took too long")
        except Exception as error:  # whatever the store or the model does, she talks on
            self._failed(
                str(error) if isinstance(error, MemoryStoreError) else type(error).__name__
            )
        return None

    def _soon(self, work: Callable[[], object]) -> None:
        asked = asyncio.get_running_loop().run_in_executor(self._thread, work)
        asked.add_done_callback(self._take)

    def _take(self, asked: "asyncio.Future[Any]") -> None:
        if not asked.cancelled() and (error := asked.exception()) is not None:
            self._failed(_reason(error))

    def _failed(self, reason: str) -> None:
        self.on_failure()
        if (now_s := self.clock()) - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            log.error("memories are out of reach; talking goes on", extra={"reason": reason})

    # In the thread

    def _opened_embedder(self) -> Embedder | None:
        if not self._is_embedder_open:
            self._is_embedder_open = True
            try:
                self._embedder = self._open_embedder()
            except IdolError as error:
                log.warning(
                    "memories are found by their words, not by their meaning",
                    extra={"reason": str(error)},
                )
        return self._embedder

    def _with_embeddings(self, memories: Sequence[KeptFact]) -> list[KeptFact]:
        embedder = self._opened_embedder()
        if embedder is None or all(each.fact.kind == "feeling" for each in memories):
            return list(memories)
        vectors = embedder.embed([each.fact.text for each in memories])
        return [
            _with_embedding(each, vector) for each, vector in zip(memories, vectors, strict=True)
        ]

    def _put(self, whose: Whose, memories: Sequence[KeptFact]) -> bool:
        self._store.put(whose, self._with_embeddings(memories))
        self._keep_to_most(whose)
        return True

    def _keep_to_most(self, whose: Whose) -> None:
        kept = self._store.memories(whose)
        surplus = len(kept) - self.settings.most_facts
        if surplus > 0:
            least = sorted(kept, key=lambda each: (each.importance, each.used_s))[:surplus]
            self._store.erase(whose, [each.id for each in least])

    def _purge(self) -> None:
        now_s = self.clock()
        if now_s - self._purged_s >= DAY_S:
            self._purged_s = now_s
            self._store.forget_before(now_s - self.settings.retention_days * DAY_S)


def has_vector(memory: KeptFact) -> bool:
    return len(memory.embedding) == EMBEDDING_SIZE * np.dtype(np.float32).itemsize


def vectors_of(memories: Sequence[KeptFact]) -> NDArray[np.float32]:
    """Shape (len(memories), 384), of memories that have one."""
    joined = b"".join(each.embedding for each in memories)
    return np.frombuffer(joined, np.float32).reshape(len(memories), EMBEDDING_SIZE)


def _with_embedding(memory: KeptFact, vector: NDArray[np.float32]) -> KeptFact:
    return KeptFact(
        memory.fact, memory.said_s, memory.used_s, memory.importance, memory.id, vector.tobytes()
    )


def _reason(error: BaseException) -> str:
    """Never with a word of what was said."""
    return str(error) if isinstance(error, MemoryStoreError) else type(error).__name__
