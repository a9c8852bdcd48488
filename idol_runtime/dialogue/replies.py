"""The order in which one model writes several replies."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from idol_runtime.dialogue.decoder import DecoderRows, Logits
from idol_runtime.dialogue.engine import DialogueCapabilities
from idol_runtime.dialogue.live_reply import LiveReply
from idol_runtime.dialogue.messages import DialogueRequest, Generated
from idol_runtime.dialogue.prefix_cache import PrefixCache, Row
from idol_runtime.inference.service import StreamEnd

Made: TypeAlias = tuple[LiveReply, Generated | StreamEnd]

ALONE: Final = 128
"""Prompt tokens read at once while nobody writes, so that a cancelled reply ends soon."""
BESIDE: Final = 12
"""Prompt tokens read between two steps of those who write, for each who waits, up to"""
MOST_BESIDE: Final = 64
"""in all."""
AGEING: Final = 50
"""Who came a second later waits as if its prompt had so many tokens more: of a long prompt, too,
the turn comes."""
REST: Final = 8
"""What nobody waits for goes on with every so many steps of those whom somebody waits for."""


class Replies:
    """A step is a token for every reply that is being written, and then a part of a prompt.

    Those who write are one batch. Prompts are read one after the other, in small parts while
    somebody writes: the one with the least to read has the first words while the others wait, where
    all would wait for the last if their prompts were read side by side. So a turn whose history is
    in the cache does not wait for a long story that is read for the first time. The first piece
    leaves with the last part of the prompt.
    """

    def __init__(
        self,
        begin: Callable[[DialogueRequest], LiveReply],
        rows: DecoderRows,
        cache: PrefixCache,
        capabilities: DialogueCapabilities,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """A service of replies.

        Args:
            begin: Makes a reply of a request.
            rows: Runs the model.
            cache: Says which reply has which of the rows.
            capabilities: What the model can do.
            clock: Seconds, for measurements.
        """
        self.capabilities = capabilities
        self._begin, self._rows, self._cache, self._clock = begin, rows, cache, clock
        self._since_rest = 0
        self._open: set[LiveReply] = set()

    def open(self, request: DialogueRequest) -> LiveReply:
        return self.add(self._begin(request))

    def add(self, reply: LiveReply) -> LiveReply:
        """One that was begun elsewhere."""
        self._open.add(reply)
        return reply

    def step(self, live: Sequence[LiveReply]) -> Iterator[Made]:
        awake = self._awake(live)
        self._seat(awake)
        seated = [reply for reply in awake if reply.row is not None]
        writing = [reply for reply in seated if reply.is_stepping]
        # Within a priority, what has begun goes on first; else who has the least left to read.
        reading = sorted(
            (reply for reply in seated if not reply.is_stepping),
            key=lambda reply: (
                -reply.priority,
                not reply.has_begun,
                len(reply.unread) + AGEING * reply.started_s,
            ),
        )
        if writing:
            yield from self._write(writing)
        beside = min(BESIDE * len(reading), MOST_BESIDE)
        yield from self._read(reading, beside if writing else ALONE, is_alone=not writing)

    def close(self, stream: LiveReply) -> None:
        self._open.discard(stream)
        self._unseat(stream)

    def _awake(self, live: Sequence[LiveReply]) -> Sequence[LiveReply]:
        """Those who go on now: what nobody waits for rests while somebody else is served."""
        waited_for = [reply for reply in live if reply.priority >= 0]
        if not waited_for or len(waited_for) == len(live):
            return live
        self._since_rest = (self._since_rest + 1) % REST
        return live if self._since_rest == 0 else waited_for

    def _seat(self, replies: Sequence[LiveReply]) -> None:
        """Gives rows to those without, as long as there are some."""
        for reply in sorted(replies, key=lambda reply: -reply.priority):
            if reply.row is None and (row := self._row_for(reply)) is not None:
                reply.take_row(row)

    def _row_for(self, reply: LiveReply) -> Row | None:
        """What nobody waits for gives its row up for others, and goes on later as if it had not."""
        row = self._cache.acquire(reply.tokens)
        if row is None and reply.priority >= 0:
            resting = (each for each in self._open if each.priority < 0 and each.row is not None)
            if (least := min(resting, key=lambda each: each.priority, default=None)) is not None:
                self._unseat(least)
                row = self._cache.acquire(reply.tokens)
        return row

    def _unseat(self, reply: LiveReply) -> None:
        if reply.row is not None:
            self._cache.release(reply.row)
            reply.row = None

    def _write(self, replies: Sequence[LiveReply]) -> Iterator[Made]:
        started_s = self._clock()
        by_row = {reply.row: reply for reply in replies if reply.row is not None}
        rows = self._cache.gather(by_row)
        tokens, pasts = [], []
        for row in rows:
            past = len(row.tokens)
            if row in by_row:
                token = by_row[row].unread[0]
            elif past < self._rows.capacity:
                token = 0  # taken along: nobody reads what the place after its last token holds
            else:
                past, token = past - 1, row.tokens[-1]  # full: its last token once more
            tokens.append(token)
            pasts.append(past)
        logits = self._rows.step(rows[0].index, tokens, pasts)
        for row, token, its_logits in zip(rows, tokens, logits, strict=True):
            if reply := by_row.get(row):
                row.tokens.append(token)
                reply.stepping_s += self._clock() - started_s
                yield from self._advance(reply, its_logits)

    def _read(self, replies: Sequence[LiveReply], budget: int, *, is_alone: bool) -> Iterator[Made]:
        for reply in replies:
            row, unread = reply.row, reply.unread
            assert row is not None
            # A rest that is hardly worth a run of its own is read along.
            part = unread if len(unread) <= budget + budget // 4 else unread[:budget]
            logits = self._rows.read(row.index, part, len(row.tokens))
            row.tokens.extend(part)
            if not reply.has_begun:
                yield reply, reply.progress()
            if len(part) == len(unread):
                yield from self._advance(reply, logits)
            budget -= len(part)
            if budget < BESIDE // 2 or is_alone:
                return

    def _advance(self, reply: LiveReply, logits: Logits) -> Iterator[Made]:
        for delta in reply.take(logits, self._clock()):
            yield reply, delta
        if reply.has_ended():
            yield reply, reply.done(self._clock(), self._cache.counts())
            yield reply, StreamEnd()
