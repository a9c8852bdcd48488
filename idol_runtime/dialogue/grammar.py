"""The grammar of a reply: speech and tags, and what is neither cannot be drawn.

Speech has no markup, line breaks, brackets or names of roles, it begins with a letter or a digit,
and the reply may end wherever some was said. Two tags side by side are of different kinds, the same
one never comes twice in a row, and there are few of them. An action, which may take the place of
speech, holds arguments that are valid against its schema.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from threading import Thread
from typing import Any, Final

import numpy as np
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper
from numpy.typing import NDArray

from idol_protocol.channels import STRENGTHS
from idol_runtime.dialogue.chat import ChatTokenizer
from idol_runtime.dialogue.cues import AllowedCues
from idol_runtime.dialogue.token_text import TokenBytes
from idol_runtime.errors import InputError

MAX_TAGS: Final = 4
MAX_CALLS: Final = 2
"""Of actions, beside the tags."""
KEPT_GRAMMARS: Final = 32

# Unbounded character classes alone: a bounded repeat costs ten times the mask.
_NEVER: Final = r"*\[\]{}<>`#()_|\\~\x00-\x1f\x7f\u2028\u2029（）【】「」『』：:"
_SAID: Final = rf"([^{_NEVER}]|[0-9]:[0-9]| [a-z'’-]+: )*"
"""A colon is in the time of day, or behind a small word that is not the first: no role's name."""
_FIRST: Final = rf" ?[¿¡]?[\p{{L}}\p{{N}}]{_SAID}"
"""No quotation mark, so that there is none around the whole."""
_MORE: Final = rf"[^{_NEVER}\p{{L}}\p{{N}}]*[\p{{L}}\p{{N}}]{_SAID}"
_PAUSE: Final = r"[.!?…,;。！？、，；][\"'”’]* ?"
"""Before a tag, which would stand in for a word of the sentence otherwise."""
_SLICES: Final = (r" ?[a-zA-Z]+", rf"[^{_NEVER}]+")
"""What most tokens are made of: wherever speech may go on they need not be looked at one by one."""
_JSON: Final = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


@dataclass(frozen=True, slots=True)
class _Tag:
    kind: str
    rule: str
    """Its name in the grammar."""
    pattern: str


def grammar_of(cues: AllowedCues) -> str:
    """A Lark grammar of whole replies with these tags."""
    tags = list(_tags(cues))
    lines = [
        "start: " + _either(_opening(tags, None, MAX_TAGS)),
        *_calls(cues),
        *(f"{name}: /{said}/" for name, said in (("FIRST", _FIRST), ("MORE", _MORE))),
        *(f"{name}_PAUSE: /{said}{_PAUSE}/" for name, said in (("FIRST", _FIRST), ("MORE", _MORE))),
        *(rf"{tag.rule}: / ?\[{tag.pattern}\]/" for tag in tags),
    ]
    for left in range(MAX_TAGS):
        for last in tags:
            lines += [
                f"open{left}_{last.rule.lower()}: {_either(_opening(tags, last, left))}",
                f"then{left}_{last.rule.lower()}: {_either(_after_tag(tags, last, left))}",
            ]
    for left in range(MAX_TAGS + 1):
        for before in [None, *tags]:
            lines.append(f"{_said(left, before)}: {_either(_after_pause(tags, before, left))}")
    return "\n".join(lines)


def _tags(cues: AllowedCues) -> Iterator[_Tag]:
    strength = "|".join(word for word in STRENGTHS if word)
    for name in cues.emotions:
        yield _Tag("emotion", f"E_{name.upper()}", f"({strength})?{name}")
    for name in cues.gestures:
        yield _Tag("gesture", f"G_{name.upper()}", name)
    for name in cues.gazes:
        yield _Tag("gaze", f"L_{name.upper()}", "look at you" if name == "you" else f"look {name}")
    for name in cues.activities:
        yield _Tag("activity", f"A_{name.upper()}", name)


def _opening(tags: Sequence[_Tag], last: _Tag | None, left: int) -> Iterator[str]:
    """What may come where nothing was said yet."""
    yield from _speech("FIRST", left, last)
    yield "call1"
    if left:
        yield from _beside(tags, last, left, "open")


def _after_pause(tags: Sequence[_Tag], last: _Tag | None, left: int) -> Iterator[str]:
    yield "call1"
    if left:
        for tag in tags:
            if tag is not last:
                yield f"{tag.rule} then{left - 1}_{tag.rule.lower()}"


def _after_tag(tags: Sequence[_Tag], last: _Tag, left: int) -> Iterator[str]:
    """What may come behind a tag where something was said before it."""
    yield ""
    yield "call1"
    yield from _speech("MORE", left, last)
    if left:
        yield from _beside(tags, last, left, "then")


