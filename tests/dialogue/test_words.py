"""Rules for words against the expressions that the models' own tokenizer.json files have."""

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from idol_runtime.dialogue.words import RULE_OF, RULES

GPT_2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_2 = LLAMA_3.replace("{1,3}", "")
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT_4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
WHOLE = {
    "gpt-2": GPT_2, "phi-2": GPT_2, "mpt": GPT_2, "olmo": GPT_2, "exaone4": GPT_2,
    "llama-bpe": LLAMA_3, "llama3": LLAMA_3, "llama-v3": LLAMA_3, "falcon3": LLAMA_3,
    "pixtral": LLAMA_3, "smaug-bpe": LLAMA_3, "dbrx": LLAMA_3, "chatglm-bpe": LLAMA_3,
    "qwen2": QWEN_2, "deepseek-r1-qwen": QWEN_2, "megrez": QWEN_2, "hunyuan": QWEN_2,
    "stablelm2": QWEN_2, "tekken": TEKKEN, "gpt-4o": GPT_4O, "llama4": GPT_4O,
}  # fmt: skip
texts = st.one_of(
    # What Unicode has not assigned yet is in other classes with every version of a library.
    st.text(st.characters(exclude_categories=("Cn", "Co", "Cs"))),
    st.text(
        st.sampled_from("abzABZ éÉßǅʰ中あก̀0123½٣ \n\r\t'.,!?-_/()<|>$^`~’🎤\u200d\u3000")
    ),
    st.lists(st.sampled_from(["I'm", "they'LL", "12345", "Hello", " world", "\n\n", "  ", "...",
                              "naïve", "東京", "3.14", "camelCase", "HTTPServer"])).map("".join),
)  # fmt: skip


def words(name: str, text: str) -> list[str]:
    """What lies between the cuts, whatever bytes stand for it."""
    found = RULE_OF[name].pre_tokenizer().pre_tokenize_str(text)
    return [text[start:end] for _, (start, end) in found]


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=60)
@given(text=texts)
def test_words_are_those_of_the_models_own_expression(name: str, text: str) -> None:
    assert words(name, text) == regex.findall(WHOLE[name], text)


@settings(max_examples=100)
@given(text=texts)
def test_gpt_2s_words_are_those_of_the_librarys_own_tokenizer(text: str) -> None:
    own = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert RULE_OF["gpt-2"].pre_tokenizer().pre_tokenize_str(text) == own.pre_tokenize_str(text)


@pytest.mark.parametrize("name", ["smollm", "starcoder", "refact", "command-r", "codeshell"])
@settings(max_examples=60)
@given(text=texts)
def test_single_digits_are_those_of_the_librarys_own_tokenizer(name: str, text: str) -> None:
    own = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    assert RULE_OF[name].pre_tokenizer().pre_tokenize_str(text) == own.pre_tokenize_str(text)


@pytest.mark.parametrize("rule", RULES.values())
@settings(max_examples=40)
@given(text=texts)
def test_no_rule_loses_a_character(rule: str, text: str) -> None:
    assert "".join(words(rule.split()[0], text)) == text


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("default", "Hi, it's 12345!", ["Hi", ",", " it", "'", "s", " ", "123", "45", "!"]),
        ("falcon", "a `b` 1234", ["a", " ", "`", "b", "`", " ", "123", "4"]),
        ("deepseek-coder", "x1 = 東京", ["x", "1", " =", " ", "東京"]),
        ("deepseek-v3", "12345 東京 don't", ["123", "45", " ", "東京", " don", "'t"]),
        ("bailingmoe", "a\n\nb 12", ["a", "\n\n", "b", " ", "1", "2"]),
        ("seed-coder", "a!\nb", ["a", "!", "\n", "b"]),
        ("qwen35", "e\u0301a 12", ["e\u0301a", " ", "1", "2"]),
        ("poro-chat", "One, two.", ["One", ",", " two", "."]),
        ("viking", "One 12.", ["One", " ", "1", "2", "."]),
    ],
)
def test_rules_of_several_steps_cut_as_llama_cpp_does(
    name: str, text: str, expected: list[str]
) -> None:
    assert words(name, text) == expected


def test_a_whole_word_is_a_token_where_the_rule_says_so() -> None:
    """Merges of Llama 3 do not reach every token of its vocabulary; Smaug's do not look."""
    vocabulary = {"a": 0, "b": 1, "c": 2, "abc": 3, "bc": 4}
    for name, tokens in (("llama-bpe", ["abc"]), ("smaug-bpe", ["a", "bc"])):
        rule = RULE_OF[name]
        model = models.BPE(vocabulary, [("b", "c")], ignore_merges=rule.takes_whole_words)
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = rule.pre_tokenizer()
        assert tokenizer.encode("abc").tokens == tokens
