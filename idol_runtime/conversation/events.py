"""What happens in a conversation, for whoever shows it: a client's session, a log, a panel."""

from dataclasses import dataclass
from typing import TypeAlias

from idol_runtime.conversation.items import Item
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.turn_handle import Ended


@dataclass(frozen=True, slots=True)
class ItemAdded:
    """A message joined the conversation; nothing more is done to it."""

    item: Item
    previous_id: str | None


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    item_id: str


@dataclass(frozen=True, slots=True)
class ItemTruncated:
    """An answer now ends where listening did."""

    item_id: str
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """An answer began; its item joined the conversation empty."""

    turn_id: str
    item: Item
    previous_id: str | None
    options: ReplyOptions


@dataclass(frozen=True, slots=True)
class ReplyText:
    """The answer goes on, as a user reads it."""

    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    turn_id: str
    previous_id: str | None
    """The item before the answer's."""
    ended: Ended


ConversationEvent: TypeAlias = (
    ItemAdded | ItemDeleted | ItemTruncated | TurnStarted | ReplyText | TurnEnded
)
