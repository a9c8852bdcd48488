"""Headers of GGUF files: right, of other versions, and damaged in any place."""

import re
import resource
import struct
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idol_runtime.cli.main import main
from idol_runtime.dialogue.gguf_file import READABLE, GgufFile
from idol_runtime.dialogue.gguf_header import KINDS
from idol_runtime.dialogue.importer import import_gguf
from idol_runtime.errors import InputError
from tests.dialogue.tiny_models import tiny_model, write_gguf


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def entry(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def tensor(name: str, shape: tuple[int, ...], kind: int, offset: int = 0) -> bytes:
    dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1])
    return text(name) + dimensions + struct.pack("<IQ", kind, offset)


def header(
    *entries: bytes, tensors: tuple[bytes, ...] = (), version: int = 3, counts: bytes = b""
) -> bytes:
    counts = counts or struct.pack("<QQ", len(tensors), len(entries))
    return b"GGUF" + struct.pack("<I", version) + counts + b"".join(entries) + b"".join(tensors)


def opened(folder: Path, content: bytes) -> GgufFile:
    (folder / "a.gguf").write_bytes(content)
    return GgufFile(folder / "a.gguf")


def padded(content: bytes, behind: bytes, alignment: int = 32) -> bytes:
    return content + bytes(-len(content) % alignment) + behind


@pytest.mark.parametrize("version", [2, 3])
def test_values_of_every_type_are_read(tmp_path: Path, version: int) -> None:
    numbers = struct.pack("<IQ3i", 5, 3, 1, -2, 3)
    words = struct.pack("<IQ", 8, 2) + text("ä") + text("")
    nested = struct.pack("<IQ", 9, 1) + numbers
    file = opened(
        tmp_path,
        header(
            entry("small", 1, b"\xfe"), entry("true", 7, b"\1"),
            entry("real", 12, struct.pack("<d", 0.5)),
            entry("large", 10, struct.pack("<Q", 2**63)), entry("word", 8, text("Wörter")),
            entry("numbers", 9, numbers), entry("words", 9, words), entry("nested", 9, nested),
            version=version,
        ),
    )  # fmt: skip
    assert file.get("small", int) == -2
    assert file.get("true", bool) is True
    assert file.get("real", float) == 0.5
    assert file.get("large", int) == 2**63
    assert file.get("word", str) == "Wörter"
    assert file.items("numbers", int) == [1, -2, 3]
    assert file.items("words", str) == ["ä", ""]
    assert file.get("nested", list) == [[1, -2, 3]]
    assert file.get("absent", int, 7) == 7
    assert not file.has("absent")
    with pytest.raises(InputError, match="`word` as int, found str"):
        file.get("word", int)
    with pytest.raises(InputError, match="`true` as int, found bool"):
        file.get("true", int)
    with pytest.raises(InputError, match="`numbers` as a list of str, found other values"):
        file.items("numbers", str)


@pytest.mark.parametrize("alignment", [1, 8, 32, 128])
def test_tensors_lie_behind_the_header_at_the_files_alignment(
    tmp_path: Path, alignment: int
) -> None:
    said = entry("general.alignment", 4, struct.pack("<I", alignment))
    rows = np.arange(6, dtype="<f4").reshape(2, 3)
    file = opened(
        tmp_path,
        padded(header(said, tensors=(tensor("a", (2, 3), 0),)), rows.tobytes(), alignment),
    )
    np.testing.assert_array_equal(file.values("a"), rows)
    np.testing.assert_array_equal(file.values("a", slice(1, 2)), rows[1:])


@pytest.mark.parametrize(
    ("kind", "dtype", "raw"),
    [("F64", "<f8", None), ("F32", "<f4", None), ("F16", "<f2", None), ("BF16", "<u2", 16)],
)
def test_floats_of_any_width_are_read(
    tmp_path: Path, kind: str, dtype: str, raw: int | None
) -> None:
    values = np.array([[0.5, -2.0, 1024.0]], np.float32)
    stored = (values.view("<u4") >> 16).astype(dtype) if raw else values.astype(dtype)
    number = next(number for number, name in KINDS.items() if name == kind)
    content = padded(header(tensors=(tensor("a", (1, 3), number),)), stored.tobytes())
    np.testing.assert_array_equal(opened(tmp_path, content).values("a"), values)


