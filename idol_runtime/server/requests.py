"""What each client event does to a session, and the event that answers it."""

from msgspec.structs import replace

from idol_protocol import client_events as ask
from idol_protocol.client_events import ClientEvent
from idol_protocol.errors import ProtocolError
from idol_protocol.frames import AUDIO_RATE_HZ
from idol_protocol.idol_events import IdolClockPong
from idol_protocol.items import ErrorObject, MessageItem, OutputAudio
from idol_protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    Error,
    SessionUpdated,
)
from idol_runtime.server.items import check_item
from idol_runtime.server.response import heard_until
from idol_runtime.server.session import Session
from idol_runtime.server.settings import for_response, updated


async def answer(session: Session, event: ClientEvent) -> None:
    """Does what a client asks; what cannot be done is answered by an `error` event."""
    try:
        await _answer(session, event)
    except ProtocolError as problem:
        problem.event_id = problem.event_id or event.event_id
        refuse(session, problem)


def refuse(session: Session, problem: ProtocolError) -> None:
    session.metrics.errors.labels(problem.code).inc()
    session.emit(Error(error=error_object(problem)))


def error_object(problem: ProtocolError) -> ErrorObject:
    return ErrorObject(
        type="invalid_request_error",
        code=problem.code,
        message=str(problem),
        param=problem.param,
        event_id=problem.event_id,
    )


async def _answer(session: Session, event: ClientEvent) -> None:
    match event:
        case ask.SessionUpdate():
            session.settings = updated(session.settings, event.session)
            session.emit(SessionUpdated(session=session.describe()))
        case ask.ConversationItemCreate():
            _create_item(session, event)
        case ask.ConversationItemDelete():
            _delete_item(session, event.item_id)
        case ask.ConversationItemRetrieve():
            session.emit(ConversationItemRetrieved(item=session.items.get(event.item_id)))
        case ask.ConversationItemTruncate():
            _truncate_item(session, event)
        case ask.ResponseCreate():
            settings = for_response(session.settings, event.response)
            metadata = event.response.metadata if event.response else None
            session.turns.start(settings, f"conv_{session.id}", metadata)
        case ask.ResponseCancel():
            await session.turns.cancel(event.response_id)
        case ask.IdolStreamsConfigure():
            assert session.streams is not None
            session.streams.configure(event)
        case ask.IdolClockPing():
            session.emit(
                IdolClockPong(id=event.id, client_us=event.client_us, pts_us=session.now_us)
            )
        case ask.IdolPlaybackProgress():
            session.turns.played_us = event.pts_us
        case ask.IdolResume():
            raise ProtocolError(
                "A session can be resumed only by the first event of a connection; "
                "connect again and send `idol.resume` first.",
                code="resume_too_late",
            )
        case (
            ask.InputAudioBufferAppend()
            | ask.InputAudioBufferCommit()
            | ask.InputAudioBufferClear()
        ):
            raise ProtocolError(
                "Audio input is not supported yet; send the words with `conversation.item.create`.",
                code="audio_input_unsupported",
                param="type",
            )


def _create_item(session: Session, event: ask.ConversationItemCreate) -> None:
    check_item(event.item)
    item, previous = session.items.insert(
        replace(event.item, status="completed"), event.previous_item_id
    )
    if item.role == "user" and session.turns.active is None:
        session.conversation.performer.activity = "listen"
    session.emit(ConversationItemAdded(previous_item_id=previous, item=item))
    session.emit(ConversationItemDone(previous_item_id=previous, item=item))


def _delete_item(session: Session, item_id: str) -> None:
    _refuse_active(session, item_id)
    session.items.delete(item_id)
    session.turns.forget(item_id)
    session.emit(ConversationItemDeleted(item_id=item_id))


def _truncate_item(session: Session, event: ask.ConversationItemTruncate) -> None:
    item = session.items.get(event.item_id)
    _refuse_active(session, event.item_id)
    response = session.turns.spoken(event.item_id)
    if response is None or event.content_index != 0:
        raise ProtocolError(
            "Expected the id of a spoken answer and content_index 0; "
            "only what was said aloud can be truncated.",
            code="item_not_truncatable",
            param="item_id" if response is None else "content_index",
        )
    audio_ms = response.num_samples * 1000 // AUDIO_RATE_HZ
    if event.audio_end_ms > audio_ms:
        raise ProtocolError(
            f"Expected at most the {audio_ms} ms of sound the item has, "
            f"found {event.audio_end_ms}.",
            code="audio_end_too_late",
            param="audio_end_ms",
        )
    heard = heard_until(response.spoken, response.num_samples, event.audio_end_ms)
    session.items.put(_with_transcript(item, heard))
    session.emit(
        ConversationItemTruncated(
            item_id=event.item_id, content_index=0, audio_end_ms=event.audio_end_ms
        )
    )


def _with_transcript(item: MessageItem, transcript: str) -> MessageItem:
    return replace(item, content=[OutputAudio(transcript=transcript)])


def _refuse_active(session: Session, item_id: str) -> None:
    active = session.turns.active
    if active is not None and active.item_id == item_id:
        raise ProtocolError(
            "The item is still being spoken; send `response.cancel` first.",
            code="item_in_progress",
            param="item_id",
        )
