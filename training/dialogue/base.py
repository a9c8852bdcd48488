"""The model that is tuned: read from a GGUF file or a folder, or a tiny random one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import nn

from training.dialogue.chat_ids import BEGIN, END, ChatIds

TOKENIZER_FILE: Final = "tokenizer.json"
CONTROLS: Final = ("<|endoftext|>", BEGIN, END)


@dataclass(frozen=True, slots=True)
class Base:
    model: nn.Module
    """A `ForCausalLM` of transformers, in float32 or bfloat16."""
    chat: ChatIds
    name: str


def open_base(place: str, dtype: torch.dtype) -> Base:
    """Reads a base; a GGUF file comes with its weights dequantised, which takes a minute.

    Raises:
        SystemExit: there is no such file or folder, or it is no chat model that can be tuned.
    """
    if not place:
        tokenizer = byte_tokenizer()
        model: nn.Module = tiny_base(tokenizer.get_vocab_size())
        return Base(model.to(dtype), ChatIds(tokenizer), "tiny")
    path = Path(place)
    if not path.exists():
        raise SystemExit(
            f"{path}: expected a GGUF file or a folder with a model, found nothing; fetch one with "
            "`idol models pull qwen2.5-coder-0.5b-instruct` and name it with --model."
        )
    return Base(_read_model(path, dtype), ChatIds(_read_tokenizer(path)), _name(path))


def _name(path: Path) -> str:
    """Without the ending of a file; names of models have points themselves."""
    return path.stem if path.is_file() else path.name


def _read_model(path: Path, dtype: torch.dtype) -> nn.Module:
    from transformers import AutoModelForCausalLM, GgufConfig

    given: dict[str, Any] = {}
    if path.is_file():
        given = {"gguf_file": path.name, "quantization_config": GgufConfig(dequantize=True)}
    folder = path.parent if path.is_file() else path
    model: nn.Module = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="sdpa", **given
    )
    return model.to(dtype)


def _read_tokenizer(path: Path) -> Tokenizer:
    from transformers import AutoTokenizer

    if (path / TOKENIZER_FILE).is_file():
        return Tokenizer.from_file(str(path / TOKENIZER_FILE))
    read: Any = AutoTokenizer
    tokenizer = read.from_pretrained(path.parent, gguf_file=path.name)
    return cast("Tokenizer", tokenizer.backend_tokenizer)


def byte_tokenizer() -> Tokenizer:
    """Every byte is a token, beside the marks of ChatML."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = {token: index for index, token in enumerate((*CONTROLS, *letters))}
    tokenizer = Tokenizer(models.BPE(tokens, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in CONTROLS])
    return tokenizer


def tiny_base(vocabulary: int) -> nn.Module:
    """A random Qwen2 of two layers, always the same; chance outside is left as it was."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    sizes: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        "attn_implementation": "sdpa",
        "initializer_range": 0.3,  # so that its next tokens are far from equally likely
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return cast("nn.Module", Qwen2ForCausalLM(Qwen2Config(**sizes)))
