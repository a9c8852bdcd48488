"""One reply while it is made: what it says, and what of it the model has yet to read."""

from collections.abc import Iterator, Sequence
from typing import Literal

from idol_runtime.dialogue.messages import (
    GenerationDone,
    GenerationOptions,
    PrefillProgress,
    TextDelta,
)
from idol_runtime.dialogue.prefix_cache import CacheCounts, Row
from idol_runtime.dialogue.sampling import Logits, Sampler
from idol_runtime.dialogue.token_mask import TokenMask
from idol_runtime.dialogue.token_text import TokenText


class LiveReply:
    """From the request to the last token. It has a row while somebody works on it."""

    row: Row | None = None
    finish: Literal["stop", "length", "context"] | None = None
    """Why it has ended."""
    stepping_s: float = 0.0
    """How long the steps took that made all tokens but the first."""

    def __init__(
        self,
        prompt: Sequence[int],
        options: GenerationOptions,
        *,
        sampler: Sampler,
        text: TokenText,
        end_ids: frozenset[int],
        capacity: int,
        started_s: float,
        priority: int = 0,
        mask: TokenMask | None = None,
    ) -> None:
        """A reply to `prompt` that nobody works on yet.

        Args:
            prompt: Its tokens.
            options: When to stop; how to draw is in `sampler`.
            sampler: Draws the tokens.
            text: Takes them.
            end_ids: Each of them ends the reply.
            capacity: Of a row, in tokens.
            started_s: When it was asked for.
            priority: See `DialogueRequest`.
            mask: What may come next; None for anything.
        """
        self.priority, self.started_s = priority, started_s
        self._tokens = list(prompt)
        self._prompt_size = len(prompt)
        self._options, self._sampler, self._text = options, sampler, text
        self._end_ids, self._capacity = end_ids, capacity
        self._ttft_s: float | None = None
        self._cached: int | None = None
        self._mask = mask

    def has_ended(self) -> bool:
        return self.finish is not None

    @property
    def has_begun(self) -> bool:
        """Whether it has a token."""
        return len(self._tokens) > self._prompt_size

    @property
    def said(self) -> list[int]:
        """The tokens of the reply."""
        return self._tokens[self._prompt_size :]

    @property
    def tokens(self) -> Sequence[int]:
        """The prompt and the reply."""
        return self._tokens

    @property
    def unread(self) -> Sequence[int]:
        """Tokens that its row does not hold yet; at least one, while it has a row."""
        assert self.row is not None
        return self._tokens[len(self.row.tokens) :]

    @property
    def is_stepping(self) -> bool:
        """Whether a batched step may take it along: it waits for its next token alone."""
        return (
            self.row is not None
            and self.has_begun
            and len(self._tokens) == len(self.row.tokens) + 1
        )

    def take_row(self, row: Row) -> None:
        """Its row, with what was there of its prompt already."""
        self.row = row
        if self._cached is None:
            self._cached = len(row.tokens)

    def progress(self) -> PrefillProgress:
        """How far its prompt is read."""
        assert self.row is not None
        cached = self._cached or 0
        return PrefillProgress(len(self.row.tokens) - cached, self._prompt_size - cached)

    def take(self, logits: Logits, now_s: float) -> Iterator[TextDelta]:
        """Goes on by a token, and by all that can only follow it. Changes `logits`."""
        allowed = None if self._mask is None else self._mask.allowed()
        may_end = allowed is None or any(
            allowed[end // 32] >> end % 32 & 1 for end in self._end_ids
        )
        token = self._sampler.draw(logits, allowed)
        yield from self._push(token, now_s, may_end)
        if self._mask is not None and not self.has_ended():
            self._mask.advance(token)
            for forced in self._mask.forced():
                yield from self._push(forced, now_s, may_end=False)
                if self.has_ended():
                    break
                self._mask.advance(forced)
        if self.has_ended() and (rest := self._text.flush()):
            yield self._delta(rest, now_s)

    def done(self, now_s: float, cache: CacheCounts) -> GenerationDone:
        assert self.finish is not None
        size = len(self._tokens) - self._prompt_size
        return GenerationDone(
            finish_reason=self.finish,
            prompt_tokens=self._prompt_size,
            cached_tokens=self._cached or 0,
            completion_tokens=size,
            ttft_s=now_s - self.started_s if self._ttft_s is None else self._ttft_s,
            decode_tokens_per_s=(size - 1) / self.stepping_s if self.stepping_s > 0 else None,
            cache_bytes=cache.held_bytes,
            cache_evictions=cache.evictions,
        )

    def _push(self, token: int, now_s: float, may_end: bool) -> Iterator[TextDelta]:
        self._tokens.append(token)
        self._sampler.push(token)
        options, size = self._options, len(self._tokens) - self._prompt_size
        is_enough = may_end and 0 < options.enough_tokens < size
        if is_enough and self._text.is_sentence_end_before(token):
            self.finish = "stop"
            return
        if text := self._text.push(token):
            yield self._delta(text, now_s)
        if self._text.is_stopped or token in self._end_ids:
            self.finish = "stop"
        elif size == options.max_tokens:
            self.finish = "length"
        elif len(self._tokens) > self._capacity:
            self.finish = "context"

    def _delta(self, text: str, now_s: float) -> TextDelta:
        if self._ttft_s is None:
            self._ttft_s = now_s - self.started_s
        return TextDelta(text)
