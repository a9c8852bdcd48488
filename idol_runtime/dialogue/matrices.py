"""Matrices of a decoder graph: in which form each is kept, and the nodes that multiply by it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from idol_runtime.dialogue.architecture import EMBEDDING, DecoderConfig
from idol_runtime.dialogue.blocks import BLOCK, TRANSCODABLE, Blocks, quantize
from idol_runtime.dialogue.external_data import TensorFile, row_ranges

Weights: TypeAlias = Literal["fp32", "int8", "exact"]

MICROSOFT = "com.microsoft"
FLOAT_KINDS = frozenset({"F64", "F32", "F16", "BF16"})


class WeightSource(Protocol):
    """A checkpoint, read a few rows at a time. Names as in `architecture`."""

    config: DecoderConfig
    shapes: dict[str, tuple[int, ...]]

    def kind(self, name: str) -> str:
        """How the tensor is stored, in GGUF's words: `F32`, `Q4_1`, ..."""

    def dense(self, name: str, rows: slice = slice(None)) -> NDArray[np.float32]: ...

    def blocks(self, name: str, rows: slice = slice(None)) -> Blocks:
        """Only for kinds in `TRANSCODABLE`."""


class Progress(Protocol):
    def __call__(self, stage: str, done: int, total: int, /) -> None: ...


class Form(NamedTuple):
    """How a matrix is kept in blocks."""

    bits: int
    block: int
    has_offsets: bool


@dataclass
class GraphParts:
    """What a graph under construction has so far."""

    tensors: TensorFile
    dtype: np.dtype[Any]
    """Of activations."""
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def node(self, op: str, inputs: Sequence[str], out: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [out], **attributes))
        return out

    def constant(self, name: str, value: int | Sequence[int]) -> str:
        self.constants.append(onnx.numpy_helper.from_array(np.array(value, np.int64), name))
        return name


