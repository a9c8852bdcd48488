"""What each client event does to a session, and the event that answers it."""

from typing import Literal, TypeAlias

from idol_protocol import client_events as ask
from idol_protocol.client_events import ClientEvent
from idol_protocol.errors import ProtocolError
from idol_protocol.idol_events import IdolClockPong, IdolWorldUpdated
from idol_protocol.items import ErrorObject
from idol_protocol.server_events import ConversationItemRetrieved, Error, SessionUpdated
from idol_runtime.errors import IdolError, RequestError
from idol_runtime.server.memories import answer_memory
from idol_runtime.server.session import Session
from idol_runtime.server.settings import reply_options, updated
from idol_runtime.server.unsupported import LeftOut, problem_of, unknown

MAX_ERROR_CHARS = 3_000
MAX_PARAM_CHARS = 256
MAX_EVENT_ID_CHARS = 512

ErrorKind: TypeAlias = Literal["invalid_request_error", "server_error"]


async def answer(session: Session, event: ClientEvent, sent: str | bytes) -> None:
    """Does what a client asks; what cannot be done is answered by an `error` event.

    Args:
        session: Of the client.
        event: What it asks.
        sent: The event as it was sent.
    """
    try:
        left_out = await _answer(session, event)
        left_out += unknown(event, sent)
        if left_out:
            raise problem_of(left_out)
    except RequestError as refusal:
        problem = ProtocolError(str(refusal), code=refusal.code, param=refusal.param)
        problem.event_id = event.event_id
        refuse(session, problem)
    except IdolError as failure:
        problem = ProtocolError(str(failure), code=type(failure).__name__, event_id=event.event_id)
        refuse(session, problem, "server_error")
    except ProtocolError as problem:
        problem.event_id = problem.event_id or event.event_id
        refuse(session, problem)


def refuse(
    session: Session, problem: ProtocolError, kind: ErrorKind = "invalid_request_error"
) -> None:
    session.metrics.errors.labels(problem.code).inc()
    session.emit(Error(error=error_object(problem, kind)))


def report_defect(session: Session, event: ClientEvent) -> None:
    """Says that an event failed by no fault of the client's."""
    session.metrics.errors.labels("internal_error").inc()
    problem = ErrorObject(
        type="server_error",
        code="internal_error",
        message="The event failed by a defect of the server; please report it.",
        event_id=event.event_id,
    )
    session.emit(Error(error=problem))


def error_object(problem: ProtocolError, kind: ErrorKind = "invalid_request_error") -> ErrorObject:
    return ErrorObject(
        type=kind,
        code=problem.code,
        message=clipped(str(problem), MAX_ERROR_CHARS),
        param=None if problem.param is None else clipped(problem.param, MAX_PARAM_CHARS),
        # One that is too long is what is wrong, and the client knows it by that.
        event_id=None if problem.event_id is None else problem.event_id[:MAX_EVENT_ID_CHARS],
    )


def clipped(text: str, limit: int) -> str:
    """What can be sent of a text that may quote what a client sent."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


async def _answer(session: Session, event: ClientEvent) -> list[LeftOut]:
    """Returns what of the event was not done."""
    character = session.character
    match event:
        case ask.SessionUpdate():
            session.settings, left_out = await updated(
                session.settings, event.session, character, "session"
            )
            session.emit(SessionUpdated(session=session.describe()))
            return left_out
        case ask.ConversationItemCreate():
            await character.add(event.item, event.previous_item_id)
        case ask.ConversationItemDelete():
            await character.delete(event.item_id)
        case ask.ConversationItemRetrieve():
            item = await character.item(event.item_id)
            session.emit(ConversationItemRetrieved(item=item.message))
        case ask.ConversationItemTruncate():
            await character.truncate(event.item_id, event.content_index, event.audio_end_ms)
        case ask.ResponseCreate():
            options, left_out = await reply_options(session.settings, event.response, character)
            await character.reply(options)
            return left_out
        case ask.ResponseCancel():
            await character.cancel(event.response_id)
        case ask.IdolStreamsConfigure():
            assert session.streams is not None
            session.streams.configure(event)
        case ask.IdolClockPing():
            pts_us = await character.now_us()
            session.emit(IdolClockPong(id=event.id, client_us=event.client_us, pts_us=pts_us))
        case ask.IdolGestureCreate():
            await character.gesture(event.gesture, event.stroke_pts_us)
        case ask.IdolEmotionSet():
            await character.set_emotion(event)
        case ask.IdolWorldUpdate():
            facts = await character.update_world(event.facts)
            session.emit(IdolWorldUpdated(facts=dict(facts)))
        case ask.IdolActivitySet():
            await character.set_activity(event)
        case ask.IdolMemoryList() | ask.IdolMemorySet() | ask.IdolMemoryErase():
            await answer_memory(session, event)
        case ask.IdolPlaybackProgress():
            await character.played(event.pts_us)
        case ask.IdolResume():
            raise ProtocolError(
                "A session can be resumed only by the first event of a connection; "
                "connect again and send `idol.resume` first.",
                code="resume_too_late",
            )
        case ask.InputAudioBufferAppend() | ask.InputAudioBufferClear() if session.knows_it_is_deaf:
            pass  # a microphone sends fifty of them a second; one sentence is enough
        case (
            ask.InputAudioBufferAppend()
            | ask.InputAudioBufferCommit()
            | ask.InputAudioBufferClear()
        ):
            session.knows_it_is_deaf = True
            raise ProtocolError(
                "Audio input is not supported yet; send the words with `conversation.item.create`.",
                code="audio_input_unsupported",
                param="type",
            )
    return []
