"""Turns Kokoro-82M's ONNX export into a bundle that speaks window by window.

Needs onnx and numpy alone and takes seconds. The original graph is cut in two: what needs the
whole clause (text to features, 9 % of the time) and the generator, which is rebuilt
(`generator_graph`).
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from idol_runtime.errors import BundleError
from idol_runtime.inference.bundle import write_manifest
from idol_runtime.speech.kokoro import ENGINE
from idol_runtime.speech.kokoro.generator_graph import NormLayer, build_generator
from idol_runtime.speech.kokoro.harmonics import HarmonicMix
from idol_runtime.speech.kokoro.quantised import QuantisedModel

Progress: TypeAlias = Callable[[str, int, int], None] | None

_DURATIONS = "/encoder/Clip_output_0"
_FEATURES = "/decoder/decoder/decode.3/Div_4_output_0"
_PITCH = "/decoder/decoder/Unsqueeze_output_0"
_STYLE = "/decoder/Slice_output_0"


def prepare(source_folder: Path, target: Path, progress: Progress = None) -> None:
    """Writes a speech bundle.

    Args:
        source_folder: Holds one `.onnx` file, `vocab.json` and the voices, each a `.bin` of
            float32 [510, 1, 256], anywhere below it.
        target: An existing empty folder, or one to make.
        progress: Told what is done, how much of it, and of how much.

    Raises:
        BundleError: the folder holds something else.
    """

    def tell(done: int) -> None:
        if progress:
            progress("converting the voice", done, 4)

    tell(0)
    path, vocabulary, voices = _sources(source_folder)
    source = QuantisedModel(path)
    target.mkdir(parents=True, exist_ok=True)
    tell(1)
    generator, norms = build_generator(source)
    onnx.save(generator, target / "generator.onnx")
    tell(2)
    onnx.save(_build_features(source, norms), target / "features.onnx")
    tell(3)
    (target / "voices").mkdir(exist_ok=True)
    for voice in voices:
        shutil.copyfile(voice, target / "voices" / voice.name)
    mix = HarmonicMix.read(source)
    write_manifest(
        target,
        kind="speech",
        name="kokoro-82m",
        licence="Apache-2.0",
        config={
            "vocabulary": vocabulary,
            "harmonic_weights": mix.weights.tolist(),
            "harmonic_bias": mix.bias,
        },
        card={"source": path.name, "nodes": len(source.graph.node)},
        engine=ENGINE,
    )
    tell(4)


def _sources(folder: Path) -> tuple[Path, dict[str, int], list[Path]]:
    models = sorted(folder.rglob("*.onnx"))
    vocabularies = sorted(folder.rglob("vocab.json"))
    voices = sorted(path for path in folder.rglob("*.bin") if path.stat().st_size == 510 * 256 * 4)
    if len(models) != 1 or len(vocabularies) != 1 or not voices:
        raise BundleError(
            f"{folder}: expected Kokoro's files (one .onnx, vocab.json, voices as .bin), found "
            f"{len(models)} .onnx, {len(vocabularies)} vocab.json and {len(voices)} voices; "
            "fetch them with `idol models pull`."
        )
    vocabulary = json.loads(vocabularies[0].read_bytes())["vocab"]
    return models[0], vocabulary, voices


def _build_features(source: QuantisedModel, norms: list[NormLayer]) -> onnx.ModelProto:
    """Tokens to what the generator needs.

    Inputs as in the export: `tokens` int64 [1, n], `style` [1, 256], `speed` [1]. Outputs:
    `durations` int64 [n] in units of 25 ms, `features` [1, 512, 1, F], `pitch` [F] in hertz, and
    the norms' `gain` and `shift` [N] for this style.
    """
    nodes, names = source.upstream([_DURATIONS, _FEATURES, _PITCH, _STYLE])
    gain, gain_bias, shift, shift_bias = _style_projections(source, norms)
    extra = {
        "idol.gain": gain,
        "idol.gain_bias": gain_bias,
        "idol.shift": shift,
        "idol.shift_bias": shift_bias,
        "idol.flat": np.array([-1], np.int64),
        "idol.wide": np.array([2], np.int64),
    }
    nodes += [
        helper.make_node("Reshape", [_DURATIONS, "idol.flat"], ["idol.durations"]),
        helper.make_node("Cast", ["idol.durations"], ["durations"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", [_FEATURES, "idol.wide"], ["features"]),
        helper.make_node("Reshape", [_PITCH, "idol.flat"], ["pitch"]),
    ]
    for name in ("gain", "shift"):
        nodes += [
            helper.make_node("Gemm", [_STYLE, f"idol.{name}", f"idol.{name}_bias"], [f"{name}.2d"]),
            helper.make_node("Reshape", [f"{name}.2d", "idol.flat"], [name]),
        ]
    weights = source.initializers(names)
    weights += [numpy_helper.from_array(value, name) for name, value in extra.items()]
    real, whole = TensorProto.FLOAT, TensorProto.INT64
    shapes: dict[str, tuple[int, list[int | str]]] = {
        "durations": (whole, ["tokens"]),
        "features": (real, [1, 512, 1, "frames"]),
        "pitch": (real, ["frames"]),
        "gain": (real, [len(gain_bias)]),
        "shift": (real, [len(gain_bias)]),
    }
    outputs = [
        helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in shapes.items()
    ]
    body = helper.make_graph(nodes, "features", list(source.graph.input), outputs, weights)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(body, opset_imports=opsets, ir_version=9)


def _style_projections(
    source: QuantisedModel, norms: list[NormLayer]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All norms' style layers side by side, with their snake's alpha multiplied in."""
    parts: list[list[np.ndarray]] = [[], [], [], []]
    for norm in norms:
        weight, bias = source.style_projection(norm.name)
        channels = len(norm.alpha)
        parts[0].append(weight[:, :channels] * norm.alpha)
        parts[1].append((1 + bias[:channels]) * norm.alpha)
        parts[2].append(weight[:, channels:] * norm.alpha)
        parts[3].append(bias[channels:] * norm.alpha)
    gain, gain_bias, shift, shift_bias = (
        np.concatenate(part, axis=-1).astype(np.float32) for part in parts
    )
    return gain, gain_bias, shift, shift_bias
