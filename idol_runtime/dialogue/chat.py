"""Conversations to tokens: the bundle's chat template, and a budget that never overflows.

What people wrote is never parsed: the template is rendered around placeholders, its own text is
tokenized with control tokens, the contents without. A user who types `<|im_end|>` has typed text.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from tokenizers import Tokenizer

from idol_runtime.dialogue.config import CHAT_TEMPLATE_FILE, TOKENIZER_FILE, DialogueConfig
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.dialogue.template import ChatTemplate
from idol_runtime.dialogue.token_text import TokenBytes
from idol_runtime.errors import BundleError, InputError

DROP_STEP = 4
"""Turns are dropped in groups, so that the prompt's beginning, and with it the cached attention
state, stays the same for several turns."""


class TokenCounter(Protocol):
    """What a budget needs to know of a tokenizer."""

    def count(self, messages: Sequence[ChatMessage]) -> int:
        """Tokens of the whole prompt."""

    def least(self, text: str) -> int:
        """Tokens that `text` needs at least, found without tokenizing it."""


class ChatTokenizer:
    """The tokenizer and the chat template of a bundle."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        template: str,
        config: DialogueConfig,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        """Raises InputError when the template cannot be used, see `ChatTemplate`."""
        self._markup = tokenizer
        self._plain = Tokenizer.from_str(json.dumps(_without_markup(tokenizer)))
        self.bytes = TokenBytes(tokenizer)
        self._config = config
        tokens = {"bos_token": config.bos_id, "eos_token": config.eos_id}
        self.template = ChatTemplate(
            template, {name: self._token(index) for name, index in tokens.items()}, now
        )
        self._content_ids = lru_cache(maxsize=512)(self._encode_content)

    def encode(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Token ids of the prompt for the next reply of the assistant.

        Raises:
            InputError: the template refuses this order of roles.
        """
        ids: list[int] = []
        for piece, content in self.template.render(messages):
            # White space before a content belongs to its first word, as it did in training.
            markup = piece.rstrip(" ")
            ids += self._markup.encode(markup, add_special_tokens=False).ids
            if content is not None:
                ids += self._content_ids(piece[len(markup) :] + content)
        bos = self._config.bos_id
        if self._config.adds_bos and bos is not None and ids[:1] != [bos]:
            ids.insert(0, bos)
        return ids

    def encode_text(self, text: str) -> list[int]:
        """Token ids of plain text; control tokens in it are text too."""
        return list(self._content_ids(text))

    def count(self, messages: Sequence[ChatMessage]) -> int:
        return len(self.encode(messages))

    def least(self, text: str) -> int:
        return len(text.encode(errors="replace")) // self.bytes.longest

    def _encode_content(self, text: str) -> tuple[int, ...]:
        text = text.encode(errors="replace").decode()  # lone surrogates are not text
        return tuple(self._plain.encode(text, add_special_tokens=False).ids)

    def _token(self, index: int | None) -> str:
        return (self._markup.id_to_token(index) or "") if index is not None else ""


def open_chat(folder: Path, config: DialogueConfig) -> ChatTokenizer:
    """The tokenizer and the template of a bundle's folder.

    Raises:
        BundleError: either cannot be read.
    """
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    except Exception as error:  # tokenizers raises bare exceptions
        raise BundleError(
            f"{folder / TOKENIZER_FILE}: expected a tokenizer, but {error}; import it again."
        ) from None
    template = (folder / CHAT_TEMPLATE_FILE).read_text(encoding="utf-8")
    try:
        return ChatTokenizer(tokenizer, template, config)
    except InputError as error:
        raise BundleError(f"{folder / CHAT_TEMPLATE_FILE}: {error}") from None


def fit_messages(
    messages: Sequence[ChatMessage], tokenizer: TokenCounter, budget: int
) -> list[ChatMessage]:
    """The persona and the newest turns that fit in `budget` tokens.

    A turn is what a user said, with the notes told before it, and all that follows until a user
    speaks again. The oldest turns are dropped whole; the system messages at the start and the
    newest turn always stay.

    Raises:
        InputError: what must stay does not fit.
    """
    system = next(
        (at for at, message in enumerate(messages) if message.role != "system"), len(messages)
    )
    turns = [
        at - 1 if at > system and messages[at - 1].role == "system" else at
        for at, message in enumerate(messages)
        if at >= system and message.role == "user"
    ]
    starts = sorted({system, *turns}) if system < len(messages) else [system]

    def kept(number: int) -> list[ChatMessage]:
        return [*messages[:system], *messages[starts[number] :]]

    def fits(number: int) -> bool:
        candidate = kept(number)
        least = sum(tokenizer.least(message.content) for message in candidate)
        return least <= budget and tokenizer.count(candidate) <= budget

    low, high = 0, len(starts) - 1
    if fits(0):
        return kept(0)
    if not fits(high):
        raise InputError(
            f"Expected the persona and the newest message to fit in {budget} tokens, about "
            f"{budget * 3} characters of English, but they are longer; shorten the message."
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    grouped = -(-high // DROP_STEP) * DROP_STEP
    return kept(grouped if grouped < len(starts) else high)


def _without_markup(tokenizer: Tokenizer) -> dict[str, Any]:
    """The tokenizer without added tokens and without a space put before every text."""
    spec: dict[str, Any] = json.loads(tokenizer.to_str())
    spec |= {"added_tokens": [], "post_processor": None}
    normalizer = spec.get("normalizer") or {}
    if normalizer.get("type") == "Sequence":
        steps = [step for step in normalizer["normalizers"] if step["type"] != "Prepend"]
        spec["normalizer"] = {"type": "Sequence", "normalizers": steps} if steps else None
    pre_tokenizer = spec.get("pre_tokenizer") or {}
    if pre_tokenizer.get("type") == "Metaspace":
        spec["pre_tokenizer"] = {**pre_tokenizer, "prepend_scheme": "never"}
    return spec
