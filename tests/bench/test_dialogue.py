from pathlib import Path

from idol_runtime.bench.dialogue import VOCABULARIES, bench_dialogue, describe
from idol_runtime.dialogue.importer import import_gguf
from tests.dialogue.tiny_models import tiny_model, write_gguf


def test_every_size_is_measured_and_told(tmp_path: Path) -> None:
    source = write_gguf(
        tiny_model("llama", max_position_embeddings=4096), tmp_path / "tiny.gguf", {"": "Q8_0"}
    )
    import_gguf(source, tmp_path / "bundle", name="tiny")
    seen: list[tuple[int, int]] = []
    report = bench_dialogue(
        tmp_path / "bundle",
        provider="cpu",
        threads=1,
        sessions=[1, 3],
        rounds=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert [each["sessions"] for each in report["sessions"]] == [1, 3]
    for each in report["sessions"]:
        assert each["tokens_per_s"] > 0
        assert 0 < each["first_ms"] <= each["first_p95_ms"]
        assert 0 < each["gap_ms"] <= each["gap_p95_ms"]
        assert 0.5 < each["reused"] <= 1  # the persona
    assert report["long_prompt"]["tokens"] > 1_000
    assert report["long_prompt"]["gap_ms"] > 0
    assert set(report["sampling_us"]) == set(VOCABULARIES)
    assert seen == [(number, 5) for number in range(6)]
    lines = describe(report).splitlines()
    assert lines[1].split()[0] == "1"
    assert lines[2].split()[0] == "3"
