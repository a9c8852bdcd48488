"""What was said, in order: each item with its id, its words, and what was heard of it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

import msgspec

from idol_protocol.frames import AUDIO_RATE_HZ
from idol_protocol.items import (
    MAX_ITEM_BYTES,
    MAX_TEXT_CHARS,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudio,
    InputText,
    ItemStatus,
    MessageItem,
    OutputAudio,
    OutputText,
    Role,
)
from idol_protocol.items import Item as AnyItem
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.errors import RequestError
from idol_runtime.stage.utterance import Line
from idol_runtime.timeline import Call

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]\s*|[^\s\u3040-\u30ff\u3400-\u9fff]+\s*|\s+")
"""A word with the space behind it; Japanese and Chinese, which have no spaces, by the sign."""
_UNSPACED = "。！？、，；："


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
    end_samples: int
    """Samples of the answer up to its last one; its start where it made no sound."""

    def until(self, limit: int) -> "SpokenClause | None":
        """What is left of it when the answer ends after `limit` samples, if anything is."""
        if limit >= self.end_samples:
            return self
        if limit <= self.start_samples:
            return None
        words = _WORD.findall(self.line.text)
        length = self.end_samples - self.start_samples
        kept = words[: len(words) * (limit - self.start_samples) // length]
        line = self.line.until(len("".join(kept).rstrip()))
        return replace(self, line=line, end_samples=limit) if line.text else None


@dataclass(frozen=True, slots=True)
class Speech:
    """The sound of an answer that was handed to the outputs."""

    clauses: tuple[SpokenClause, ...] = ()
    """Those that were heard, in order."""
    num_samples: int = 0

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(each.line for each in self.clauses)

    @property
    def audio_ms(self) -> int:
        """Rounded up, as clients do who count what they got."""
        return -(-self.num_samples * 1000 // AUDIO_RATE_HZ)

    def until_pts(self, played_us: int | None) -> "Speech":
        """With the clauses that began before a media time; with all where it is not known."""
        if played_us is None:
            return self
        heard = tuple(each for each in self.clauses if each.pts_us < played_us)
        return replace(self, clauses=heard)

    def until_ms(self, audio_end_ms: int) -> "Speech":
        """The first `audio_end_ms` of it, at most all of it.

        A clause that was cut keeps the share of its words that fits its share of the sound.
        """
        if audio_end_ms >= self.audio_ms:
            return self
        limit = max(0, audio_end_ms) * AUDIO_RATE_HZ // 1000
        heard = (each.until(limit) for each in self.clauses)
        return Speech(tuple(each for each in heard if each is not None), limit)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who says something to a character."""

    id: str = ""
    """The same in every session of theirs, and nobody else's; empty where nobody knows."""
    name: str = ""
    """What the character may call them; empty where nobody knows."""


NOBODY_KNOWN = Speaker()


@dataclass(frozen=True, slots=True)
class Item:
    """One message of a conversation."""

    message: AnyItem
    """What clients see, its id included."""
    written: str | None = None
    """What the dialogue model wrote, tags and all, or reads, the name of another speaker in
    front; None where that is the message."""
    speech: Speech | None = None
    """Of an answer that was spoken."""
    speaker: Speaker = NOBODY_KNOWN
    """Who said it; of an answer, nobody but the character."""

    @property
    def id(self) -> str:
        assert self.message.id is not None
        return self.message.id

    @property
    def role(self) -> Role:
        """Who says it to the dialogue model: what came of an action is told by nobody."""
        match self.message:
            case MessageItem(role=role):
                return role
            case FunctionCallItem():
                return "assistant"
        return "system"

    @property
    def text(self) -> str:
        """All words, written or spoken."""
        if isinstance(self.message, FunctionCallItem):
            return ""
        if isinstance(self.message, FunctionCallOutputItem):
            return self.message.output
        return "\n".join(
            (part.transcript or "") if isinstance(part, OutputAudio | InputAudio) else part.text
            for part in self.message.content
        )

    @property
    def num_bytes(self) -> int:
        """What it counts towards the bytes of its conversation."""
        texts = (self.text, self.written or "")
        return sum(
            len(each) if each.isascii() else len(each.encode(errors="replace")) for each in texts
        )

    def cut(self, speech: Speech) -> "Item":
        """The item with this of its sound alone."""
        assert isinstance(self.message, MessageItem)
        message = msgspec.structs.replace(
            self.message, content=[OutputAudio(transcript=words_of(speech.lines))]
        )
        return Item(message, written_of(speech.lines), speech)


def words_of(lines: tuple[Line, ...]) -> str:
    """What is shown of clauses."""
    return _joined(line.text for line in lines)


def written_of(lines: tuple[Line, ...]) -> str:
    """What the dialogue model remembers of clauses, with their tags."""
    return _joined(line.written for line in lines)


def _joined(clauses: Iterable[str]) -> str:
    """Clauses as a text, which has spaces where its script has them."""
    text = ""
    for clause in clauses:
        text += clause if not text or text[-1] in _UNSPACED else f" {clause}"
    return text


@dataclass(frozen=True, slots=True)
class ItemLimits:
    """How much one conversation holds: far more than a dialogue model reads of it."""

    max_items: int = 1_000
    max_bytes: int = 1024 * 1024
    """Of text, in UTF-8."""


