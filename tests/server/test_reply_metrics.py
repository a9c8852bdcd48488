"""What replies cost stands in /metrics, whoever asked for them."""

from idol_runtime.dialogue.messages import GenerationDone
from idol_runtime.server.metrics import ServerMetrics


def test_read_reused_and_evicted_tokens_are_counted() -> None:
    metrics = ServerMetrics()
    first = GenerationDone("stop", prompt_tokens=300, cache_bytes=9_000)
    second = GenerationDone(
        "stop", prompt_tokens=340, cached_tokens=310, cache_bytes=12_000, cache_evictions=2
    )
    for done in (first, second):
        metrics.replied(0, done)
    page = metrics.page().decode()
    for line in (
        "idol_lm_prompt_tokens_total 640.0",
        "idol_lm_cached_tokens_total 310.0",
        "idol_lm_cache_hits_total 1.0",
        "idol_lm_cache_evictions_total 2.0",
        'idol_lm_cache_bytes{model="0"} 12000.0',
    ):
        assert line in page
