"""Kokoro's generator as an ONNX graph that can render a window of a clause.

The architecture is iSTFTNet (Kaneko et al. 2022) with StyleTTS 2's adaptive instance norms and
snake activations (Ziyin et al. 2020): two upsampling stages, each followed by residual blocks,
and a small inverse STFT. Differences from the original export, all exact but for rounding:

* Weights are float again: blocked float convolutions beat dynamic int8 ones on CPU, and only
  2-D convolutions are blocked, so time is the width of an image of height 1.
* A norm's statistics span the whole clause. Here they are `trust * given + (1 - trust) * own`,
  where own are those of the window, so a window can be rendered with the clause's statistics.
* Norm and snake are fused. With `u = alpha * norm(x)`, snake is `(u + sin(u)^2) / alpha`; alpha
  goes into the norm's gain and shift, `1 / alpha` into the convolution that follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from idol_runtime.speech.kokoro.quantised import QuantisedModel
from idol_runtime.speech.kokoro.statistics import Floats

OPSET = 20
FEATURE_CHANNELS = 512
HARMONIC_CHANNELS = 22
STAGE_STRIDES = (10, 6)
"""Stage-0 frames per feature frame, then stage-1 frames per stage-0 frame."""
HOP = 5
"""Samples per stage-1 frame."""
_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class NormLayer:
    """One adaptive instance norm, in the order of the flat statistics vectors."""

    name: str
    alpha: Floats
    """(channels,), of the snake that follows."""


@dataclass(slots=True)
class _Graph:
    """Collects nodes and weights; every method returns the name of its result."""

    source: QuantisedModel
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)
    norms: list[NormLayer] = field(default_factory=list)
    statistics: list[tuple[str, str]] = field(default_factory=list)
    _offset: int = 0

    def constant(self, value: NDArray[np.generic]) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def scalar(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def name_output(self, value: str, name: str) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def slice(self, value: str, start: str, stop: str, axis: int) -> str:
        return self.op("Slice", value, start, stop, self.integers(axis))

    def convolve(
        self, x: str, weight: Floats, bias: Floats, *, stride: int = 1, dilation: int = 1
    ) -> str:
        kernel = weight.shape[2]
        padding = dilation * (kernel - 1) // 2 if stride == 1 else (kernel - stride) // 2
        return self.op(
            "Conv",
            x,
            self.constant(weight[:, :, None]),
            self.constant(bias),
            kernel_shape=[1, kernel],
            strides=[1, stride],
            dilations=[1, dilation],
            pads=[0, padding, 0, padding],
        )

    def upsample(self, x: str, weight: Floats, bias: Floats, stride: int, padding: int) -> str:
        return self.op(
            "ConvTranspose",
            x,
            self.constant(weight[:, :, None]),
            self.constant(bias),
            kernel_shape=[1, weight.shape[2]],
            strides=[1, stride],
            pads=[0, padding, 0, padding],
        )

    def normalise(self, x: str, layer: NormLayer) -> str:
        """`alpha * adain(x)`, with this layer's part of the given statistics."""
        channels = len(layer.alpha)
        start, stop = self.integers(self._offset), self.integers(self._offset + channels)
        self._offset += channels
        self.norms.append(layer)

        def part(vector: str) -> str:
            column = self.integers(1, channels, 1, 1)
            return self.op("Reshape", self.slice(vector, start, stop, 0), column)

        time = self.integers(3)
        own_mean = self.op("ReduceMean", x, time, keepdims=1)
        centred = self.op("Sub", x, own_mean)
        own_variance = self.op("ReduceMean", self.op("Mul", centred, centred), time, keepdims=1)
        self.statistics.append((own_mean, own_variance))
        mean = self._blend(part("mean"), own_mean)
        variance = self._blend(part("variance"), own_variance)
        deviation = self.op("Sqrt", self.op("Add", variance, self.scalar(_EPSILON)))
        gain = self.op("Div", part("gain"), deviation)
        shift = self.op("Sub", part("shift"), self.op("Mul", gain, mean))
        return self.op("Add", self.op("Mul", x, gain), shift)

    def _blend(self, given: str, own: str) -> str:
        # As a choice, not `own + trust * (given - own)`: trust 0 and 1 must be exact.
        return self.op("Add", self.op("Mul", given, "trust"), self.op("Mul", own, "distrust"))

    def residual_block(self, x: str, name: str) -> str:
        for index, dilation in enumerate((1, 3, 5)):
            branch = x
            for half, reach in ((1, dilation), (2, 1)):
                alpha = self.source.generator(f"{name}.alpha{half}.{index}").ravel()
                layer = NormLayer(f"{name}.adain{half}.{index}", alpha)
                scaled = self.normalise(branch, layer)
                sine = self.op("Sin", scaled)
                snake = self.op("Add", scaled, self.op("Mul", sine, sine))
                weight, bias = self.source.convolution(f"{name}/convs{half}.{index}")
                branch = self.convolve(snake, weight / alpha[:, None], bias, dilation=reach)
            x = self.op("Add", x, branch)
        return x

    def average_blocks(self, x: str, indices: Sequence[int]) -> str:
        first, second, third = (self.residual_block(x, f"resblocks.{index}") for index in indices)
        total = self.op("Add", self.op("Add", first, second), third)
        return self.op("Mul", total, self.scalar(1 / 3))