@pytest.mark.parametrize("kind", sorted(READABLE - {"F64"}))
def test_blocks_that_are_called_readable_are_read_as_the_reference_reads_them(
    tmp_path: Path, kind: str
) -> None:
    theirs = gguf.GGMLQuantizationType[kind]
    block, size = gguf.GGML_QUANT_SIZES[theirs]
    raw = np.random.default_rng(3).integers(0, 60, (2, 2 * size), dtype=np.uint8)
    place = tensor("a", (2, 2 * block), theirs.value)
    file = opened(tmp_path, padded(header(tensors=(place,)), raw.tobytes()))
    np.testing.assert_array_equal(file.values("a"), gguf.quants.dequantize(raw, theirs))


@pytest.mark.parametrize(
    ("number", "name"),
    [(4, "Q4_2"), (9, "Q8_1"), (15, "Q8_K"), (24, "I8"), (31, "Q4_0_4_4"), (33, "Q4_0_8_8"),
     (36, "IQ4_NL_4_4"), (41, "Q1_0"), (42, "type 42"), (137, "type 137"), (2**32 - 1, "type")],
)  # fmt: skip
def test_blocks_that_cannot_be_read_are_named(tmp_path: Path, number: int, name: str) -> None:
    places = (tensor("a", (2, 32), 0), tensor("b", (2, 32), number), tensor("c", (2, 32), number))
    with pytest.raises(InputError) as refusal:
        opened(tmp_path, header(tensors=places))
    assert re.search(
        rf"found {name}.* \(b and 1 more\); choose another quantisation .*Q8_0, Q4_K_M or Q4_0\.",
        str(refusal.value),
    )


