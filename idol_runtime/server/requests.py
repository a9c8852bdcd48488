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
from idol_runtime.music.metronome import Metronome
from idol_runtime.server.items import check_item
from idol_runtime.server.response import heard_until, words_of, written_of
from idol_runtime.server.session import Session
from idol_runtime.server.settings import for_response, updated

MAX_AHEAD_US = 60_000_000
"""How long before its stroke a gesture can be asked for."""
DEFAULT_BPM = 120.0
DEFAULT_INTENSITY = 0.7


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
        case ask.IdolGestureCreate():
            _gesture(session, event)
        case ask.IdolActivitySet():
            _set_activity(session, event)
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


def _gesture(session: Session, event: ask.IdolGestureCreate) -> None:
    allowed = session.character.gestures
    if event.gesture not in allowed:
        raise ProtocolError(
            f"Expected a gesture of this character ({', '.join(allowed) or 'it has none'}), "
            f"found {event.gesture}; choose another, or add it to `gestures` in its "
            "character.toml.",
            code="gesture_not_allowed",
            param="gesture",
        )
    stroke_us, now_us = event.stroke_pts_us, session.now_us
    if stroke_us is not None and stroke_us > now_us + MAX_AHEAD_US:
        raise ProtocolError(
            f"Expected a stroke at most {MAX_AHEAD_US // 1_000_000} s after the media time "
            f"{now_us}, found {stroke_us}; ask again when it is nearer.",
            code="stroke_too_late",
            param="stroke_pts_us",
        )
    stroke_s = None if stroke_us is None else stroke_us / 1e6
    if session.conversation.performer.gesture(event.gesture, stroke_s=stroke_s) is None:
        raise ProtocolError(
            f"The same gesture, {event.gesture}, is being made or planned then; "
            "ask again when it is over.",
            code="gesture_in_progress",
            param="gesture",
        )


def _set_activity(session: Session, event: ask.IdolActivitySet) -> None:
    performer = session.conversation.performer
    music = {name: getattr(event, name) for name in ("bpm", "first_beat_pts_us", "intensity")}
    given = [name for name, value in music.items() if value is not None]
    if event.activity != "dance" and given:
        raise ProtocolError(
            f"Expected `{given[0]}` with the activity dance alone, found it with "
            f"{event.activity}; leave it out.",
            code="invalid_field",
            param=given[0],
        )
    performer.resting = event.activity
    if event.activity != "dance":
        performer.beats = None
        return
    first_us = session.now_us if event.first_beat_pts_us is None else event.first_beat_pts_us
    performer.beats = Metronome(
        event.bpm or DEFAULT_BPM,
        first_us / 1e6,
        DEFAULT_INTENSITY if event.intensity is None else event.intensity,
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
    session.items.put(_with_transcript(item, words_of(heard)), written_of(heard))
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
