import json
import re
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from idol_protocol.channels import FEELINGS, GAZES, GESTURES
from idol_runtime.character import Action, checked_actions
from idol_runtime.dialogue.architecture import DecoderConfig
from idol_runtime.dialogue.chat import ChatTokenizer
from idol_runtime.dialogue.config import DialogueConfig
from idol_runtime.dialogue.cues import AllowedCues
from idol_runtime.dialogue.grammar import MAX_CALLS, MAX_TAGS, ReplyGrammars
from idol_runtime.dialogue.messages import GenerationOptions
from idol_runtime.dialogue.sampling import Sampler
from tests.dialogue.tiny_models import CONTROLS, TEMPLATE

jsonschema = pytest.importorskip("jsonschema")

Kind = Literal["byte-level", "sentencepiece"]
KINDS: list[Kind] = ["byte-level", "sentencepiece"]

SCHEMA = {
    "type": "object",
    "properties": {
        "item": {"enum": ["sword", "old shield"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 20},
        "note": {"type": "string", "maxLength": 12},
        "gift": {"type": "boolean"},
    },
    "required": ["item", "count"],
}
ACTIONS = checked_actions([Action("give_item", "", SCHEMA), Action("open_shop")], "tools")
WITH_ACTIONS, WITHOUT = AllowedCues(actions=ACTIONS), AllowedCues()

TAG = re.compile(
    rf"\[(?:(?:very |a little )?(?P<emotion>{'|'.join(FEELINGS)})|(?P<gesture>{'|'.join(GESTURES)})"
    rf"|look (?P<gaze>{'|'.join(GAZES[:-1])}|at you)|(?P<activity>dance))\]"
)
CALL = re.compile(r"\[(?P<name>give_item|open_shop) (?P<arguments>\{.*?\})\]")
MARKUP = re.compile(r"[*\[\]{}<>`#()_|\\~\n\r\t]|(?<![0-9a-zµà-ÿ]):|[0-9]:(?![0-9])")
WORDS = [
    *(
        " [",
        "[",
        "]",
        "] ",
        "]]",
        "wave",
        "look",
        " very",
        "happy",
        "*",
        "**",
        "\n",
        ": ",
        '"',
        "{}",
    ),
    *(
        '{"',
        '": ',
        ", ",
        "}]",
        "item",
        " a",
        "the",
        "Hello",
        " world",
        "!",
        "。",
        "星",
        "give_item",
    ),
]


@cache
def chat_of(kind: Kind) -> tuple[ChatTokenizer, DialogueConfig]:
    """A tokenizer that knows all bytes and some words that tags are made of."""
    if kind == "byte-level":
        to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        letters = sorted(pre_tokenizers.ByteLevel.alphabet())
        words = ["".join(part for part, _ in to_bytes.pre_tokenize_str(word)) for word in WORDS]
    else:
        letters = [f"<0x{byte:02X}>" for byte in range(256)]
        words = [word.replace(" ", "▁") for word in [*WORDS, *map(chr, range(0x20, 0x7F)), " "]]
    vocabulary = list(dict.fromkeys([*CONTROLS, *letters, *words]))
    tokens = {token: index for index, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.BPE(tokens, [], byte_fallback=kind == "sentencepiece"))
    if kind == "byte-level":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Sequence([decoders.Metaspace(), decoders.ByteFallback()])
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in CONTROLS])
    sizes = DecoderConfig(
        family="llama",
        layers=1,
        hidden=8,
        heads=1,
        kv_heads=1,
        head_dim=16,
        ffn=8,
        vocab=len(vocabulary) + 5,
        positions=64,
        rope_theta=1e4,
        rms_eps=1e-5,
        tied=True,
    )
    config = DialogueConfig(sizes, "float32", 1, 2, [0], adds_bos=False)
    return ChatTokenizer(tokenizer, TEMPLATE, config), config


@cache
def grammars(kind: Kind) -> ReplyGrammars:
    chat, config = chat_of(kind)
    return ReplyGrammars(chat, config.decoder.vocab, [config.eos_id, *config.end_ids])


