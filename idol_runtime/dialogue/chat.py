"""Conversations to tokens: the bundle's chat template, and a budget that never overflows.

What people wrote is never parsed: the template is rendered around placeholders, its own text is
tokenized with control tokens, the contents without. A user who types `<|im_end|>` has typed text.
"""

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from idol_runtime.dialogue.config import CHAT_TEMPLATE_FILE, TOKENIZER_FILE, DialogueConfig
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.dialogue.token_text import TokenBytes
from idol_runtime.errors import BundleError, InputError

DROP_STEP = 4
"""Turns are dropped in groups, so that the prompt's beginning, and with it the cached attention
state, stays the same for several turns."""

_PLACEHOLDER = re.compile("\ue000([0-9]+)\ue001")


class TokenCounter(Protocol):
    """What a budget needs to know of a tokenizer."""

    def count(self, messages: Sequence[ChatMessage]) -> int:
        """Tokens of the whole prompt."""

    def least(self, text: str) -> int:
        """Tokens that `text` needs at least, found without tokenizing it."""


class ChatTokenizer:
    """The tokenizer and the chat template of a bundle."""

    def __init__(self, tokenizer: Tokenizer, template: str, config: DialogueConfig) -> None:
        """Raises BundleError when the template cannot be read."""
        self._markup = tokenizer
        self._plain = Tokenizer.from_str(json.dumps(_without_markup(tokenizer)))
        self.bytes = TokenBytes(tokenizer)
        self._config = config
        self._template = _compile(template)
        self._specials = {
            "bos_token": self._token(config.bos_id),
            "eos_token": self._token(config.eos_id),
        }
        self._content_ids = lru_cache(maxsize=512)(self._encode_content)

    def encode(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Token ids of the prompt for the next reply of the assistant.

        Raises:
            InputError: the template refuses this order of roles.
        """
        contents = [message.content.strip() for message in messages]
        ids: list[int] = []
        markup = ""
        for index, piece in enumerate(_PLACEHOLDER.split(self._render(messages))):
            if index % 2 == 0:
                # White space before a content belongs to its first word, as it did in training.
                markup = piece.rstrip(" ")
                ids += self._markup.encode(markup, add_special_tokens=False).ids
                markup = piece[len(markup) :]
            else:
                ids += self._content_ids(markup + contents[int(piece)])
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

    def _render(self, messages: Sequence[ChatMessage]) -> str:
        placeholders = [
            {"role": message.role, "content": f"\ue000{index}\ue001"}
            for index, message in enumerate(messages)
        ]
        try:
            return self._template.render(
                messages=placeholders, add_generation_prompt=True, **self._specials
            )
        except jinja2.TemplateError as error:
            raise InputError(
                f"The dialogue model's chat template refuses this conversation: {error}. Expected "
                "an optional system message, then user and assistant in turn."
            ) from None


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
    return ChatTokenizer(tokenizer, template, config)


def fit_messages(
    messages: Sequence[ChatMessage], tokenizer: TokenCounter, budget: int
) -> list[ChatMessage]:
    """The persona and the newest turns that fit in `budget` tokens.

    A turn is what a user said and all that follows until a user speaks again. The oldest turns
    are dropped whole; the system messages at the start and the newest turn always stay.

    Raises:
        InputError: what must stay does not fit.
    """
    system = next(
        (at for at, message in enumerate(messages) if message.role != "system"), len(messages)
    )
    turns = [at for at, message in enumerate(messages) if at >= system and message.role == "user"]
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


def _compile(template: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _refuse
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    try:
        return environment.from_string(template)
    except jinja2.TemplateError as error:
        raise BundleError(
            f"Expected a chat template in the bundle, but it does not compile: {error}."
        ) from None


def _refuse(message: str) -> None:
    raise jinja2.TemplateError(message)


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
