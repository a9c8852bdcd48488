"""Writes the tokenizer inside a GGUF file as a `tokenizer.json`.

Byte-level BPE as GPT-2 has it, with the pre-tokenizers of SmolLM, Qwen2 and Llama 3, and
SentencePiece BPE as Llama 2 has it, whose merges follow from the pieces' scores.
"""

from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from idol_runtime.dialogue.gguf_file import GgufFile
from idol_runtime.errors import InputError

CONTROL = 3
"""GGUF's token type of control tokens."""
USER_DEFINED = 4

# A word with one leading character, numbers of at most N digits, punctuation, line ends, spaces.
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{digits}|"
    r" ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_FAMILIES = {
    "default": "gpt-2",
    "gpt-2": "gpt-2",
    "smollm": "smollm",
    "qwen2": "qwen2",
    "deepseek-r1-qwen": "qwen2",
    "llama-bpe": "llama-bpe",
    "llama3": "llama-bpe",
    "llama-v3": "llama-bpe",
}


def read_tokenizer(file: GgufFile) -> Tokenizer:
    """The tokenizer of a file.

    Raises:
        InputError: the file has none, or one of a kind that is not supported.
    """
    model = file.get("tokenizer.ggml.model", str)
    tokens: list[str] = file.get("tokenizer.ggml.tokens", list)
    kinds: list[int] = file.get("tokenizer.ggml.token_type", list, [1] * len(tokens))
    if model == "gpt2":
        tokenizer = _byte_level(file, tokens)
    elif model == "llama":
        tokenizer = _sentencepiece(file, tokens)
    else:
        raise InputError(
            f"{file.path}: expected a tokenizer of the kinds gpt2 or llama, found `{model}`; "
            "choose another model."
        )
    for kind, special in ((CONTROL, True), (USER_DEFINED, False)):
        added = [token for token, its in zip(tokens, kinds, strict=True) if its == kind]
        tokenizer.add_tokens(
            [AddedToken(token, special=special, normalized=False) for token in added]
        )
    return tokenizer


def control_ids(file: GgufFile) -> list[int]:
    """Every control token: each ends a reply."""
    kinds: list[int] = file.get("tokenizer.ggml.token_type", list, [])
    ids = {index for index, kind in enumerate(kinds) if kind == CONTROL}
    for name in ("eos", "eot", "eom"):
        if file.has(f"tokenizer.ggml.{name}_token_id"):
            ids.add(file.get(f"tokenizer.ggml.{name}_token_id", int))
    return sorted(ids)


def _byte_level(file: GgufFile, tokens: list[str]) -> Tokenizer:
    name = file.get("tokenizer.ggml.pre", str, "default")
    family = _FAMILIES.get(name)
    if family is None:
        raise InputError(
            f"{file.path}: expected a pre-tokenizer among {', '.join(sorted(_FAMILIES))}, found "
            f"`{name}`; choose another model."
        )
    merges = [tuple(merge.split(" ", 1)) for merge in file.get("tokenizer.ggml.merges", list)]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    try:
        model = models.BPE(vocabulary, merges, ignore_merges=family == "llama-bpe")
    except Exception as error:  # tokenizers raises bare exceptions
        raise InputError(
            f"{file.path}: expected merges of known tokens, but {error}; the file is damaged."
        ) from None
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = _pre_tokenizer(family)
    tokenizer.decoder = decoders.ByteLevel()
    if family == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    return tokenizer


def _pre_tokenizer(family: str) -> Any:
    if family == "gpt-2":
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    if family == "smollm":
        digits = pre_tokenizers.Digits(individual_digits=True)
        return pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    words = Regex(_WORDS.format(digits="{1,3}" if family == "llama-bpe" else ""))
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _sentencepiece(file: GgufFile, tokens: list[str]) -> Tokenizer:
    scores: list[float] = file.get("tokenizer.ggml.scores", list)
    vocabulary = {token: index for index, token in enumerate(tokens)}
    ranked = sorted(range(len(tokens)), key=lambda index: (-scores[index], index))
    merges = [pair for index in ranked for pair in _splits(tokens[index], vocabulary)]
    unknown = tokens[file.get("tokenizer.ggml.unknown_token_id", int, 0)]
    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, unk_token=unknown, fuse_unk=True, byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(steps)
    return tokenizer


def _splits(token: str, vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    pairs = [(token[:cut], token[cut:]) for cut in range(1, len(token))]
    known = [pair for pair in pairs if pair[0] in vocabulary and pair[1] in vocabulary]
    return sorted(known, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))
