"""How byte-level tokenizers cut text into words: the rules that `tokenizer.ggml.pre` names.

A rule is one or more regular expressions, each of which cuts the pieces that the ones before it
have made: what matches is a piece, and so is what lies between two matches. Names and rules:
llama-vocab.cpp of ggml-org/llama.cpp, and the tokenizer.json files of the models it cites.
"""

from dataclasses import dataclass
from typing import Any, Final

from tokenizers import Regex, pre_tokenizers

_ENGLISH = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_ENDS = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_GPT_2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# A word with one leading character, numbers of at most N digits, punctuation, line ends, spaces.
_TIKTOKEN = (
    _ENGLISH
    + r"|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|"
    + _ENDS
)
_THREE_DIGITS = _TIKTOKEN.format(digits="{1,3}")
_ONE_DIGIT = _TIKTOKEN.format(digits="")
_LEAD = r"[^\r\n\p{L}\p{N}]?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SYMBOLS = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + _ENDS
_PHRASES = r" ?[^(\s|.,!?…。，、।۔،)]+"
_DEEPSEEK_V3 = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"
    r" ?[\p{P}\p{S}]+[\r\n]*|" + _ENDS
)


def _cased(behind: str) -> str:
    """A word in small letters that may begin with capitals, or one in capitals."""
    return rf"{_LEAD}{_UPPER}*{_LOWER}+{behind}|{_LEAD}{_UPPER}+{_LOWER}*{behind}"


@dataclass(frozen=True, slots=True)
class WordRule:
    expressions: tuple[str, ...]
    takes_whole_words: bool = False
    """A word that is a token is that token, whatever its merges would make of it."""
    adds_bos: bool = False
    """Unless the file says otherwise."""
    normalizes: bool = False
    """Text is brought into Unicode's form NFC first."""

    def pre_tokenizer(self) -> Any:
        steps = [
            pre_tokenizers.Split(Regex(expression), "isolated") for expression in self.expressions
        ]
        to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        return pre_tokenizers.Sequence([*steps, to_bytes])


RULES: Final[dict[WordRule, str]] = {
    WordRule((_GPT_2,)): "gpt-2 phi-2 mpt olmo jais trillion granite-docling gigachat a.x-4.0 "
    "mellum modern-bert roberta-bpe exaone4 jina-es jina-de jina-v1-en jina-v2-es jina-v2-de "
    "jina-v2-code",
    WordRule((r"[\p{P}\$\+<=>\^~\|]+", _GPT_2, r"\p{N}+", "[0-9][0-9][0-9]")): "default",
    WordRule((r"[\p{P}\$\+<=>\^~\|`]+", _GPT_2, "[0-9][0-9][0-9]")): "falcon",
    WordRule((r"\p{N}", _GPT_2)): "smollm starcoder refact command-r codeshell exaone minerva-7b",
    WordRule((_THREE_DIGITS,), takes_whole_words=True, adds_bos=True): "llama-bpe llama3 llama-v3 "
    "falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
    WordRule((_THREE_DIGITS,)): "smaug-bpe dbrx glm4 chatglm-bpe",
    WordRule((_ONE_DIGIT,), normalizes=True): "qwen2 deepseek-r1-qwen megrez",
    WordRule((_ONE_DIGIT,)): "stablelm2 hunyuan kormo f2llmv2 grok-2",
    WordRule(
        (rf"{_ENGLISH}|{_LEAD}[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|"
         + _ENDS,)
    ): "qwen35",
    WordRule(
        (_cased("") + r"|\p{N}" + _SYMBOLS,), takes_whole_words=True, adds_bos=True
    ): "tekken",
    WordRule((_cased(f"{_ENGLISH}?") + r"|\p{N}{1,3}" + _SYMBOLS,)): "gpt-4o llama4 kanana2 "
    "talkie minimax-m2",
    WordRule(
        (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
         r"\s*[\r\n]|\s+(?!\S)|\s+",)
    ): "bailingmoe bailingmoe2 llada-moe",
    WordRule(
        (_ENGLISH + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|" + _ENDS,)
    ): "seed-coder",
    WordRule(
        ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}")
    ): "deepseek-coder",
    WordRule((r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", _DEEPSEEK_V3)): "deepseek-v3 hunyuan-dense",
    WordRule((_PHRASES,)): "poro-chat bloom gpt3-finnish",
    WordRule((_PHRASES, r"\p{N}")): "viking",
}  # fmt: skip
"""Each rule, and the names that files give it."""
RULE_OF: Final[dict[str, WordRule]] = {
    name: rule for rule, names in RULES.items() for name in names.split()
}