class Items:
    """The items of one conversation."""

    def __init__(self, limits: ItemLimits | None = None) -> None:
        self._items: dict[str, Item] = {}
        self._order: list[str] = []
        self._limits = limits or ItemLimits()
        self._bytes = 0

    def has_room(self, num_bytes: int, less: Sequence[Item] = (), share: float = 1.0) -> bool:
        """Whether another item of that size fits, without some that are there, into this share of
        what may be held.
        """
        size = self._bytes + num_bytes - sum(each.num_bytes for each in less)
        fits = len(self) + 1 - len(less) <= max(1.0, self._limits.max_items * share)
        return fits and size <= self._limits.max_bytes * share

    def __iter__(self) -> Iterator[Item]:
        return (self._items[each] for each in self._order)

    def __len__(self) -> int:
        return len(self._order)

    def insert(
        self,
        message: AnyItem,
        after: str | None = None,
        speaker: Speaker = NOBODY_KNOWN,
        *,
        written: str | None = None,
    ) -> Item:
        """Adds an item at the end, after another, or (`root`) first; gives it an id if it has none.

        Raises:
            RequestError: no such item to follow, the id is taken, or the conversation is full.
        """
        message = msgspec.structs.replace(message, id=message.id or new_id("item"))
        item = Item(message, written, speaker=speaker)
        if item.id in self._items or item.id == "root" or len(item.id) > 64:
            raise RequestError(
                "Expected an item id that is new and at most 64 characters long; "
                "choose another or leave it out.",
                code="invalid_item_id",
                param="item.id",
            )
        at = self._place(after)
        if not self.has_room(item.num_bytes):
            limits = self._limits
            raise RequestError(
                f"A conversation holds at most {limits.max_items} items and {limits.max_bytes} "
                "bytes of text, and what was not answered yet fills it; ask for an answer, or "
                "delete some first.",
                code="conversation_full",
            )
        self._order.insert(at, item.id)
        self._items[item.id] = item
        self._bytes += item.num_bytes
        return item

    def name_of(self, call_id: str) -> str:
        """The action of a call; raises `RequestError` where there was none of that id."""
        for item in self:
            if isinstance(item.message, FunctionCallItem) and item.message.call_id == call_id:
                return item.message.name
        raise RequestError(
            "Expected the call_id of an action that was called in this conversation; use one of "
            "`response.done`.",
            code="unknown_call_id",
            param="item.call_id",
        )

    def get(self, item_id: str, param: str = "item_id") -> Item:
        """Raises `RequestError` where there is no such item."""
        if item_id not in self._items:
            raise RequestError(
                "The conversation has no item of that id; use one that was announced by "
                "`conversation.item.added`.",
                code="item_not_found",
                param=param,
            )
        return self._items[item_id]

    def delete(self, item_id: str) -> None:
        """Raises `RequestError` where there is no such item."""
        self._bytes -= self.get(item_id).num_bytes
        del self._items[item_id]
        self._order.remove(item_id)

    def put(self, item: Item) -> None:
        """Takes the place of the item with the same id."""
        self._bytes += item.num_bytes - self.get(item.id).num_bytes
        self._items[item.id] = item

    def previous_id(self, item_id: str) -> str | None:
        """The id of the item before this one."""
        at = self._index(item_id)
        return self._order[at - 1] if at else None

    def _place(self, after: str | None) -> int:
        if after is None:
            return len(self)
        if after == "root":
            return 0
        if after not in self._items:
            raise RequestError(
                "The conversation has no item of that id to insert after; use `root` or the id "
                "of an item in it.",
                code="item_not_found",
                param="previous_item_id",
            )
        return self._index(after) + 1

    def _index(self, item_id: str) -> int:
        if self._order[-1] == item_id:  # as nearly always
            return len(self) - 1
        return self._order.index(item_id)


def messages_of(items: Iterable[Item]) -> tuple[ChatMessage, ...]:
    """Items as the dialogue model reads them."""
    return tuple(
        ChatMessage(item.role, text)
        for item in items
        if (text := item.written or item.text).strip()
    )


def call_item(call: Call, status: ItemStatus = "completed") -> FunctionCallItem:
    """A called action as an item; its id follows from that of the call."""
    return FunctionCallItem(
        id=f"item_{call.id.removeprefix('call_')}",
        status=status,
        call_id=call.id,
        name=call.name,
        arguments=call.arguments,
    )


def check_message(message: MessageItem, name: str = "item") -> None:
    """Refuses a message that no character can answer; `name` is what it is called in its event.

    Raises:
        RequestError: sound, content of another role, no text, or too much of it.
    """
    for index, part in enumerate(message.content):
        param = f"{name}.content[{index}].type"
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
    check_text(Item(message).text, f"{name}.content")
    size = len(msgspec.json.encode(message))
    if size > MAX_ITEM_BYTES:
        raise RequestError(
            f"Expected an item of at most {MAX_ITEM_BYTES} bytes as JSON, found {size}; send a "
            "shorter text, or several.",
            code="text_too_long",
            param=f"{name}.content",
        )


def check_text(text: str, param: str = "item.content") -> None:
    """Raises `RequestError` for a text that is empty or longer than `MAX_TEXT_CHARS`."""
    if not text.strip():
        raise RequestError(
            "Expected some text, found none; say something to the character.",
            code="empty_text",
            param=param,
        )
    if len(text) > MAX_TEXT_CHARS:
        raise RequestError(
            f"Expected at most {MAX_TEXT_CHARS} characters, found {len(text)}; "
            "send a shorter text, or several.",
            code="text_too_long",
            param=param,
        )
