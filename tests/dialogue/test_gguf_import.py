import os
import subprocess
import sys
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from idol_runtime.dialogue import importer
from idol_runtime.dialogue.config import TOKENIZER_FILE, read_config
from idol_runtime.dialogue.gguf_file import GgufFile
from idol_runtime.dialogue.gguf_tokenizer import read_tokenizer
from idol_runtime.dialogue.importer import import_gguf
from idol_runtime.errors import InputError, StoreError
from idol_runtime.inference.bundle import open_bundle
from tests.dialogue.tiny_models import byte_level_tokenizer, tiny_model, vocabulary, write_gguf

KINDS = {"token_embd": "Q8_0", "": "Q4_1"}


@pytest.fixture(scope="module")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gguf")
    return write_gguf(tiny_model("llama"), folder / "tiny.gguf", KINDS)


def test_an_imported_bundle_is_whole_and_names_its_origin(tiny_gguf: Path, tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    import_gguf(tiny_gguf, tmp_path / "b", name="tiny", progress=lambda *step: steps.append(step))
    bundle = open_bundle(tmp_path / "b", "dialogue")
    assert bundle.manifest.name == "tiny"
    assert bundle.manifest.engine == "decoder"
    assert bundle.manifest.licence == "apache-2.0"
    assert bundle.manifest.card["made_from"]["file"] == "tiny.gguf"
    config = read_config(bundle)
    assert (config.decoder.layers, config.decoder.heads, config.decoder.kv_heads) == (2, 4, 2)
    assert config.end_ids == [0, 1, 2]
    assert next(step for step, *_ in steps) == "metadata"
    weights = [(done, total) for step, done, total in steps if step == "weights"]
    assert weights[-1] == (15, 15)
    assert steps[-1] == ("checksums", 1, 1)
    assert not [path for path in tmp_path.iterdir() if path.name != "b"]


def test_tied_weights_are_stored_once(tiny_gguf: Path, tmp_path: Path) -> None:
    import_gguf(tiny_gguf, tmp_path / "b", name="tiny")
    model = onnx.load(tmp_path / "b/model.onnx", load_external_data=False)
    embedding = len(vocabulary()) * 64
    large = [t.name for t in model.graph.initializer if np.prod(t.dims) == embedding]
    assert large == ["model.embed_tokens.weight"]


@given(st.text())
def test_the_imported_tokenizer_tokenizes_as_the_original(tiny_gguf: Path, text: str) -> None:
    ours = _tokenizer(tiny_gguf)
    assert ours.encode(text).ids == byte_level_tokenizer().encode(text).ids


_READ: dict[Path, Tokenizer] = {}


def _tokenizer(path: Path) -> Tokenizer:
    if path not in _READ:
        _READ[path] = read_tokenizer(GgufFile(path))
    return _READ[path]


@settings(deadline=None, max_examples=40)
@given(share=st.floats(0, 0.999))
def test_a_truncated_file_is_refused_in_a_sentence(
    tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    whole = tiny_gguf.read_bytes()
    folder = tmp_path_factory.mktemp("cut")
    (folder / "cut.gguf").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"expected .*GGUF"):
        import_gguf(folder / "cut.gguf", folder / "b", name="cut")
    assert [path.name for path in folder.iterdir()] == ["cut.gguf"]


@settings(deadline=None, max_examples=60)
@given(at=st.integers(4, 3000), value=st.integers(0, 255))
def test_a_damaged_header_never_ends_in_a_traceback(
    tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory, at: int, value: int
) -> None:
    damaged = bytearray(tiny_gguf.read_bytes())
    damaged[at] = value
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "damaged.gguf").write_bytes(damaged)
    with suppress(InputError):  # damage inside a token's text may go unnoticed
        import_gguf(folder / "damaged.gguf", folder / "b", name="damaged")


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "found b''"), (b"PK\x03\x04 a zip file", "starts with `GGUF`"), (b"GGUF", "truncated")],
)
def test_a_file_of_another_kind_is_refused(content: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "file.gguf").write_bytes(content)
    with pytest.raises(InputError, match=expected):
        import_gguf(tmp_path / "file.gguf", tmp_path / "b", name="other")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        import_gguf(tmp_path / "none.gguf", tmp_path / "b", name="none")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"general.architecture": "mamba"}, "found `mamba`"),
        ({"tokenizer.ggml.pre": "kimi-k2"}, "found `kimi-k2`"),
        ({"tokenizer.ggml.model": "bert"}, "found `bert`"),
        ({"llama.rope.scaling.type": "dynamic"}, "found `dynamic`"),
    ],
)
def test_unsupported_models_are_refused_by_name(
    changes: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_gguf(tiny_model("llama"), tmp_path / "tiny.gguf", KINDS)
    read = GgufFile.get

    def changed(self: GgufFile, key: str, kind: Any, default: Any = None) -> Any:
        return changes.get(key) or read(self, key, kind, default)

    monkeypatch.setattr(GgufFile, "get", changed)
    with pytest.raises(InputError, match=expected):
        import_gguf(path, tmp_path / "b", name="tiny")


def test_a_target_in_use_is_left_alone(tiny_gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/precious").touch()
    with pytest.raises(InputError, match="free place"):
        import_gguf(tiny_gguf, tmp_path / "b", name="tiny")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["precious"]


def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing(
    tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    monkeypatch.setattr(importer, "build_decoder", full)
    with pytest.raises(StoreError, match=r"No space left.*free some space"):
        import_gguf(tiny_gguf, tmp_path / "b", name="tiny")
    assert list(tmp_path.iterdir()) == []


def test_importing_needs_neither_torch_nor_transformers(tiny_gguf: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from idol_runtime.dialogue.importer import import_gguf\n"
        "from idol_runtime.dialogue.model import DialogueModel\n"
        f"import_gguf(Path({str(tiny_gguf)!r}), Path({str(tmp_path / 'b')!r}), name='tiny')\n"
        f"DialogueModel.open(Path({str(tmp_path / 'b')!r}), provider='cpu', threads=1)\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def sentencepiece_file(path: Path) -> GgufFile:
    """A vocabulary as SentencePiece makes it: pieces with scores, bytes to fall back to."""
    pieces = ["▁", "h", "e", "l", "o", "▁h", "el", "lo", "ello", "▁hello", "w", "r", "d", "or"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 259 + [-float(at) for at in range(len(pieces))])
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * len(pieces))
    writer.add_unk_token_id(0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return GgufFile(path)


def test_a_sentencepiece_vocabulary_merges_by_score_and_falls_back_to_bytes(tmp_path: Path) -> None:
    tokenizer = read_tokenizer(sentencepiece_file(tmp_path / "spm.gguf"))
    assert tokenizer.encode(" hello").tokens == ["▁hello"]
    assert tokenizer.encode("world").tokens == ["w", "or", "l", "d"]
    assert tokenizer.encode("é").tokens == ["<0xC3>", "<0xA9>"]
    assert tokenizer.encode("</s>hello").tokens[0] == "</s>"
    assert tokenizer.decode(tokenizer.encode(" hello é").ids) == " hello é"


def test_the_tokenizer_of_a_bundle_is_readable_alone(tiny_gguf: Path, tmp_path: Path) -> None:
    import_gguf(tiny_gguf, tmp_path / "b", name="tiny")
    tokenizer = Tokenizer.from_file(str(tmp_path / "b" / TOKENIZER_FILE))
    assert tokenizer.token_to_id("<|im_end|>") == 2
