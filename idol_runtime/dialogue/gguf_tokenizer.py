"""Writes the tokenizer inside a GGUF file as a `tokenizer.json`.

Byte-level BPE as GPT-2 has it, with the rules for words of `words`, and SentencePiece BPE as
Llama 2 has it, whose merges follow from the pieces' scores.
"""

from typing import Final

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers

from idol_runtime.dialogue.gguf_file import GgufFile
from idol_runtime.dialogue.words import RULE_OF, WordRule
from idol_runtime.errors import InputError

CONTROL = 3
"""GGUF's token type of control tokens."""
USER_DEFINED = 4

LONGEST_MERGED: Final = 1024
"""Characters; a longer piece of a SentencePiece vocabulary is never put together from others."""


def read_tokenizer(file: GgufFile) -> Tokenizer:
    """The tokenizer of a file.

    Raises:
        InputError: the file has none, or one of a kind that is not supported.
    """
    model = file.get("tokenizer.ggml.model", str)
    tokens = file.items("tokenizer.ggml.tokens", str)
    kinds = file.items("tokenizer.ggml.token_type", int, [1] * len(tokens))
    if len(kinds) != len(tokens):
        raise InputError(
            f"{file.path}: expected a type for each of {len(tokens)} tokens, found {len(kinds)}; "
            "the file is damaged."
        )
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
    kinds = file.items("tokenizer.ggml.token_type", int, [])
    ids = {index for index, kind in enumerate(kinds) if kind == CONTROL}
    for name in ("eos", "eot", "eom"):
        if file.has(f"tokenizer.ggml.{name}_token_id"):
            ids.add(file.get(f"tokenizer.ggml.{name}_token_id", int))
    return sorted(ids)


def word_rule(file: GgufFile) -> WordRule:
    """How a byte-level tokenizer cuts words.

    Raises:
        InputError: by a rule that is not known here.
    """
    name = file.get("tokenizer.ggml.pre", str, "default")
    if name not in RULE_OF:
        raise InputError(
            f"{file.path}: expected a pre-tokenizer among {', '.join(sorted(RULE_OF))}, found "
            f"`{name}`; choose another model."
        )
    return RULE_OF[name]


def _byte_level(file: GgufFile, tokens: list[str]) -> Tokenizer:
    rule = word_rule(file)
    merges = [
        (left, right)
        for merge in file.items("tokenizer.ggml.merges", str)
        for left, _, right in [merge.partition(" ")]
    ]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    try:
        model = models.BPE(vocabulary, merges, ignore_merges=rule.takes_whole_words)
    except Exception as error:  # tokenizers raises bare exceptions
        raise InputError(
            f"{file.path}: expected merges of known tokens, but {error}; the file is damaged."
        ) from None
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = rule.pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    if rule.normalizes:
        tokenizer.normalizer = normalizers.NFC()
    return tokenizer


def _sentencepiece(file: GgufFile, tokens: list[str]) -> Tokenizer:
    scores = file.items("tokenizer.ggml.scores", float)
    vocabulary = {token: index for index, token in enumerate(tokens)}
    ranked = sorted(range(len(tokens)), key=lambda index: (-scores[index], index))
    merges = [
        pair
        for index in ranked
        if len(tokens[index]) <= LONGEST_MERGED
        for pair in _splits(tokens[index], vocabulary)
    ]
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