def _beside(tags: Sequence[_Tag], last: _Tag | None, left: int, follows: str) -> Iterator[str]:
    for tag in tags:
        if last is None or tag.kind != last.kind:
            yield f"{tag.rule} {follows}{left - 1}_{tag.rule.lower()}"


def _speech(name: str, left: int, last: _Tag | None) -> Iterator[str]:
    yield name
    yield f"{name}_PAUSE {_said(left, last)}"


def _said(left: int, last: _Tag | None) -> str:
    return f"said{left}_{'none' if last is None else last.rule.lower()}"


def _calls(cues: AllowedCues) -> Iterator[str]:
    """The rules of `call1`: an action, then perhaps more speech, then perhaps another."""
    if not cues.actions:
        yield "call1: NOTHING"
        yield r"NOTHING: /[^\s\S]/"
        return
    calls = (
        rf"/ ?\[{each.name} / %json {_embedded(each.parameters)} /\]/" for each in cues.actions
    )
    yield f"call: {_either(calls)}"
    for number in range(1, MAX_CALLS + 1):
        more = f" | call{number + 1} | MORE_PAUSE call{number + 1}" if number < MAX_CALLS else ""
        yield f"call{number}: call after{number}"
        yield f"after{number}: | MORE{more}"


def _embedded(schema: dict[str, Any]) -> str:
    return json.dumps({**schema, "x-guidance": _JSON})


def _either(alternatives: Iterator[str]) -> str:
    return " | ".join(alternatives)


class _Vocabulary:
    """What llguidance asks of a tokenizer."""

    def __init__(
        self, tokens: TokenBytes, encode: Callable[[str], list[int]], size: int, end_id: int
    ) -> None:
        texts = [tokens.of(index) for index in range(size)]
        self.eos_token_id = end_id
        self.bos_token_id = None
        self.special_token_ids = [index for index, text in enumerate(texts) if not text]
        self.tokens = [text or b"<%d>" % index for index, text in enumerate(texts)]
        self._encode = encode

    def __call__(self, text: str) -> list[int]:
        return self._encode(text)


class ReplyGrammars:
    """Masks for the replies of one model; each set of cues is compiled once."""

    def __init__(self, chat: ChatTokenizer, vocabulary_size: int, end_ids: Sequence[int]) -> None:
        """Reads the vocabulary in a thread of its own, which takes most of a second.

        Python waits for it at its end: native code that goes on after that would crash.

        Args:
            chat: Of the model.
            vocabulary_size: Of its logits.
            end_ids: Each of them ends a reply.
        """
        self._size = vocabulary_size
        self._end_ids = list(end_ids)
        self._vocabulary: Future[LLTokenizer] = Future()
        self._compiled = lru_cache(maxsize=KEPT_GRAMMARS)(self._compile)
        Thread(target=self._read, args=(chat,), name="idol-grammar").start()

    def mask(self, cues: AllowedCues) -> "ReplyMask":
        """The mask of a new reply.

        Raises:
            InputError: an action's schema says what no grammar can be made of.
        """
        return ReplyMask(self._compiled(grammar_of(cues)).deep_copy())

    def _read(self, chat: ChatTokenizer) -> None:
        try:
            words = _Vocabulary(chat.bytes, chat.encode_text, self._size, self._end_ids[0])
            made = LLTokenizer(TokenizerWrapper(words), n_vocab=self._size, eos_token=self._end_ids)
            self._vocabulary.set_result(made)
        except BaseException as error:  # told to whoever asks for a mask
            self._vocabulary.set_exception(error)

    def _compile(self, grammar: str) -> LLMatcher:
        matcher = LLMatcher(
            self._vocabulary.result(), LLMatcher.grammar_from_lark(grammar), log_level=0
        )
        _check(matcher.get_error())
        return matcher


class ReplyMask:
    """A `TokenMask`."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    def allowed(self) -> NDArray[np.int32]:
        return np.frombuffer(self._matcher.compute_bitmask(), np.int32)

    def advance(self, token: int) -> None:
        self._matcher.consume_token(token)

    def forced(self) -> Sequence[int]:
        return self._matcher.compute_ff_tokens()


def check_grammar(cues: AllowedCues) -> None:
    """Raises `InputError` where no grammar can be made of the schemas of the actions."""
    _check(LLMatcher.validate_grammar(LLMatcher.grammar_from_lark(grammar_of(cues))))


def _check(problem: str) -> None:
    if problem:
        raise InputError(
            "Expected actions whose schemas a grammar can be made of, but "
            f"{' '.join(problem.split())[:300]}; simplify them."
        )
