"""Tiny random chat models, made here: a Hugging Face folder and a GGUF file of each family."""

import math
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

CONTROLS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MERGES = ("Ġ t", "h e", "Ġt he", "i n", "a n", "Ġ a")
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>\\n' }}{% endfor %}{{ '<|im_start|>assistant\\n' }}"
)
POSITIONS = 512


def vocabulary() -> list[str]:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    return [*CONTROLS, *letters, *(merge.replace(" ", "") for merge in MERGES)]


def byte_level_tokenizer() -> Tokenizer:
    tokens = {token: index for index, token in enumerate(vocabulary())}
    merges = [(left, right) for left, right in map(str.split, MERGES)]
    tokenizer = Tokenizer(models.BPE(tokens, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in CONTROLS])
    return tokenizer


def tiny_model(family: str, *, tied: bool = True, **changes: Any) -> Any:
    """A random model whose next tokens are far from equally likely."""
    sizes: dict[str, Any] = {
        "vocab_size": len(vocabulary()),
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": POSITIONS,
        "tie_word_embeddings": tied,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "initializer_range": 0.3,
        **changes,
    }
    torch.manual_seed(7)
    model: Any
    if family == "llama":
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes))
    elif family == "qwen3":
        # Its heads are wider than hidden / heads, as in the smaller real ones.
        model = transformers.Qwen3ForCausalLM(transformers.Qwen3Config(head_dim=32, **sizes))
    elif family == "smollm3":
        # Every fourth layer knows no positions.
        sizes |= {"num_hidden_layers": 5, "pad_token_id": 0, **changes}
        model = transformers.SmolLM3ForCausalLM(transformers.SmolLM3Config(**sizes))
    elif family == "gemma":
        model = transformers.GemmaForCausalLM(transformers.GemmaConfig(head_dim=32, **sizes))
    elif family == "gemma2":
        # Small caps and a small window, so that they matter.
        sizes |= {"num_hidden_layers": 3, "sliding_window": 8, "head_dim": 32, **changes}
        sizes |= {"attn_logit_softcapping": 5.0, "final_logit_softcapping": 6.0}
        sizes |= {"query_pre_attn_scalar": 32}
        model = transformers.Gemma2ForCausalLM(transformers.Gemma2Config(**sizes))
    elif family == "gemma3":
        sizes |= {"num_hidden_layers": 7, "sliding_window": 8, "head_dim": 32, **changes}
        sizes |= {"query_pre_attn_scalar": 32}
        model = transformers.Gemma3ForCausalLM(transformers.Gemma3TextConfig(**sizes))
    elif family == "phi3":
        sizes |= {"pad_token_id": 0, **changes}
        model = transformers.Phi3ForCausalLM(transformers.Phi3Config(**sizes))
    else:
        model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**sizes))
    middle = 0.0 if family.startswith("gemma") else 1.0  # Gemma adds one to its norms
    for name, value in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.normal_(value, middle if "norm" in name else 0.0, 0.3)
    return model.float().eval()


def save_checkpoint(model: Any, folder: Path) -> Path:
    fast: Any = transformers.PreTrainedTokenizerFast  # its __init__ has no annotations
    tokenizer = fast(
        tokenizer_object=byte_level_tokenizer(),
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        chat_template=TEMPLATE,
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


_GEMMA_NORMS = {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.qkv_proj": "attn_qkv",
    "mlp.gate_up_proj": "ffn_up",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "post_attention_layernorm": "ffn_norm",
    "input_layernorm": "attn_norm",
    "model.layers": "blk",
}


def write_gguf(
    model: Any, path: Path, kinds: dict[str, str], *, changes: dict[str, Any] | None = None
) -> Path:
    """Writes `model`; `kinds` gives a block type to every matrix whose name has the key in it."""
    config, family = model.config, model.config.model_type.removesuffix("_text")
    writer = gguf.GGUFWriter(path, family)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    rope = config.rope_parameters
    _add_rope(writer, rope.get("full_attention", rope), head_dim)
    if (window := getattr(config, "sliding_window", None)) is not None:
        writer.add_sliding_window(window)
    if cap := getattr(config, "attn_logit_softcapping", None):
        writer.add_attn_logit_softcapping(cap)
    if cap := getattr(config, "final_logit_softcapping", None):
        writer.add_final_logit_softcapping(cap)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_license("apache-2.0")
    _add_tokenizer(writer)
    for key, value in (changes or {}).items():
        writer.kv_data[0].pop(key, None)
        (writer.add_string if isinstance(value, str) else writer.add_uint32)(key, value)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = tensor.numpy().astype(np.float32)
        if family in ("llama", "smollm3") and (".q_proj." in name or ".k_proj." in name):
            heads = values.shape[0] // head_dim
            halves = values.reshape(heads, 2, -1, *values.shape[1:])
            values = np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(values.shape)
        if family.startswith("gemma") and "norm" in name:
            values = values + 1
        theirs = name
        norms = _GEMMA_NORMS if family in ("gemma2", "gemma3") else {}
        for ours, other in {**_NAMES, **norms}.items():
            theirs = theirs.replace(ours, other)
        kind = next((k for key, k in kinds.items() if key in theirs and values.ndim == 2), "F32")
        if kind == "F16":
            writer.add_tensor(theirs, values.astype(np.float16))
        elif kind == "F32":
            writer.add_tensor(theirs, values)
        else:
            block = gguf.GGMLQuantizationType[kind]
            writer.add_tensor(theirs, gguf.quants.quantize(values, block), raw_dtype=block)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_rope(writer: Any, rope: Any, head_dim: int) -> None:
    """As llama.cpp's converter writes what a configuration says of rotary positions."""
    writer.add_rope_freq_base(rope["rope_theta"])
    channels = int(head_dim * rope.get("partial_rotary_factor", 1.0))
    writer.add_rope_dimension_count(channels)
    kind = rope["rope_type"]
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
        writer.add_rope_scaling_factor(rope["factor"])
    if "original_max_position_embeddings" in rope:
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if kind == "longrope":
        trained = rope["original_max_position_embeddings"]
        longer = POSITIONS / trained
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(longer) / math.log(trained)))
        for key in ("short", "long"):
            factors = np.array(rope[f"{key}_factor"], np.float32)
            writer.add_tensor(f"rope_factors_{key}.weight", factors)


def _add_tokenizer(writer: Any) -> None:
    tokens = vocabulary()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in CONTROLS else 1 for token in tokens])
    writer.add_token_merges(list(MERGES))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
