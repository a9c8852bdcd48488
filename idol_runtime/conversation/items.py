"""What was said, in order: each item with its id, its words, and what was heard of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import uuid4

import msgspec

from idol_protocol.frames import AUDIO_RATE_HZ
from idol_protocol.items import (
    MAX_TEXT_CHARS,
    InputAudio,
    InputText,
    MessageItem,
    OutputAudio,
    OutputText,
)
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.errors import RequestError
from idol_runtime.stage.utterance import Line

MAX_ITEMS = 1_000


def new_id(kind: str) -> str:
    return f"{kind}_{uuid4().hex[:16]}"


@dataclass(frozen=True, slots=True)
class SpokenClause:
    """A clause of an answer, at its place in the answer's sound."""

    line: Line
    pts_us: int
    """Media time of its first sound."""
    start_samples: int
    """Samples of the answer before its first one; pauses between clauses do not count."""


@dataclass(frozen=True, slots=True)
class Speech:
    """The sound of an answer that was handed to the outputs."""

    clauses: tuple[SpokenClause, ...] = ()
    num_samples: int = 0

    def until_pts(self, played_us: int | None) -> tuple[Line, ...]:
        """The clauses that began before a media time; all of them where it is not known."""
        return tuple(
            each.line for each in self.clauses if played_us is None or each.pts_us < played_us
        )

    def until_ms(self, audio_end_ms: int) -> tuple[Line, ...]:
        """The clauses within the first `audio_end_ms` of the sound.

        A clause that was cut keeps the share of its words that fits its share of the sound.
        """
        limit = audio_end_ms * AUDIO_RATE_HZ // 1000
        ends = [*(each.start_samples for each in self.clauses[1:]), self.num_samples]
        lines = []
        for each, end in zip(self.clauses, ends, strict=True):
            if limit >= end:
                lines.append(each.line)
            elif limit > each.start_samples:
                words = each.line.text.split(" ")
                length = end - each.start_samples
                kept = words[: len(words) * (limit - each.start_samples) // length]
                lines.append(each.line.until(len(" ".join(kept))))
        return tuple(line for line in lines if line.text)


@dataclass(frozen=True, slots=True)
class Item:
    """One message of a conversation."""

    message: MessageItem
    """What clients see, its id included."""
    written: str | None = None
    """What the dialogue model wrote, gesture tags and all; None where that is the message."""
    speech: Speech | None = None
    """Of an answer that was spoken."""

    @property
    def id(self) -> str:
        assert self.message.id is not None
        return self.message.id

    @property
    def text(self) -> str:
        """All words, written or spoken."""
        return "\n".join(
            (part.transcript or "") if isinstance(part, OutputAudio | InputAudio) else part.text
            for part in self.message.content
        )

    def cut(self, lines: tuple[Line, ...]) -> "Item":
        """The item with these of its clauses alone."""
        message = msgspec.structs.replace(
            self.message, content=[OutputAudio(transcript=words_of(lines))]
        )
        return replace(self, message=message, written=written_of(lines))


def words_of(lines: tuple[Line, ...]) -> str:
    """What is shown of clauses."""
    return " ".join(line.text for line in lines)


def written_of(lines: tuple[Line, ...]) -> str:
    """What the dialogue model remembers of clauses, with gesture tags."""
    return " ".join(line.written for line in lines)


class Items:
    """The items of one conversation."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def insert(self, message: MessageItem, after: str | None = None) -> Item:
        """Adds an item at the end, after another, or (`root`) first; gives it an id if it has none.

        Raises:
            RequestError: no such item to follow, the id is taken, or the conversation is full.
        """
        item = Item(msgspec.structs.replace(message, id=message.id or new_id("item")))
        if item.id in self._items or item.id == "root" or len(item.id) > 64:
            raise RequestError(
                "Expected an item id that is new and at most 64 characters long; "
                "choose another or leave it out.",
                code="invalid_item_id",
                param="item.id",
            )
        if len(self._items) >= MAX_ITEMS:
            raise RequestError(
                f"A conversation holds at most {MAX_ITEMS} items; delete some first.",
                code="conversation_full",
            )
        order = list(self._items.values())
        at = len(order) if after is None else 0 if after == "root" else self._index(after) + 1
        order.insert(at, item)
        self._items = {each.id: each for each in order}
        return item

    def get(self, item_id: str) -> Item:
        """Raises `RequestError` where there is no such item."""
        if item_id not in self._items:
            raise RequestError(
                "The conversation has no item of that id; use one that was announced by "
                "`conversation.item.added`.",
                code="item_not_found",
                param="item_id",
            )
        return self._items[item_id]

    def delete(self, item_id: str) -> None:
        """Raises `RequestError` where there is no such item."""
        self.get(item_id)
        del self._items[item_id]

    def put(self, item: Item) -> None:
        """Takes the place of the item with the same id."""
        self.get(item.id)
        self._items[item.id] = item

    def previous_id(self, item_id: str) -> str | None:
        """The id of the item before this one."""
        order = list(self._items)
        at = order.index(item_id)
        return order[at - 1] if at else None

    def messages(self) -> tuple[ChatMessage, ...]:
        """What the dialogue model reads."""
        return tuple(
            ChatMessage(item.message.role, text)
            for item in self
            if (text := item.written or item.text).strip()
        )

    def _index(self, item_id: str) -> int:
        if item_id not in self._items:
            raise RequestError(
                "The conversation has no item of that id to insert after; use `root` or the id "
                "of an item in it.",
                code="item_not_found",
                param="previous_item_id",
            )
        return list(self._items).index(item_id)


def check_message(message: MessageItem) -> None:
    """Refuses a message that no character can answer.

    Raises:
        RequestError: sound, content of another role, no text, or too much of it.
    """
    for index, part in enumerate(message.content):
        param = f"item.content[{index}].type"
        if isinstance(part, InputAudio):
            raise RequestError(
                "Audio input is not supported yet; send the words as `input_text`.",
                code="audio_input_unsupported",
                param=param,
            )
        fitting = (OutputText, OutputAudio) if message.role == "assistant" else (InputText,)
        if not isinstance(part, fitting):
            raise RequestError(
                "Expected `output_text` or `output_audio` from the assistant and `input_text` "
                f"from others, found another content in an item of the {message.role}.",
                code="invalid_field",
                param=param,
            )
    check_text(Item(message).text)


def check_text(text: str) -> None:
    """Raises `RequestError` for a text that is empty or longer than `MAX_TEXT_CHARS`."""
    if not text.strip():
        raise RequestError(
            "Expected some text, found none; say something to the character.",
            code="empty_text",
            param="item.content",
        )
    if len(text) > MAX_TEXT_CHARS:
        raise RequestError(
            f"Expected at most {MAX_TEXT_CHARS} characters, found {len(text)}; "
            "send a shorter text, or several.",
            code="text_too_long",
            param="item.content",
        )
