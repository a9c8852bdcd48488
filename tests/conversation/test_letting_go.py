"""A full conversation lets go of its oldest exchanges, whole, and goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.items import InputText, ItemStatus, MessageItem, OutputText
from idol_runtime.conversation.items import Item, ItemLimits, Items
from idol_runtime.conversation.letting_go import to_let_go
from idol_runtime.errors import RequestError


def message(role: str, text: str = "Hello.", status: ItemStatus = "completed") -> MessageItem:
    match role:
        case "assistant":
            content = [OutputText(text=text)]
            return MessageItem(role="assistant", status=status, content=list(content))
        case "system":
            return MessageItem(role="system", status=status, content=[InputText(text=text)])
    return MessageItem(role="user", status=status, content=[InputText(text=text)])


def filled(roles: str, limits: ItemLimits) -> Items:
    """Items by the first letters of their roles; `*` is an answer that is still being given."""
    items = Items(limits)
    names = {"u": "user", "a": "assistant", "s": "system", "*": "assistant"}
    for each in roles:
        items.insert(message(names[each], status="in_progress" if each == "*" else "completed"))
    return items


def roles_of(items: list[Item]) -> str:
    return "".join(each.role[0] for each in items)


@pytest.mark.parametrize(
    ("roles", "gone"),
    [
        ("uaua", "ua"),
        ("aua", "a"),  # a greeting
        ("sssua", ""),
        ("ssuaua", "ua"),
        ("uuaauua", "uuaa"),
        ("uausau", "ua"),
        ("uuuu", ""),
        ("u*uu", ""),
        ("uau*u", "ua"),
    ],
)
def test_the_oldest_exchange_goes_whole_and_what_is_not_answered_stays(
    roles: str, gone: str
) -> None:
    items = filled(roles, ItemLimits(max_items=len(roles)))
    assert roles_of(to_let_go(items, 0)) == gone


def test_a_conversation_with_room_lets_go_of_nothing() -> None:
    items = filled("uaua", ItemLimits(max_items=5))
    assert to_let_go(items, 0) == []


def test_so_much_goes_at_once_that_the_next_items_have_room() -> None:
    items = filled("ua" * 500, ItemLimits(max_items=1_000))
    assert len(to_let_go(items, 0)) == 126


def test_what_another_item_is_to_follow_stays() -> None:
    items = filled("uauaua", ItemLimits(max_items=6))
    third = list(items)[2]
    assert roles_of(to_let_go(items, 0, third.id)) == "ua"


def test_nothing_goes_for_what_would_not_fit_all_the_same() -> None:
    items = filled("uaua", ItemLimits(max_items=10, max_bytes=40))
    assert to_let_go(items, 1_000) == []


@given(st.text("ua", min_size=1, max_size=60), st.integers(2, 12), st.integers(20, 200))
def test_a_conversation_never_holds_more_than_it_may_and_keeps_its_end(
    roles: str, most: int, most_bytes: int
) -> None:
    items, put = Items(ItemLimits(most, most_bytes)), list[str]()
    for number, each in enumerate(roles):
        new = message("user" if each == "u" else "assistant", f"It is number {number}.")
        for gone in to_let_go(items, Item(new).num_bytes):
            items.delete(gone.id)
        try:
            put.append(items.insert(new).id)
        except RequestError:  # what fills it is one exchange, which nobody may cut
            assert roles_of(list(items)).lstrip("a").lstrip("u").lstrip("a") == ""
        kept = [each.id for each in items]
        assert kept == put[len(put) - len(kept) :]
        assert len(kept) <= most
        assert sum(each.num_bytes for each in items) <= most_bytes
