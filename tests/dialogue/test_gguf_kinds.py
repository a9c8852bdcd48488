"""Files in the quantisations people use: what cannot be kept as it is, is converted."""

from pathlib import Path

import gguf
import numpy as np
import pytest

from export.dialogue import torch_from_gguf
from export.dialogue_parity import bundle_logits, torch_logits
from idol_runtime.dialogue.config import MODEL_FILE
from idol_runtime.dialogue.gguf_file import GgufFile
from idol_runtime.dialogue.gguf_weights import GgufWeights
from idol_runtime.dialogue.graph import build_decoder
from idol_runtime.dialogue.matrices import Weights
from idol_runtime.inference.session import OnnxSession
from tests.dialogue.tiny_models import tiny_model, write_gguf

IDS = np.random.default_rng(9).integers(3, 260, 30).tolist()
SCALES = {"Q2_K": [80, 82], "Q3_K": [108], "IQ4_NL": [0], "IQ4_XS": [0], "Q4_K": [0, 2]}
"""Where blocks of these kinds, which gguf cannot write, keep their float16 scales."""


def write_kind(path: Path, kind: str) -> Path:
    """A whole model whose feed-forward matrices are random blocks of `kind`."""
    model = tiny_model("llama", hidden_size=256, intermediate_size=256)
    plain = GgufFile(write_gguf(model, path.with_suffix(".plain"), {"": "F32"}))
    block = gguf.GGMLQuantizationType[kind]
    columns, size = gguf.GGML_QUANT_SIZES[block]
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "llama")
    reader = gguf.GGUFReader(plain.path)
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            kinds = field.types
            writer.add_key_value(name, field.contents(), kinds[0], kinds[-1])
    for name, tensor in plain.tensors.items():
        if "ffn" in name and len(tensor.shape) == 2:
            rows, width = tensor.shape
            raw = rng.integers(0, 256, (rows, width // columns, size), dtype=np.uint8)
            for at in SCALES[kind]:
                halves = (0.004 * rng.standard_normal((*raw.shape[:2], 1))).astype(np.float16)
                raw[..., at : at + 2] = halves.view(np.uint8)
            writer.add_tensor(name, raw.reshape(rows, -1), raw_dtype=block)
        else:
            writer.add_tensor(name, plain.values(name))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("kind", sorted(SCALES))
def test_a_file_in_blocks_that_people_use_gives_the_logits_of_its_dequantised_weights(
    kind: str, tmp_path: Path
) -> None:
    path = write_kind(tmp_path / "tiny.gguf", kind)
    source = GgufWeights(GgufFile(path))
    assert source.kind("model.layers.1.mlp.down_proj.weight") == kind
    expected = torch_logits(torch_from_gguf(path), IDS)[9:]
    assert np.abs(expected).max() > 1
    choices: dict[Weights, float] = {"fp32": 1e-3, "int8": 0.2}
    for weights, share in choices.items():
        folder = tmp_path / weights
        folder.mkdir()
        build_decoder(source, folder, weights=weights)
        session = OnnxSession(folder / MODEL_FILE, threads=1)
        found = bundle_logits(session, source.config, IDS[:10], IDS[10:])
        assert np.abs(found - expected).mean() <= share * np.abs(expected).mean()