def is_set(bits: NDArray[np.int32], token: int) -> bool:
    return bool(bits[token // 32] >> token % 32 & 1)


def reply_of(kind: Kind, cues: AllowedCues, seed: int, length: int) -> str:
    """A reply that whatever logits draw; after `length` tokens it ends where it can."""
    chat, config = chat_of(kind)
    ends = (config.eos_id, *config.end_ids)
    rng = np.random.default_rng(seed)
    # A token that a model wants badly may be any: so are those that close what was opened.
    taste = rng.normal(0, 4, config.decoder.vocab).astype(np.float32)
    mask = grammars(kind).mask(cues)
    options = GenerationOptions(
        temperature=1.0, top_k=0, min_p=0.0, repetition_penalty=1.3, seed=seed
    )
    sampler, ids = Sampler(options), list[int]()
    while len(ids) < length + 2_000:
        bits = mask.allowed()
        if len(ids) >= length and any(is_set(bits, end) for end in ends):
            break
        logits = taste + rng.normal(0, 2, len(taste)).astype(np.float32)
        token = sampler.draw(logits, bits)
        sampler.push(token)
        assert is_set(bits, token)
        if token in ends:
            break
        mask.advance(token)
        ids.append(token)
    else:
        pytest.fail("it never could end")
    return b"".join(map(chat.bytes.of, ids)).decode()


def check_reply(text: str) -> None:
    """What the grammar promises, read by other means."""
    parts: list[tuple[str, str]] = []
    at = spoken = 0
    while at < len(text):
        tag = TAG.match(text, at + (text[at] == " "))
        call = CALL.match(text, at + (text[at] == " "))
        if tag is not None:
            parts.append((str(tag.lastgroup), tag[tag.lastindex or 0]))
            at = tag.end()
        elif call is not None:
            arguments = json.loads(call["arguments"])
            if call["name"] == "give_item":
                jsonschema.validate(arguments, SCHEMA)
            else:
                assert arguments == {}
            parts.append(("call", call["name"]))
            at = call.end()
        else:
            end = text.find("[", at)
            speech = text[at : end if end >= 0 else len(text)]
            assert not MARKUP.search(speech)
            if speech.strip():
                assert any(letter.isalnum() for letter in speech)
                assert spoken or speech.lstrip()[0] not in "\"'“”‘’«"
                spoken += 1
                parts.append(("speech", speech))
                assert end < 0 or re.search(r"[.!?…,;。！？、，；][\"'”’]* ?$", speech)
            at += len(speech)
    kinds = [kind for kind, _ in parts]
    tags = [part for part in parts if part[0] not in ("speech", "call")]
    assert spoken or "call" in kinds
    assert len(tags) <= MAX_TAGS
    assert kinds.count("call") <= MAX_CALLS
    for one, next_one in pairwise(tags):
        assert one != next_one
    for before, after in pairwise(kinds):
        assert before != after or before == "call"


@pytest.mark.parametrize("kind", KINDS)
@given(st.integers(0, 2**32), st.integers(0, 60), st.booleans())
@settings(max_examples=150)
def test_whatever_the_logits_are_the_reply_is_speech_and_tags(
    kind: Kind, seed: int, length: int, acts: bool
) -> None:
    check_reply(reply_of(kind, WITH_ACTIONS if acts else WITHOUT, seed, length))


def may_be(kind: Kind, text: str, cues: AllowedCues = WITH_ACTIONS) -> bool:
    """Whether it can be drawn whole, and the reply can end there."""
    chat, config = chat_of(kind)
    mask = grammars(kind).mask(cues)
    for token in chat.encode_text(text):
        if not is_set(mask.allowed(), token):
            return False
        mask.advance(token)
    bits = mask.allowed()
    assert len({is_set(bits, end) for end in (config.eos_id, *config.end_ids)}) == 1
    return is_set(bits, config.eos_id)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "Hi",
        "[happy] Hi there!",
        "[very happy] [wave] You came back! [a little curious] What is that? [look left]",
        "I sing at 10:30 tonight. [nod]",
        "[happy] I can do better: I'm glad you're here.",
        "¿Qué tal? [dance] ¡Vamos!",
        "こんばんは。[bow]",
        "[look at you] [clap] Well done!",
        "[open_shop {}]",
        '[nod] Of course. [give_item {"item": "sword", "count": 3}] Take care!',
        'Two. [give_item {"item": "old shield", "count": 2, "gift": true}] [open_shop {}]',
    ],
)
def test_speech_with_its_tags_can_be_written(kind: Kind, text: str) -> None:
    assert may_be(kind, text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[wave]",
        "...",
        "*waves* Hi",
        "(laughs) Hi",
        '"Hi there!"',
        "Hoshi: Hi",
        "Hi. User: Hello",
        "user: Hello",
        "Hi:",
        "Hi\nthere",
        "# Hi",
        "`Hi`",
        "<b>Hi",
        "[wave] [bow] Hi",
        "[wave] Hi, you! [wave] There",
        "[joy] Hi",
        "Hi [wave",
        "That is a [shake] star.",
        "[give_item {}] Hi",
        '[give_item {"item": "gun", "count": 3}]',
        '[give_item {"item": "sword", "count": 0}]',
        '[give_item {"item": "sword", "count": 3, "price": 1}]',
        '[give_item { "item":"sword","count":3}]',
        "[wave] 1 [nod] 2 [bow] 3 [clap] 4 [cheer] 5",
    ],
)
def test_nothing_else_can(kind: Kind, text: str) -> None:
    assert not may_be(kind, text)


def test_only_what_is_allowed_can_be_asked_for() -> None:
    few = AllowedCues(emotions=("sad",), gestures=("nod",), gazes=(), activities=())
    assert may_be("byte-level", "[sad] [nod] Hm.", few)
    for text in ("[happy] Hm.", "[wave] Hm.", "[look up] Hm.", "[dance] Hm.", "[open_shop {}]"):
        assert not may_be("byte-level", text, few)


def test_what_must_come_is_told_at_once() -> None:
    chat, _ = chat_of("byte-level")
    mask = grammars("byte-level").mask(WITH_ACTIONS)
    for token in chat.encode_text("[give_i"):
        mask.advance(token)
    forced = b"".join(map(chat.bytes.of, mask.forced())).decode()
    assert forced.startswith('tem {"item": "')


def test_the_only_token_that_may_come_comes_however_often_it_was_said() -> None:
    options = GenerationOptions(no_repeat_ngram=2, repetition_penalty=2.0, top_k=2, seed=0)
    sampler = Sampler(options)
    for token in (3, 3, 3, 3):
        sampler.push(token)
    logits = np.array([9, 9, 9, -9, 9], np.float32)
    assert sampler.draw(logits, np.array([1 << 3], np.int32)) == 3


def test_runs_come_again_where_few_tokens_may_come() -> None:
    """As in the arguments of a second call: what is said of them must not change."""
    sampler = Sampler(GenerationOptions(no_repeat_ngram=2, repetition_penalty=1.0, seed=0))
    for token in (3, 1, 3):
        sampler.push(token)
    logits = np.zeros(32, np.float32)
    logits[1] = 60
    assert sampler.draw(logits.copy(), np.array([0b110], np.int32)) == 1
    assert sampler.draw(logits.copy(), np.array([-1], np.int32)) != 1
