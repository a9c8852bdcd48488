"""What the server measures, for Prometheus; no label ever names a user."""

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from idol_runtime.conversation.models import WorkerEvent
from idol_runtime.conversation.turn_handle import Ended
from idol_runtime.dialogue.messages import GenerationDone

TICK_BUCKETS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.033, 0.05)
LATENCY_BUCKETS_S: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class ServerMetrics:
    """The metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.connections = Gauge("idol_ws_connections", "Open connections", registry=registry)
        self.sessions_waiting = Gauge(
            "idol_sessions_waiting", "Sessions that wait for their client", registry=registry
        )
        self.strangers = Gauge(
            "idol_ws_strangers", "Connections that are not in yet", registry=registry
        )
        self.throttled = Counter(
            "idol_ws_throttled_total", "Clients told that they send too fast", registry=registry
        )
        self.throttled_s = Counter(
            "idol_ws_throttled_seconds_total",
            "Time that events of clients waited for their budget",
            registry=registry,
        )
        self.refused = Counter(
            "idol_ws_refused_total", "Connections refused", ["reason"], registry=registry
        )
        self.aborted = Counter(
            "idol_ws_aborted_total", "Connections dropped", ["reason"], registry=registry
        )
        self.frames_dropped = Counter(
            "idol_frames_dropped_total", "Frames a newer one replaced", ["kind"], registry=registry
        )
        self.frames_skipped = Counter(
            "idol_frames_skipped_total",
            "Frames of all characters that the stage was too late to make",
            registry=registry,
        )
        self.sound_lost = Counter(
            "idol_sound_lost_total",
            "Times a client was too slow for its sound",
            registry=registry,
        )
        self.outputs_evicted = Counter(
            "idol_outputs_evicted_total", "Outputs that failed", ["kind"], registry=registry
        )
        self.errors = Counter(
            "idol_client_errors_total", "Error events sent", ["code"], registry=registry
        )
        self.turns = Counter("idol_turns_total", "Responses", ["status"], registry=registry)
        self.tokens = Counter("idol_lm_tokens_total", "Tokens of replies", registry=registry)
        self.stale_clauses = Counter(
            "idol_stale_clauses_total",
            "Clauses left out because they said nothing new",
            registry=registry,
        )
        self.prompt_tokens = Counter(
            "idol_lm_prompt_tokens_total", "Tokens of prompts", registry=registry
        )
        self.cached_tokens = Counter(
            "idol_lm_cached_tokens_total",
            "Tokens of prompts that had been read before and were not read again",
            registry=registry,
        )
        self.cache_hits = Counter(
            "idol_lm_cache_hits_total",
            "Prompts of which a part had been read before",
            registry=registry,
        )
        self.cache_evictions = Counter(
            "idol_lm_cache_evictions_total",
            "Conversations whose attention state gave way to others",
            registry=registry,
        )
        self.cache_bytes = Gauge(
            "idol_lm_cache_bytes",
            "Attention state held of all conversations",
            ["model"],
            registry=registry,
        )
        self.ttft = Histogram(
            "idol_lm_ttft_seconds",
            "Time to the first token",
            registry=registry,
            buckets=LATENCY_BUCKETS_S,
        )
        self.first_audio = Histogram(
            "idol_first_audio_seconds",
            "Time to the first sound",
            registry=registry,
            buckets=LATENCY_BUCKETS_S,
        )
        self.speech_rtf = Histogram(
            "idol_tts_real_time_factor",
            "Seconds of synthesis for each second of sound",
            registry=registry,
            buckets=(0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0),
        )
        self.memory_failures = Counter(
            "idol_memory_failures_total",
            "Times the store of memories did not answer",
            registry=registry,
        )
        self.worker_restarts = Counter(
            "idol_worker_restarts_total",
            "Model processes started again",
            ["worker"],
            registry=registry,
        )
        self.worker_hangs = Counter(
            "idol_worker_hangs_total",
            "Model processes ended because they hung",
            ["worker"],
            registry=registry,
        )
        self.tick = Histogram(
            "idol_tick_seconds",
            "How long a tick of the stage took",
            registry=registry,
            buckets=TICK_BUCKETS_S,
        )

    def turn(self, ended: Ended) -> None:
        """Counts a response that ended."""
        self.turns.labels(ended.status).inc()
        if (metrics := ended.metrics) is None:
            return
        self.tokens.inc(metrics.reply_tokens)
        self.stale_clauses.inc(metrics.stale_clauses)
        if metrics.ttft_ms is not None:
            self.ttft.observe(metrics.ttft_ms / 1000)
        if metrics.first_audio_ms is not None:
            self.first_audio.observe(metrics.first_audio_ms / 1000)
        if metrics.speech_real_time_factor is not None:
            self.speech_rtf.observe(metrics.speech_real_time_factor)

    def replied(self, model: int, done: GenerationDone) -> None:
        """Counts a reply that the dialogue model of this number ended."""
        self.prompt_tokens.inc(done.prompt_tokens)
        self.cached_tokens.inc(done.cached_tokens)
        self.cache_hits.inc(done.cached_tokens > 0)
        self.cache_evictions.inc(done.cache_evictions)
        self.cache_bytes.labels(str(model)).set(done.cache_bytes)

    def evicted(self, kind: str) -> None:
        """Counts an output that failed."""
        self.outputs_evicted.labels(kind).inc()

    def worker(self, name: str, event: WorkerEvent) -> None:
        """Counts what happened to a worker."""
        counter = self.worker_restarts if event == "restart" else self.worker_hangs
        counter.labels(name).inc()

    def page(self) -> bytes:
        return generate_latest(self.registry)