TWICE = entry("a", 0, b"\1")
DAMAGED = {
    "version 1": (header(version=1), "version 1, where 2 and 3 are read; convert the model again"),
    "version 9": (header(version=9), "version 9"),
    "big-endian": (b"GGUF\0\0\0\3" + bytes(16), "big-endian machine"),
    "nothing but its name": (b"GGUF", "truncated or damaged"),
    "values without end": (header(counts=struct.pack("<QQ", 0, 2**64 - 1)), "truncated or damaged"),
    "tensors without end": (header(counts=struct.pack("<QQ", 2**63, 0)), "truncated or damaged"),
    "a text without end": (header(text("key") + struct.pack("<IQ", 8, 2**60)), "truncated"),
    "a list without end": (header(entry("a", 9, struct.pack("<IQ", 4, 2**61))), "truncated"),
    "texts without end": (header(entry("a", 9, struct.pack("<IQ", 8, 2**50))), "truncated"),
    "lists in lists": (header(entry("a", 9, struct.pack("<IQ", 9, 1) * 9)), "unknown type 9"),
    "an unknown type": (header(entry("a", 99, bytes(8))), "metadata of an unknown type 99"),
    "a key twice": (header(TWICE, TWICE), "the metadata key `a` twice"),
    "a tensor twice": (header(tensors=(tensor("t", (1,), 0),) * 2), "the tensor `t` twice"),
    "no dimensions": (header(tensors=(tensor("t", (), 0),)), "of 0 dimensions"),
    "many dimensions": (header(tensors=(tensor("t", (1,) * 5, 0),)), "of 5 dimensions"),
    "an empty tensor": (header(tensors=(tensor("t", (0,), 0),)), "of shape \\(0,\\)"),
    "half a block": (header(tensors=(tensor("t", (2, 33), 2),)), "rows of whole blocks of 32"),
    "a tensor behind the end": (header(tensors=(tensor("t", (4,), 0, 2**40),)), "t ends at byte"),
    "an endless tensor": (header(tensors=(tensor("t", (2**40, 2**20), 0),)), "t ends at byte"),
    "a text that is none": (header(text("k") + struct.pack("<IQ", 8, 1) + b"\xff"), ""),
    "a key that is none": (header(b"\1\0\0\0\0\0\0\0\xff\0\0\0\0\1"), "a text that is not UTF-8"),
    "alignment 12": (
        header(entry("general.alignment", 4, struct.pack("<I", 12))),
        "aligned to 12 bytes, which is no power of two",
    ),
    "alignment 0": (header(entry("general.alignment", 4, bytes(4))), "aligned to 0 bytes"),
    "alignment in words": (header(entry("general.alignment", 8, text("x"))), "aligned to x bytes"),
    "one part of three": (header(entry("split.count", 2, b"\3\0")), "one part of several"),
    "a big-endian name": (b"FUGG" + bytes(20), "found a GGUF file of a big-endian machine"),
    "an older format": (b"tjgg" + bytes(20), "older format GGJT"),
    "a checkpoint": (b"PK\3\4" + bytes(20), "a PyTorch checkpoint or another ZIP archive"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS"),
    "a page": (b"<!DOCTYPE html>", "a web page instead"),
    "safetensors": (struct.pack("<Q", 99) + b'{"a": 1}', "a safetensors file"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_header_is_a_sentence(tmp_path: Path, damage: str) -> None:
    content, sentence = DAMAGED[damage]
    if not sentence:
        with pytest.raises(InputError, match="readable metadata `k`, found a text that is not"):
            opened(tmp_path, content).get("k", str)
        return
    with pytest.raises(InputError, match=sentence) as refusal:
        opened(tmp_path, content)
    assert str(refusal.value).startswith(f"{tmp_path / 'a.gguf'}: expected ")


WHOLE: list[bytes] = []


def whole(folder: Path) -> bytes:
    if not WHOLE:
        path = write_gguf(tiny_model("llama"), folder / "whole", {"token_embd": "Q8_0", "": "Q4_1"})
        WHOLE.append(path.read_bytes())
    return WHOLE[0]


@settings(max_examples=200)
@given(
    damage=st.lists(
        st.tuples(
            st.integers(4, 9500),
            st.one_of(
                st.binary(min_size=1, max_size=8),
                st.sampled_from([b"\xff" * 8, bytes(8), b"\xff\xff\xff\x7f", b"\0\0\0\x80"]),
            ),
        ),
        max_size=3,
    ),
    kept=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_any_damage_is_an_import_or_a_sentence_and_asks_for_no_memory(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, bytes]], kept: float
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(whole(folder))
    for at, value in damage:
        content[at : at + len(value)] = value
    (folder / "a.gguf").write_bytes(content[: int(len(content) * kept)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        import_gguf(folder / "a.gguf", folder / "b", name="a")
    except InputError as error:
        refusal = str(error)
        assert refusal.startswith(f"{folder / 'a.gguf'}: ")
        assert not (folder / "b").exists()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB


def test_the_command_names_the_blocks_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDOL_HOME", str(tmp_path / "home"))
    (tmp_path / "a.gguf").write_bytes(header(tensors=(tensor("blk.0.attn_q.weight", (2, 32), 31),)))
    assert main(["models", "import", str(tmp_path / "a.gguf")]) == 2
    said = capsys.readouterr().err
    assert "found Q4_0_4_4 (blk.0.attn_q.weight); choose another quantisation" in said
    assert "Traceback" not in said


def test_the_command_says_what_is_special_about_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDOL_HOME", str(tmp_path / "home"))
    template = (
        "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('alternate') }}{% endif %}{{ m.content }}{% endfor %}<think>"
    )
    path = write_gguf(
        tiny_model("llama"),
        tmp_path / "a.gguf",
        {"": "Q8_0"},
        changes={"tokenizer.chat_template": template, "tokenizer.ggml.pre": "smaug-bpe"},
    )
    assert main(["models", "import", str(path)]) == 0
    said = capsys.readouterr()
    assert "a: ready in" in said.out
    assert "The chat template takes no persona" in said.err
    assert "The model thinks before it answers" in said.err
