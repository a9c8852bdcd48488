"""Reads Kokoro's weights back out of its dynamically quantised ONNX export.

Quantised weights are affine: `(integer - zero point) * scale`, per tensor or per output column.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from idol_runtime.errors import BundleError
from idol_runtime.speech.kokoro.statistics import Floats

GENERATOR = "decoder.decoder.generator."
_GENERATOR_NODES = "/decoder/decoder/generator/"


class QuantisedModel:
    """The original graph, with its weights by the names the architecture gives them."""

    def __init__(self, path: Path) -> None:
        """Opens the export.

        Raises:
            BundleError: the file is not an ONNX model.
        """
        try:
            self.graph = onnx.load(path).graph
        except Exception as error:  # protobuf's DecodeError and onnx's own share no base class
            raise BundleError(
                f"{path}: expected Kokoro's ONNX model, but it does not read as one "
                f"({type(error).__name__}); fetch it again with `idol models pull`."
            ) from None
        self.path = path
        self._tensors = {tensor.name: tensor for tensor in self.graph.initializer}
        self._nodes = {node.name: node for node in self.graph.node}

    def tensor(self, name: str) -> NDArray[Any]:
        if name not in self._tensors:
            raise BundleError(
                f"{self.path}: expected Kokoro-82M's int8 ONNX export with a tensor `{name}`, "
                "found none; fetch the pinned file with `idol models pull`."
            )
        return numpy_helper.to_array(self._tensors[name])

    def generator(self, name: str) -> Floats:
        """A tensor of the generator that was kept in float."""
        return self.tensor(GENERATOR + name)

    def folded(self, name: str) -> Floats:
        """A float tensor that the exporter computed from weight normalisation and renamed."""
        return self.tensor(_GENERATOR_NODES + name)

    def convolution(self, name: str) -> tuple[Floats, Floats]:
        """Weight (out, in, kernel) and bias (out,) of `resblocks.0/convs1.0` and the like."""
        node = self._nodes.get(f"{_GENERATOR_NODES}{name}/Conv_quant")
        if node is None:
            raise BundleError(
                f"{self.path}: expected a quantised convolution `{name}` in the generator, found "
                "none; fetch the pinned file with `idol models pull`."
            )
        weight, zero_point = node.input[1], node.input[3]
        values = self.tensor(weight).astype(np.float32) - np.float32(self.tensor(zero_point))
        scale = self.tensor(weight.replace("_quantized", "_scale"))
        return values * scale, self.generator(name.replace("/", ".") + ".bias")

    def style_projection(self, name: str) -> tuple[Floats, Floats]:
        """Weight (style, 2 * channels) and bias of an AdaIN layer: gains, then shifts."""
        prefix = f"{GENERATOR}{name}.fc."
        weight = self.tensor(prefix + "weight_quantized").astype(np.float32)
        return weight * self.tensor(prefix + "weight_scale"), self.tensor(prefix + "bias")

    def upstream(self, outputs: Iterable[str]) -> tuple[list[onnx.NodeProto], set[str]]:
        """The nodes that `outputs` depend on, in order, and the weights they read."""
        makers = {value: node for node in self.graph.node for value in node.output}
        wanted = list(outputs)
        seen: set[str] = set()
        while wanted:
            value = wanted.pop()
            if value not in seen:
                seen.add(value)
                wanted += makers[value].input if value in makers else []
        nodes = [node for node in self.graph.node if seen & set(node.output)]
        return nodes, seen & self._tensors.keys()

    def initializers(self, names: set[str]) -> list[onnx.TensorProto]:
        return [tensor for tensor in self.graph.initializer if tensor.name in names]
