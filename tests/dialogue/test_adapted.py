import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idol_runtime.dialogue.adapted import (
    ADAPTER_FILE,
    ADAPTER_KIND,
    AdaptedWeights,
    AdapterConfig,
    open_adapter,
    read_safetensors,
)
from idol_runtime.dialogue.gguf_file import GgufFile
from idol_runtime.dialogue.gguf_weights import GgufWeights
from idol_runtime.dialogue.importer import import_gguf
from idol_runtime.errors import BundleError, InputError
from idol_runtime.inference.bundle import open_bundle, sha256_of, write_manifest
from tests.dialogue.tiny_models import tiny_model, write_gguf


@contextmanager
def a_file(content: bytes) -> Iterator[Path]:
    with NamedTemporaryFile(suffix=".safetensors") as file:
        file.write(content)
        file.flush()
        yield Path(file.name)


MATRIX = "model.layers.1.mlp.up_proj.weight"
DOWN = np.arange(128, dtype="<f2").reshape(2, 64) / 64
UP = np.arange(192, dtype="<f2").reshape(96, 2) / 192


def safetensors_of(tensors: dict[str, NDArray[Any]]) -> bytes:
    """Written by hand, after the format's own description."""
    header, data = {}, b""
    for name, value in tensors.items():
        kind = {"<f2": "F16", "<f4": "F32"}[value.dtype.str]
        ends = [len(data), len(data) + value.nbytes]
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": ends}
        data += value.tobytes()
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return len(text).to_bytes(8, "little") + text + data


def adapter(folder: Path, down: NDArray[Any] = DOWN, up: NDArray[Any] = UP, base: str = "") -> Path:
    folder.mkdir()
    stem = MATRIX.removesuffix("weight")
    tensors = {f"{stem}lora_A.weight": down, f"{stem}lora_B.weight": up}
    (folder / ADAPTER_FILE).write_bytes(safetensors_of(tensors))
    config = AdapterConfig(base, 2, 0.5)
    plain = {"base_sha256": config.base_sha256, "rank": config.rank, "scale": config.scale}
    card = {"steps": 3}
    write_manifest(
        folder, kind=ADAPTER_KIND, name="words", licence="Apache-2.0", config=plain, card=card
    )
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kinds = {"ffn": "Q4_1", "": "F16"}
    return write_gguf(tiny_model("qwen2"), tmp_path_factory.mktemp("base") / "tiny.gguf", kinds)


def test_changes_are_added_row_by_row_and_the_rest_stays(base: Path, tmp_path: Path) -> None:
    plain = GgufWeights(GgufFile(base))
    tuned = AdaptedWeights(plain, open_adapter(adapter(tmp_path / "a")))
    change = 0.5 * UP.astype(np.float32) @ DOWN.astype(np.float32)
    np.testing.assert_allclose(tuned.dense(MATRIX), plain.dense(MATRIX) + change, atol=1e-6)
    rows = slice(10, 30)
    np.testing.assert_array_equal(tuned.dense(MATRIX, rows), tuned.dense(MATRIX)[rows])
    other = MATRIX.replace("1", "0")
    np.testing.assert_array_equal(tuned.dense(other), plain.dense(other))
    assert (tuned.kind(MATRIX), tuned.kind(other)) == ("F32", "Q4_1")
    assert tuned.blocks(other).scales.shape == plain.blocks(other).scales.shape
    with pytest.raises(ValueError, match="no blocks"):
        tuned.blocks(MATRIX)


@pytest.mark.parametrize("weights", ["int8", "exact"])
def test_a_tuned_bundle_is_another_one_and_its_card_says_of_what(
    base: Path, tmp_path: Path, weights: Literal["int8", "exact"]
) -> None:
    made_for = adapter(tmp_path / "a", base=sha256_of(base))
    import_gguf(base, tmp_path / "plain", name="plain", weights=weights)
    import_gguf(base, tmp_path / "tuned", name="tuned", weights=weights, adapter=made_for)
    plain, tuned = (open_bundle(tmp_path / each, "dialogue") for each in ("plain", "tuned"))
    assert tuned.manifest.card["adapter"] == {"steps": 3}
    assert plain.manifest.files["model.onnx.data"] != tuned.manifest.files["model.onnx.data"]


def test_an_adapter_for_another_file_is_refused_in_a_sentence(base: Path, tmp_path: Path) -> None:
    made_for = adapter(tmp_path / "a", base="0" * 64)
    with pytest.raises(InputError, match=r"tiny\.gguf: expected the file that the adapter a was"):
        import_gguf(base, tmp_path / "b", name="b", adapter=made_for)
    assert not (tmp_path / "b").exists()


def test_an_adapter_for_other_shapes_is_refused(base: Path, tmp_path: Path) -> None:
    wide = adapter(tmp_path / "a", down=np.zeros((2, 32), "<f2"))
    with pytest.raises(InputError, match=r"shape \(96, 32\), found \(96, 64\)"):
        import_gguf(base, tmp_path / "b", name="b", adapter=wide)


def test_halves_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"lora_B\.weight that fits"):
        open_adapter(adapter(tmp_path / "a", up=np.zeros((96, 3), "<f2")))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 400))
def test_a_damaged_file_is_a_sentence(noise: bytes, at: int) -> None:
    whole = safetensors_of({"x.lora_A.weight": DOWN, "x.lora_B.weight": UP.astype("<f4")})
    for content in (noise, whole[:at], whole[:at] + noise + whole[at + len(noise) :]):
        with a_file(content) as path, suppress(BundleError):
            found = read_safetensors(path)
            assert all(value.dtype in (np.float16, np.float32) for value in found.values())


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda name: name != "__metadata__"),
        st.tuples(st.sampled_from(["<f2", "<f4"]), st.lists(st.integers(0, 4), max_size=3)),
        max_size=4,
    )
)
def test_what_is_written_is_read(spec: dict[str, tuple[str, list[int]]]) -> None:
    tensors = {
        name: np.arange(int(np.prod(shape)), dtype=kind).reshape(shape)
        for name, (kind, shape) in spec.items()
    }
    with a_file(safetensors_of(tensors)) as path:
        found = read_safetensors(path)
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        np.testing.assert_array_equal(found[name], value)