def build_generator(source: QuantisedModel) -> tuple[onnx.ModelProto, list[NormLayer]]:
    """The windowed generator and its norm layers.

    Inputs: `features` [1, 512, 1, F] at 80 Hz; `harmonics` [1, 22, 1, 60 F + 1], the source's
    spectra for the same time; `inner_harmonics` [1, 22, 1, 6 (stop - start) + 1]; `start` and
    `stop` [1], the stage-0 frames that stage 1 is run for; `gain`, `shift`, `mean`, `variance`
    [N] over all norms; `trust` [] in [0, 1], how far the given statistics replace the window's.
    Outputs: `sound` [30 (stop - start)] at 24 kHz in about [-1, 1]; `own_mean`, `own_variance` [N].
    """
    graph = _Graph(source)
    graph.nodes.append(helper.make_node("Sub", [graph.scalar(1), "trust"], ["distrust"]))
    spectrum = _stages(graph)
    _inverse_stft(graph, spectrum)
    flat = graph.integers(-1)
    for index, name in enumerate(("own_mean", "own_variance")):
        parts = [graph.op("Reshape", each[index], flat) for each in graph.statistics]
        graph.nodes.append(helper.make_node("Concat", parts, [name], axis=0))
    count = sum(len(layer.alpha) for layer in graph.norms)
    return _model(graph, count), graph.norms


def _stages(graph: _Graph) -> str:
    source = graph.source
    weight, bias = source.convolution("noise_convs.0")
    noise = graph.residual_block(graph.convolve("harmonics", weight, bias, stride=6), "noise_res.0")
    x = graph.op("LeakyRelu", "features", alpha=0.1)
    x = graph.upsample(x, source.folded("Mul_output_0"), source.generator("ups.0.bias"), 10, 5)
    x = graph.average_blocks(graph.op("Add", x, noise), (0, 1, 2))

    x = graph.op("LeakyRelu", graph.slice(x, "start", "stop", 3), alpha=0.1)
    weight, bias = source.convolution("noise_convs.1")
    noise = graph.residual_block(graph.convolve("inner_harmonics", weight, bias), "noise_res.1")
    x = graph.upsample(x, source.folded("Mul_1_output_0"), source.generator("ups.1.bias"), 6, 3)
    x = graph.op("Pad", x, graph.integers(0, 0, 0, 1, 0, 0, 0, 0), mode="reflect")
    x = graph.average_blocks(graph.op("Add", x, noise), (3, 4, 5))
    x = graph.op("LeakyRelu", x, alpha=0.01)
    return graph.convolve(x, source.folded("Mul_2_output_0"), source.generator("conv_post.bias"))


def _inverse_stft(graph: _Graph, spectrum: str) -> None:
    bins = HARMONIC_CHANNELS // 2
    middle = graph.integers(bins)
    log_size = graph.slice(spectrum, graph.integers(0), middle, 1)
    raw_phase = graph.slice(spectrum, middle, graph.integers(2 * bins), 1)
    size, phase = graph.op("Exp", log_size), graph.op("Sin", raw_phase)
    real = graph.op("Mul", size, graph.op("Cos", phase))
    imaginary = graph.op("Mul", size, graph.op("Sin", phase))
    basis = source_basis(graph.source)
    sound = graph.upsample(
        graph.op("Concat", real, imaginary, axis=1), basis, np.zeros(1, np.float32), HOP, 10
    )
    graph.nodes.append(helper.make_node("Reshape", [sound, graph.integers(-1)], ["sound"]))


def source_basis(source: QuantisedModel) -> Floats:
    """(22, 1, 20) synthesis filters; the export multiplies by n_fft / hop = 4 afterwards."""
    return source.generator("stft.istft.stft.inverse_basis") * np.float32(4)


def _model(graph: _Graph, count: int) -> onnx.ModelProto:
    real, whole = TensorProto.FLOAT, TensorProto.INT64

    def value(name: str, shape: list[int | str], kind: int = real) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [
        value("features", [1, FEATURE_CHANNELS, 1, "feature_frames"]),
        value("harmonics", [1, HARMONIC_CHANNELS, 1, "harmonic_frames"]),
        value("inner_harmonics", [1, HARMONIC_CHANNELS, 1, "inner_frames"]),
        value("start", [1], whole),
        value("stop", [1], whole),
        *(value(name, [count]) for name in ("gain", "shift", "mean", "variance")),
        value("trust", []),
    ]
    outputs = [
        value("sound", ["samples"]),
        value("own_mean", [count]),
        value("own_variance", [count]),
    ]
    body = helper.make_graph(graph.nodes, "generator", inputs, outputs, graph.weights)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
