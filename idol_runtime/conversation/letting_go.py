"""What a full conversation lets go of: its oldest exchanges, each whole."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from idol_protocol.items import MessageItem
from idol_runtime.conversation.items import Item, Items

KEPT: Final = 7 / 8
"""Of what a conversation may hold, where some of it has to go: so that it is rarely full."""


def to_let_go(items: Items, num_bytes: int, after: str | None = None) -> list[Item]:
    """The items that have to go before another one joins, the oldest first.

    None where it fits, or where it would not fit without them either.

    Args:
        items: Of one conversation.
        num_bytes: Of the other one.
        after: The item that it is to follow, if any.
    """
    if items.has_room(num_bytes):
        return []
    gone: list[Item] = []
    for exchange in _exchanges(list(items), after):
        gone += exchange
        if items.has_room(num_bytes, gone, KEPT):
            return gone
    return gone if items.has_room(num_bytes, gone) else []


def _exchanges(items: Sequence[Item], after: str | None) -> Iterator[tuple[Item, ...]]:
    """The exchanges that may go, the oldest first.

    An exchange is what users said until they were answered, and the answers. What stands before
    the first of them, as a client's own system messages do, stays; so do the newest exchange, one
    that is still being answered, and all behind it.

    Args:
        items: In order.
        after: An item that has to stay, if any.
    """
    begin = next((at for at, each in enumerate(items) if not _is_told(each)), len(items))
    starts = [at for at in range(begin, len(items)) if at == begin or _begins(items, at)]
    for start, end in pairwise(starts):
        exchange = tuple(items[start:end])
        if any(each.id == after or _is_in_progress(each) for each in exchange):
            return
        yield exchange


def _is_told(item: Item) -> bool:
    """Whether a client's system message."""
    return isinstance(item.message, MessageItem) and item.role == "system"


def _begins(items: Sequence[Item], at: int) -> bool:
    return items[at].role == "user" and items[at - 1].role != "user"


def _is_in_progress(item: Item) -> bool:
    return item.message.status == "in_progress"
