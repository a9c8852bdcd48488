"""The one builder of decoder graphs: weights in, `model.onnx` and its tensor file out.

Inputs: `input_ids` int64 (B, S), `attention_mask` int64 (B, T) whose row sums are the lengths
after this run, and for each layer `past_key_values.N.key/value` (B, kv_heads, C, head_dim), where
C may be a fixed capacity. Outputs: `logits` float32 (B, vocab) of the last position, and
`present.N.key/value`, which may be bound to the very memory of the past: attention then writes
the new rows in place. B > 1 needs S = 1 or empty pasts. Padding goes to the right.
"""

from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper

from idol_runtime.dialogue.architecture import (
    EMBEDDING,
    FINAL_NORM,
    HEAD,
    check_tensors,
    head_norm,
    norm,
    projection,
)
from idol_runtime.dialogue.config import MODEL_FILE
from idol_runtime.dialogue.external_data import TensorFile
from idol_runtime.dialogue.matrices import (
    MICROSOFT,
    Form,
    GraphParts,
    Matrices,
    Progress,
    Weights,
    WeightSource,
)
from idol_runtime.dialogue.rotary import rotary_tables

Activations: TypeAlias = Literal["float32", "float16"]

TENSOR_FILE = "model.onnx.data"


def build_decoder(
    source: WeightSource,
    folder: Path,
    *,
    weights: Weights,
    activations: Activations = "float32",
    accuracy_level: int = 4,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Writes the model into `folder`; returns how many matrices were kept in which way.

    Args:
        source: Where the weights come from.
        folder: Takes `model.onnx` and `model.onnx.data`.
        weights: `fp32` keeps floats; `int8` holds 8-bit blocks of 32; `exact` keeps the 4- to
            8-bit blocks of a GGUF file as they are and falls to `int8` for the few kinds that
            MatMulNBits cannot express.
        activations: float16 is for CUDA, whose attention kernel knows no float32.
        accuracy_level: MatMulNBits' own: 4 multiplies 8-bit activations, 1 multiplies floats.
        progress: Called with ("weights", matrices done, matrices in all).

    Raises:
        InputError: a tensor is missing or is not part of a plain decoder.
    """
    check_tensors(source.config, source.shapes)
    with TensorFile(folder / TENSOR_FILE) as tensors:
        parts = GraphParts(tensors, np.dtype(activations))
        matrices = Matrices(parts, source, weights, accuracy_level, progress)
        _Decoder(parts, matrices).build()
    onnx.save(_model(parts, source), str(folder / MODEL_FILE))
    return dict(matrices.stored)


class _Decoder:
    def __init__(self, parts: GraphParts, matrices: Matrices) -> None:
        self.parts, self.matrices = parts, matrices
        self.source, self.config = matrices.source, matrices.source.config

    def build(self) -> None:
        self._lengths()
        self._rotary_tables()
        hidden = self._scaled(self._embed("input_ids"), self.config.embedding_scale, "embedding")
        skip: str | None = None
        for layer in range(self.config.layers):
            normed, residual = self._norm(hidden, skip, norm(layer, "input_layernorm"))
            attended = self._attention(layer, normed)
            if self.config.normalizes_outputs:
                attended, _ = self._norm(attended, None, norm(layer, "post_attention_layernorm"))
                normed, hidden = self._norm(
                    attended, residual, norm(layer, "pre_feedforward_layernorm")
                )
                fed = self._mlp(layer, normed)
                skip, _ = self._norm(fed, None, norm(layer, "post_feedforward_layernorm"))
            else:
                name = norm(layer, "post_attention_layernorm")
                normed, hidden = self._norm(attended, residual, name)
                skip = self._mlp(layer, normed)
        normed, _ = self._norm(hidden, skip, FINAL_NORM)
        last = self.parts.constant("last", -1)
        self._head(self.parts.node("Gather", [normed, last], "last_hidden", axis=1))

    def _lengths(self) -> None:
        node, constant = self.parts.node, self.parts.constant
        lengths = node(
            "ReduceSum", ["attention_mask", constant("axis_1", [1])], "mask_sum", keepdims=0
        )
        last = node("Sub", [lengths, constant("one", [1])], "last_index")
        node("Cast", [last], "seqlens_k", to=TensorProto.INT32)
        shape = node("Shape", ["attention_mask"], "mask_shape")
        width = node("Gather", [shape, constant("index_1", 1)], "mask_width")
        node("Cast", [width], "total_length", to=TensorProto.INT32)

    def _rotary_tables(self) -> None:
        for suffix in ("", *(("_windowed",) if self.config.windowed_rope_theta else ())):
            cosines, sines = rotary_tables(self.config, windowed=bool(suffix))
            self.parts.tensors.add(f"cos_cache{suffix}", cosines.astype(self.parts.dtype))
            self.parts.tensors.add(f"sin_cache{suffix}", sines.astype(self.parts.dtype))

    def _scaled(self, value: str, factor: float, what: str) -> str:
        if factor == 1.0:
            return value
        scale = self.parts.tensors.add(f"{what}_scale", np.array([factor], self.parts.dtype))
        return self.parts.node("Mul", [value, scale], f"{what}_scaled")

    def _norm(self, value: str, skip: str | None, name: str) -> tuple[str, str]:
        """The normalised sum of `value` and `skip`, and that sum."""
        scale = self.parts.tensors.add(name, self.source.dense(name).astype(self.parts.dtype))
        epsilon, out = self.config.rms_eps, f"{name}/out"
        if skip is None:
            self.parts.node(
                "SimplifiedLayerNormalization",
                [value, scale],
                out,
                axis=-1,
                epsilon=epsilon,
                stash_type=1,
            )
            return out, value
        self.parts.nodes.append(
            helper.make_node(
                "SkipSimplifiedLayerNormalization",
                [value, skip, scale],
                [out, "", "", f"{name}/sum"],
                domain=MICROSOFT,
                epsilon=epsilon,
            )
        )
        return out, f"{name}/sum"

    def _attention(self, layer: int, value: str) -> str:
        pasts = [f"past_key_values.{layer}.{part}" for part in ("key", "value")]
        presents = [f"present.{layer}.{part}" for part in ("key", "value")]
        config = self.config
        is_rotated = layer not in config.unrotated
        is_windowed = config.window > 0 and layer in config.windowed
        suffix = "_windowed" if is_windowed and config.windowed_rope_theta else ""
        special: dict[str, Any] = {
            "local_window_size": config.window if is_windowed else None,
            "scale": config.attention_scale or None,
            "softcap": config.attention_cap or None,
        }
        out = f"layers.{layer}/attention"
        self.parts.nodes.append(
            helper.make_node(
                "GroupQueryAttention",
                [
                    *self._queries_keys_values(layer, value),
                    *pasts,
                    "seqlens_k",
                    "total_length",
                    *((f"cos_cache{suffix}", f"sin_cache{suffix}") if is_rotated else ()),
                ],
                [out, *presents],
                domain=MICROSOFT,
                num_heads=config.heads,
                kv_num_heads=config.kv_heads,
                do_rotary=int(is_rotated),
                rotary_interleaved=0,
                **{key: given for key, given in special.items() if given is not None},
            )
        )
        return self.matrices.linear(out, [projection(layer, "o_proj")], f"layers.{layer}/o")

    def _queries_keys_values(self, layer: int, value: str) -> list[str]:
        """Three values, or all in the first, which GroupQueryAttention takes too."""
        names = [projection(layer, name) for name in ("q_proj", "k_proj", "v_proj")]
        linear = self.matrices.linear
        if self.config.normalizes_heads:
            queries, keys, values = (linear(value, [name], f"{name}/out") for name in names)
            return [
                self._norm_heads(queries, head_norm(layer, "q_norm")),
                self._norm_heads(keys, head_norm(layer, "k_norm")),
                values,
            ]
        if len({self.matrices.form(name) for name in names}) == 1:
            return [linear(value, names, f"layers.{layer}/qkv"), "", ""]
        return [linear(value, [name], f"{name}/out") for name in names]

    def _norm_heads(self, value: str, name: str) -> str:
        node, constant = self.parts.node, self.parts.constant
        scale = self.parts.tensors.add(name, self.source.dense(name).astype(self.parts.dtype))
        shape = constant(f"{name}/heads", [0, 0, -1, self.config.head_dim])
        heads = node("Reshape", [value, shape], f"{name}/split")
        normed = node(
            "SimplifiedLayerNormalization",
            [heads, scale],
            f"{name}/normed",
            axis=-1,
            epsilon=self.config.rms_eps,
            stash_type=1,
        )
        return node("Reshape", [normed, constant(f"{name}/flat", [0, 0, -1])], f"{name}/out")

    def _mlp(self, layer: int, value: str) -> str:
        node, linear, at = self.parts.node, self.matrices.linear, f"layers.{layer}"
        gate = linear(value, [projection(layer, "gate_proj")], f"{at}/gate")
        up = linear(value, [projection(layer, "up_proj")], f"{at}/up")
        if self.config.gate == "gelu":
            open_gate = node("Gelu", [gate], f"{at}/gelu", approximate="tanh")
        else:
            sigmoid = node("Sigmoid", [gate], f"{at}/sigmoid")
            open_gate = node("Mul", [gate, sigmoid], f"{at}/silu")
        gated = node("Mul", [open_gate, up], f"{at}/gated")
        return linear(gated, [projection(layer, "down_proj")], f"{at}/down")

    def _embed(self, ids: str) -> str:
        form = self.matrices.form(EMBEDDING)
        if form is None:
            self.matrices.write_dense(EMBEDDING)
            return self.parts.node("Gather", [EMBEDDING, ids], "embedded")
        self.matrices.write_blocks([EMBEDDING], EMBEDDING, form)
        return self._embed_blocks(ids, form)

    def _embed_blocks(self, ids: str, form: Form) -> str:
        """Gathers (B, S, blocks, columns) and reshapes that.

        Reshaping the weights instead would make ONNX Runtime keep a second copy of them.
        """
        node, constant = self.parts.node, self.parts.constant
        blocks = -(-self.config.hidden // form.block)
        scales = [f"{EMBEDDING}.scales", constant("scales_shape", [self.config.vocab, blocks, 1])]
        gathered = node(
            "GatherBlockQuantized",
            [EMBEDDING, ids, node("Reshape", scales, "embedding_scales")],
            "embedded_blocks",
            domain=MICROSOFT,
            bits=8,
            block_size=form.block,
            gather_axis=0,
            quantize_axis=2,
        )
        shape = constant("hidden_shape", [0, 0, blocks * form.block])
        padded = node("Reshape", [gathered, shape], "embedded_padded")
        ends = [
            constant("start", [0]),
            constant("end", [self.config.hidden]),
            constant("axis", [2]),
        ]
        return node("Slice", [padded, *ends], "embedded")

    def _head(self, value: str) -> None:
        cap = self.config.logit_cap
        made = "logits" if self.parts.dtype == np.float32 else "half_logits"
        out = "uncapped_logits" if cap else made
        form = self.matrices.form(EMBEDDING)
        if not self.config.tied:
            self.matrices.linear(value, [HEAD], out)
        elif form is None:
            self.parts.node("Gemm", [value, EMBEDDING], out, transB=1)
        else:
            shape = (self.config.vocab, self.config.hidden)
            self.matrices.multiply(value, EMBEDDING, form, shape, out)
        if cap:
            bent = self.parts.node(
                "Tanh", [self._scaled(out, 1 / cap, "logits_before_cap")], "bent_logits"
            )
            scale = self.parts.tensors.add("logit_cap", np.array([cap], self.parts.dtype))
            self.parts.node("Mul", [bent, scale], made)
        if made != "logits":
            self.parts.node("Cast", [made], "logits", to=TensorProto.FLOAT)


def _model(parts: GraphParts, source: WeightSource) -> onnx.ModelProto:
    config, value = source.config, helper.make_tensor_value_info
    kv_type = helper.np_dtype_to_tensor_dtype(parts.dtype)
    inputs = [
        value("input_ids", TensorProto.INT64, ["batch", "sequence"]),
        value("attention_mask", TensorProto.INT64, ["batch", "total"]),
    ]
    outputs = [value("logits", TensorProto.FLOAT, ["batch", config.vocab])]
    for layer in range(config.layers):
        for part in ("key", "value"):
            past: list[str | int | None] = ["batch", config.kv_heads, "past", config.head_dim]
            present: list[str | int | None] = ["batch", config.kv_heads, "present", config.head_dim]
            inputs.append(value(f"past_key_values.{layer}.{part}", kv_type, past))
            outputs.append(value(f"present.{layer}.{part}", kv_type, present))
    initializers = [*parts.constants, *parts.tensors.tensors]
    graph = helper.make_graph(parts.nodes, "decoder", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="idol")
