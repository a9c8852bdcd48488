"""Tokens to text: whole characters only, and nothing that might begin a stop string."""

import codecs
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any

from tokenizers import Tokenizer

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)*]*(?: ?\[[^\[\]]*\])*$")
_TAIL = 96
"""Characters of the end of what was said; the longest tags of cues fit in."""


@cache
def _byte_letters() -> dict[str, int]:
    """GPT-2's alphabet: the printable letter that stands for each byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    return letters | {chr(0x100 + index): byte for index, byte in enumerate(hidden)}


class TokenBytes:
    """The bytes of every token of a byte-level or SentencePiece vocabulary."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        spec: dict[str, Any] = json.loads(tokenizer.to_str())
        self._is_byte_level = "ByteLevel" in json.dumps(spec["decoder"])
        self._added = tokenizer.get_added_tokens_decoder()
        self._tokens = {index: token for token, index in tokenizer.get_vocab().items()}
        # A byte is a letter of GPT-2's alphabet; a mark for a space is no longer than the space.
        texts = [token.replace("▁", " ") for token in self._tokens.values()]
        self.longest = max(
            map(len, texts if self._is_byte_level else (text.encode() for text in texts))
        )

    @cached_property
    def _ids(self) -> dict[bytes, list[int]]:
        ids: defaultdict[bytes, list[int]] = defaultdict(list)
        for index in self._tokens:
            ids[self.of(index)].append(index)
        return ids

    def ids_of(self, text: str) -> list[int]:
        """Tokens whose whole text this is, after a space or not; empty where none is."""
        return [index for each in (text, f" {text}") for index in self._ids.get(each.encode(), ())]

    def of(self, index: int) -> bytes:
        """Empty for control tokens and for ids the vocabulary does not have."""
        token = self._tokens.get(index)
        if token is None:
            return b""
        if index in self._added:
            return b"" if self._added[index].special else token.encode()
        if self._is_byte_level:
            letters = _byte_letters()
            return bytes(letters[letter] for letter in token if letter in letters)
        if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
            return bytes([int(token[3:5], 16)])
        return token.replace("▁", " ").encode()


class TokenText:
    """The text of one reply as its tokens come.

    Bytes that are no text are dropped, and so is half a character at the end. White space at the
    start is dropped too: some vocabularies put one there.
    """

    def __init__(self, tokens: TokenBytes, stop: Sequence[str]) -> None:
        self._tokens = tokens
        self._stop = [text for text in stop if text]
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._held = ""
        self._begun = False
        self._tail = ""
        self.is_stopped = False
        """A stop string has come; the text before it is out, nothing else will be."""

    def push(self, index: int) -> str:
        """What may be shown now; often empty."""
        return self._advance(self._decoder.decode(self._tokens.of(index)))

    def is_sentence_end_before(self, index: int) -> bool:
        """Whether a sentence has ended and the token `index` begins something new.

        A tag behind it belongs to it.
        """
        token = self._tokens.of(index)
        begins = token[:1].isspace() and not token.lstrip().startswith(b"[")
        return begins and bool(_SENTENCE_END.search(self._tail))

    def flush(self) -> str:
        """What was held back in case a stop string began there."""
        held, self._held = self._held, ""
        return "" if self.is_stopped else held

    def _advance(self, text: str) -> str:
        if self.is_stopped:
            return ""
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        self._held += text
        # The stop string that is complete first ends the reply, however the tokens cut the text.
        found = [(at + len(stop), at) for stop in self._stop if (at := self._held.find(stop)) >= 0]
        if found:
            self.is_stopped = True
            out, self._held = self._held[: min(found)[1]], ""
            return out
        keep = max((_overlap(self._held, stop) for stop in self._stop), default=0)
        out = self._held[: len(self._held) - keep]
        self._held = self._held[len(out) :]
        self._tail = (self._tail + out)[-_TAIL:]
        return out


def _overlap(text: str, stop: str) -> int:
    """How much of `text`'s end is the beginning of `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
