"""What a user sees and changes of what is remembered of them."""

from idol_protocol.client_events import IdolMemoryErase, IdolMemoryList, IdolMemorySet
from idol_protocol.idol_events import IdolMemoryItems, MemoryItem
from idol_runtime.errors import RequestError
from idol_runtime.server.session import Session


async def answer_memory(
    session: Session, event: IdolMemoryList | IdolMemorySet | IdolMemoryErase
) -> None:
    """Does what is asked and tells all that is remembered then.

    Raises:
        RequestError: the session has no user, memory is off, no such memory, or the store does not
            answer.
    """
    own = session.memories
    if own is None:
        raise RequestError(
            "Expected a session whose user is known to a server that remembers; connect with "
            "?user=ID, and see `memory.enabled` in its idol.toml.",
            code="no_memory",
        )
    match event:
        case IdolMemorySet():
            await own.set(event.text, event.id)
        case IdolMemoryErase():
            await own.erase(event.ids)
        case IdolMemoryList():
            pass
    items = [
        MemoryItem(id=each.id, kind=each.fact.kind, text=each.fact.text, said_at=round(each.said_s))
        for each in await own.items()
    ]
    session.emit(IdolMemoryItems(items=items))
