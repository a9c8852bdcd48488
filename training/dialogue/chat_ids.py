"""Messages as token ids: what a ChatML template and the runtime's tokenizer make of them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from tokenizers import Tokenizer

Role: TypeAlias = Literal["system", "user", "assistant"]

BEGIN: Final = "<|im_start|>"
END: Final = "<|im_end|>"


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class MessageIds:
    """One message of a prompt."""

    ids: tuple[int, ...]
    written: tuple[bool, ...]
    """What a model writes itself where it is its turn: the content and the end of it."""


class ChatIds:
    """Encodes messages; what people write holds no control tokens, whatever they type."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Raises SystemExit where the tokenizer has no marks of ChatML."""
        begin, end = (tokenizer.token_to_id(mark) for mark in (BEGIN, END))
        if begin is None or end is None:
            raise SystemExit(
                f"Expected a model that knows ChatML ({BEGIN}, {END}), found one without; choose "
                "one of the Qwen or SmolLM families."
            )
        self.end: int = end
        self._markup = tokenizer
        spec: dict[str, Any] = json.loads(tokenizer.to_str())
        self._plain = Tokenizer.from_str(
            json.dumps(spec | {"added_tokens": [], "post_processor": None})
        )
        self._content = lru_cache(maxsize=4096)(self._encode_content)
        self._head = lru_cache(maxsize=None)(self._encode_head)
        self._tail = tuple(self._markup.encode(f"{END}\n", add_special_tokens=False).ids)

    def message(self, message: Message) -> MessageIds:
        head, content = self._head(message.role), self._content(message.content.strip())
        end, rest = self._tail[:1], self._tail[1:]
        return MessageIds(
            head + content + end + rest,
            (False,) * len(head) + (True,) * (len(content) + 1) + (False,) * len(rest),
        )

    def prompt(self, messages: Iterable[Message]) -> list[int]:
        """What is read before the next reply."""
        ids = [index for message in messages for index in self.message(message).ids]
        return [*ids, *self._head("assistant")]

    def text(self, ids: Iterable[int]) -> str:
        decoded: str = self._markup.decode(list(ids), skip_special_tokens=False)
        return decoded

    def _encode_head(self, role: str) -> tuple[int, ...]:
        return tuple(self._markup.encode(f"{BEGIN}{role}\n", add_special_tokens=False).ids)

    def _encode_content(self, text: str) -> tuple[int, ...]:
        return tuple(self._plain.encode(text, add_special_tokens=False).ids)
