"""What one turn cost: measured on the machine's clock, from the request to the outputs."""

import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType

import msgspec

from idol_protocol.frames import AUDIO_RATE_HZ, AudioChunk, FaceFrame
from idol_runtime.conversation.freshness import Staleness
from idol_runtime.dialogue.messages import (
    Generated,
    GenerationDone,
    PrefillProgress,
    TextDelta,
)
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.stage.performer import Performer
from idol_runtime.timeline import Frame


class TurnMetrics(msgspec.Struct, frozen=True):
    """Times are milliseconds from the start of the turn; None when it never came to that."""

    ttft_ms: float | None
    """Time to the first token's text."""
    first_clause_ms: float | None
    """Time to the first whole clause, ready to be spoken."""
    first_audio_ms: float | None
    """Time to the first sound handed to the outputs."""
    first_face_ms: float | None
    """Time to the first face frame that belongs to that sound."""
    total_ms: float
    """Time to the last sound handed to the outputs, which is paced by its playing time."""
    prompt_tokens: int
    cached_tokens: int
    """Prompt tokens whose attention state was still there from an earlier turn."""
    reply_tokens: int
    decode_tokens_per_s: float | None
    speech_s: float
    """Seconds of sound."""
    speech_real_time_factor: float | None
    """Seconds of synthesis for each second of sound."""
    finish_reason: str
    stale_clauses: int = 0
    """Clauses that were left out because they said nothing new."""


class TurnWatch:
    """Notes when things happen in a turn; observes its performer while it is open."""

    def __init__(
        self, performer: Performer | None = None, timer: Callable[[], float] = time.perf_counter
    ) -> None:
        self._performer = performer
        self._timer = timer
        self._started = timer()
        self._first: dict[str, float] = {}
        self._first_sound_pts_us: int | None = None
        self._generation: GenerationDone | None = None
        self._texts = self._read_tokens = 0
        """What is known of a reply whose end is not waited for: most tokens are a text."""
        self._is_cut_off = False
        self._stale: Counter[Staleness] = Counter()
        self._samples = 0
        self._speech_since = 0.0
        self._speech_busy_s = 0.0

    def __enter__(self) -> "TurnWatch":
        if self._performer is not None:
            self._performer.attach(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._performer is not None:
            self._performer.detach(self)

    def generated(self, item: Generated) -> None:
        if isinstance(item, TextDelta):
            self._note("token")
            self._texts += 1
        elif isinstance(item, PrefillProgress):
            self._read_tokens = item.total_tokens
        elif isinstance(item, GenerationDone):
            self._generation = item

    def cut_off(self) -> None:
        """The reply is as long as one may be."""
        self._is_cut_off = True

    def stale(self, why: Staleness) -> None:
        """A clause was left out."""
        self._stale[why] += 1

    def clause(self) -> None:
        self._note("clause")
        self._speech_since = self._timer()

    def spoke(self, chunk: SpeechChunk) -> None:
        """A chunk came out of the speech model."""
        now = self._timer()
        self._speech_busy_s += now - self._speech_since
        self._samples += len(chunk.samples)

    def placed(self) -> None:
        """The chunk is on the timeline: waiting for a full buffer is not synthesis."""
        self._speech_since = self._timer()

    def on_frame(self, frame: Frame) -> None:
        if isinstance(frame, AudioChunk) and self._first_sound_pts_us is None:
            self._first_sound_pts_us = frame.pts_us
            self._note("audio")
        elif isinstance(frame, FaceFrame):
            sound = self._first_sound_pts_us
            if sound is not None and frame.pts_us >= sound:
                self._note("face")

    @property
    def _finish_reason(self) -> str:
        if self._is_cut_off:
            return "length"
        return self._generation.finish_reason if self._generation else "stop"

    def metrics(self) -> TurnMetrics:
        done = self._generation
        speech_s = self._samples / AUDIO_RATE_HZ
        return TurnMetrics(
            ttft_ms=self._ms("token"),
            first_clause_ms=self._ms("clause"),
            first_audio_ms=self._ms("audio"),
            first_face_ms=self._ms("face"),
            total_ms=(self._timer() - self._started) * 1000,
            prompt_tokens=done.prompt_tokens if done else self._read_tokens,
            cached_tokens=done.cached_tokens if done else 0,
            reply_tokens=done.completion_tokens if done else self._texts,
            decode_tokens_per_s=done.decode_tokens_per_s if done else None,
            speech_s=speech_s,
            speech_real_time_factor=self._speech_busy_s / speech_s if speech_s else None,
            finish_reason=self._finish_reason,
            stale_clauses=self._stale.total(),
        )

    def _note(self, what: str) -> None:
        self._first.setdefault(what, self._timer())

    def _ms(self, what: str) -> float | None:
        return (self._first[what] - self._started) * 1000 if what in self._first else None