class Matrices:
    """Writes matrices and the nodes that use them."""

    def __init__(
        self,
        parts: GraphParts,
        source: WeightSource,
        weights: Weights,
        accuracy_level: int,
        progress: Progress | None,
    ) -> None:
        self.parts, self.source, self.weights = parts, source, weights
        self.accuracy_level, self.progress = accuracy_level, progress
        self.stored: Counter[str] = Counter()
        """How many matrices were kept in which way."""
        self._block_sums: dict[str, str] = {}

    def form(self, name: str) -> Form | None:
        """None keeps floats."""
        kind = self.source.kind(name)
        if self.weights == "fp32" or (self.weights == "exact" and kind in FLOAT_KINDS):
            return None
        if kind in TRANSCODABLE:
            sample = self.source.blocks(name, slice(0, 1))
            plain = sample.offsets is None
            if self.weights == "exact" and name != EMBEDDING:
                return Form(sample.bits, sample.block, not plain)
            # GatherBlockQuantized knows no offsets, and int8 means blocks of 32.
            if plain and (sample.block == BLOCK or self.weights == "exact"):
                return Form(8, sample.block, False)
        return Form(8, BLOCK, False)

    def linear(self, value: str, names: Sequence[str], out: str) -> str:
        """`value` times the matrices `names`, side by side, plus their biases."""
        biases = [name.removesuffix("weight") + "bias" for name in names]
        has_bias = any(bias in self.source.shapes for bias in biases)
        product = f"{out}/product" if has_bias else out
        form = self.form(names[0])
        if form is None:
            columns = [self.source.dense(name).T for name in names]
            self._count(names, None)
            matrix = np.hstack(columns).astype(self.parts.dtype)
            self.parts.node("MatMul", [value, self.parts.tensors.add(f"{out}/w", matrix)], product)
        else:
            self.write_blocks(names, f"{out}/w", form)
            rows = sum(self.source.shapes[name][0] for name in names)
            shape = (rows, self.source.shapes[names[0]][1])
            self.multiply(value, f"{out}/w", form, shape, product)
        if has_bias:
            vector = np.concatenate(
                [self._bias(*pair) for pair in zip(names, biases, strict=True)]
            ).astype(self.parts.dtype)
            self.parts.node("Add", [product, self.parts.tensors.add(f"{out}/b", vector)], out)
        return out

    def multiply(
        self, value: str, matrix: str, form: Form, shape: tuple[int, ...], out: str
    ) -> None:
        """`value` times a matrix of `shape` (rows, columns) that `write_blocks` has written."""
        product = f"{out}/scaled" if form.has_offsets else out
        self.parts.node(
            "MatMulNBits",
            [value, matrix, f"{matrix}.scales"],
            product,
            domain=MICROSOFT,
            K=shape[1],
            N=shape[0],
            bits=form.bits,
            block_size=form.block,
            accuracy_level=self.accuracy_level,
        )
        if form.has_offsets:
            # The sum over a block of x * (code * scale + offset): the offset meets the sum of x.
            sums = self._sums(value, shape[1], form.block)
            self.parts.node("MatMul", [sums, f"{matrix}.offsets"], f"{out}/shifted")
            self.parts.node("Add", [product, f"{out}/shifted"], out)

    def write_dense(self, name: str) -> None:
        rows, columns = self.source.shapes[name]
        parts = (self.source.dense(name, part) for part in row_ranges(rows, columns))
        self.parts.tensors.stream(name, self.parts.dtype, (rows, columns), parts)
        self._count([name], None)

    def write_blocks(self, names: Sequence[str], matrix: str, form: Form) -> None:
        """Codes go to disk in passing; scales and offsets, a fraction of them, wait for the end."""
        columns = self.source.shapes[names[0]][1]
        rows = sum(self.source.shapes[name][0] for name in names)
        shape = (rows, -(-columns // form.block), form.block * form.bits // 8)
        scales: list[NDArray[np.float32]] = []
        offsets: list[NDArray[np.float32]] = []

        def parts() -> Iterator[NDArray[np.uint8]]:
            for name in names:
                for part in row_ranges(self.source.shapes[name][0], columns):
                    blocks = self._blocks(name, part, form)
                    scales.append(blocks.scales)
                    if blocks.offsets is not None:
                        offsets.append(blocks.offsets)
                    yield blocks.packed()

        tensors, dtype = self.parts.tensors, self.parts.dtype
        tensors.stream(matrix, np.dtype(np.uint8), shape, parts())
        tensors.add(f"{matrix}.scales", np.concatenate(scales).astype(dtype))
        if offsets:
            tensors.add(f"{matrix}.offsets", np.concatenate(offsets).T.astype(dtype))
        self._count(names, form)

    def _blocks(self, name: str, rows: slice, form: Form) -> Blocks:
        if self._is_kept(name, form):
            kept = self.source.blocks(name, rows)
            return kept.widened() if form.bits == 8 else kept
        return quantize(self.source.dense(name, rows))

    def _is_kept(self, name: str, form: Form) -> bool:
        if self.source.kind(name) not in TRANSCODABLE:
            return False
        sample = self.source.blocks(name, slice(0, 1))
        return sample.block == form.block and (sample.offsets is not None) == form.has_offsets

    def _bias(self, name: str, bias: str) -> NDArray[np.float32]:
        if bias in self.source.shapes:
            return self.source.dense(bias)
        return np.zeros(self.source.shapes[name][0], np.float32)

    def _sums(self, value: str, columns: int, block: int) -> str:
        """The sums of `value` over each block of columns, made once for all that share them."""
        ones = f"block_ones_{columns}_{block}"
        if ones not in self._block_sums:
            indices = np.arange(columns)
            summing = np.zeros((columns, -(-columns // block)), self.parts.dtype)
            summing[indices, indices // block] = 1
            self._block_sums[ones] = self.parts.tensors.add(ones, summing)
        sums = f"{value}/sums_{block}"
        if sums not in self._block_sums:
            self._block_sums[sums] = self.parts.node("MatMul", [value, ones], sums)
        return sums

    def _count(self, names: Sequence[str], form: Form | None) -> None:
        for name in names:
            kind = self.source.kind(name)
            unchanged = kind in FLOAT_KINDS if form is None else self._is_kept(name, form)
            kept = "floats" if form is None else f"{form.bits}-bit blocks of {form.block}"
            self.stored[f"{kind} as {kept}, {'unchanged' if unchanged else 'converted'}"] += 1
        if self.progress is not None:
            total = 7 * self.source.config.layers + (1 if self.source.config.tied else 2)
            self.progress("weights", self.stored.total(), total)
