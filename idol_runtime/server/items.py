"""The conversation as the client sees it: messages in order, each with an id."""

from collections.abc import Iterator
from uuid import uuid4

from msgspec.structs import replace

from idol_protocol.errors import ProtocolError
from idol_protocol.items import (
    MAX_TEXT_CHARS,
    InputAudio,
    InputText,
    MessageItem,
    OutputAudio,
    OutputText,
)
from idol_runtime.dialogue.messages import ChatMessage

MAX_ITEMS = 1_000


def new_id(kind: str) -> str:
    return f"{kind}_{uuid4().hex[:16]}"


class ItemList:
    def __init__(self) -> None:
        self._items: dict[str, MessageItem] = {}
        self._remembered: dict[str, str] = {}
        """What the dialogue model wrote, of items whose transcript lacks its gesture tags."""

    def __iter__(self) -> Iterator[MessageItem]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def insert(self, item: MessageItem, after: str | None = None) -> tuple[MessageItem, str | None]:
        """Adds an item at the end, after another, or (`root`) first.

        Returns:
            The item with its id, and the id of the one before it.

        Raises:
            ProtocolError: no such item to follow, the id is taken, or the conversation is full.
        """
        item = replace(item, id=item.id or new_id("item"))
        assert item.id is not None
        if item.id in self._items or item.id == "root" or len(item.id) > 64:
            raise ProtocolError(
                "Expected an item id that is new and at most 64 characters long; "
                "choose another or leave it out.",
                code="invalid_item_id",
                param="item.id",
            )
        if len(self._items) >= MAX_ITEMS:
            raise ProtocolError(
                f"A conversation holds at most {MAX_ITEMS} items; delete some first.",
                code="conversation_full",
            )
        order = list(self._items.values())
        at = len(order) if after is None else 0 if after == "root" else self._index(after) + 1
        order.insert(at, item)
        self._items = {each.id: each for each in order if each.id is not None}
        return item, order[at - 1].id if at else None

    def get(self, item_id: str) -> MessageItem:
        """Raises:
        ProtocolError: no such item.
        """
        if item_id not in self._items:
            raise ProtocolError(
                "The conversation has no item of that id; use one that was announced by "
                "`conversation.item.added`.",
                code="item_not_found",
                param="item_id",
            )
        return self._items[item_id]

    def delete(self, item_id: str) -> None:
        """Raises:
        ProtocolError: no such item.
        """
        self.get(item_id)
        del self._items[item_id]
        self._remembered.pop(item_id, None)

    def put(self, item: MessageItem, remembered: str | None = None) -> str | None:
        """Takes the place of the item with the same id.

        Args:
            item: What the client sees.
            remembered: What the dialogue model reads of it; the words of the item by default.

        Returns:
            The id of the item before it.
        """
        assert item.id is not None
        self._items[item.id] = item
        self._remembered.pop(item.id, None)
        if remembered is not None:
            self._remembered[item.id] = remembered
        order = list(self._items)
        at = order.index(item.id)
        return order[at - 1] if at else None

    def messages(self) -> list[ChatMessage]:
        """What the dialogue model reads."""
        return [
            ChatMessage(item.role, text)
            for key, item in self._items.items()
            if (text := self._remembered.get(key) or text_of(item)).strip()
        ]

    def _index(self, item_id: str) -> int:
        if item_id not in self._items:
            raise ProtocolError(
                "The conversation has no item of that id to insert after; use `root` or the id "
                "of an item in it.",
                code="item_not_found",
                param="previous_item_id",
            )
        return list(self._items).index(item_id)


def text_of(item: MessageItem) -> str:
    """All words of an item, written or spoken."""
    return "\n".join(
        (part.transcript or "") if isinstance(part, OutputAudio | InputAudio) else part.text
        for part in item.content
    )


def check_item(item: MessageItem) -> None:
    """Refuses an item that no character can answer.

    Raises:
        ProtocolError: sound, content of another role, no text, or too much of it.
    """
    for index, part in enumerate(item.content):
        param = f"item.content[{index}].type"
        if isinstance(part, InputAudio):
            raise ProtocolError(
                "Audio input is not supported yet; send the words as `input_text`.",
                code="audio_input_unsupported",
                param=param,
            )
        fitting = (OutputText, OutputAudio) if item.role == "assistant" else (InputText,)
        if not isinstance(part, fitting):
            raise ProtocolError(
                "Expected `output_text` or `output_audio` from the assistant and `input_text` "
                f"from others, found another content in an item of the {item.role}.",
                code="invalid_field",
                param=param,
            )
    text = text_of(item)
    if not text.strip():
        raise ProtocolError(
            "Expected some text, found none; say something to the character.",
            code="empty_text",
            param="item.content",
        )
    if len(text) > MAX_TEXT_CHARS:
        raise ProtocolError(
            f"Expected at most {MAX_TEXT_CHARS} characters, found {len(text)}; "
            "send a shorter text, or several.",
            code="text_too_long",
            param="item.content",
        )
