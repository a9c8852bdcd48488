"""Answers of a session: at most one at a time, each from its request to `response.done`."""

import asyncio
import logging

from idol_protocol.errors import ProtocolError
from idol_protocol.items import ResponseObject, StatusError
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.turn_metrics import TurnMetrics
from idol_runtime.errors import IdolError
from idol_runtime.server.items import ItemList, new_id
from idol_runtime.server.metrics import ServerMetrics
from idol_runtime.server.response import Emit, Ending, Response, words_of, written_of
from idol_runtime.server.settings import Settings
from idol_runtime.stage.utterance import Line

log = logging.getLogger(__name__)


class Turns:
    def __init__(
        self, conversation: Conversation, items: ItemList, emit: Emit, metrics: ServerMetrics
    ) -> None:
        self.active: Response | None = None
        self.played_us: int | None = None
        """How far the client says it has played."""
        self._conversation = conversation
        self._character = conversation.character
        self._items = items
        self._emit = emit
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None
        self._spoken: dict[str, Response] = {}

    def start(
        self, settings: Settings, conversation_id: str, metadata: dict[str, str] | None
    ) -> None:
        """Answers the conversation as it is now.

        Raises:
            ProtocolError: an answer is already being given.
        """
        if self.active is not None:
            raise ProtocolError(
                f"The conversation already has an active response, {self.active.id}; "
                "wait for its `response.done` or send `response.cancel`.",
                code="conversation_already_has_active_response",
            )
        resource = ResponseObject(
            id=new_id("resp"),
            status="in_progress",
            conversation_id=conversation_id,
            output_modalities=[settings.modality],
            max_output_tokens=settings.max_output_tokens,
            audio=settings.audio,
            metadata=metadata,
        )
        self._conversation.history[:] = self._items.messages()
        self._conversation.character = settings.character(self._character)
        response = Response(resource, new_id("item"), self._items, self._emit)
        response.begin()
        self.played_us = None
        self.active = response
        self._task = asyncio.create_task(self._run(response, settings))

    async def cancel(self, response_id: str | None) -> None:
        """Stops the answer that is being given and waits for its `response.done`.

        Raises:
            ProtocolError: none is being given, or another one.
        """
        if self.active is None or response_id not in (None, self.active.id):
            raise ProtocolError(
                "Expected the active response to cancel, but "
                + ("none is being given." if self.active is None else f"that is {self.active.id}."),
                code="response_cancel_not_active",
                param="response_id" if response_id else None,
            )
        # The task may have been made a moment ago; only a reply that has begun can be cancelled.
        await asyncio.sleep(0)
        await self._conversation.cancel()
        await self.settled()

    async def settled(self) -> None:
        """Returns when no answer is being given."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def spoken(self, item_id: str) -> Response | None:
        """The answer that was spoken as this item, if it was."""
        return self._spoken.get(item_id)

    def forget(self, item_id: str) -> None:
        self._spoken.pop(item_id, None)

    async def aclose(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, response: Response, settings: Settings) -> None:
        status: Ending = "failed"
        metrics, error, lines = None, None, None
        try:
            metrics = await self._conversation.reply(
                response.write, settings.options(), turn_id=response.id
            )
            status = "incomplete" if metrics.finish_reason == "length" else "completed"
        except asyncio.CancelledError:
            if self._is_cancelling():
                raise
            status = "cancelled"
        except IdolError as problem:
            error = StatusError(
                type="server_error", code=type(problem).__name__, message=str(problem)
            )
        except Exception as problem:  # a defect must end this answer, not the connection
            # The message may quote what was said, so only type and place are logged.
            log.error("turn failed", extra={"error": type(problem).__name__}, exc_info=False)
            error = StatusError(
                type="server_error",
                code="internal_error",
                message="The answer failed by a defect of the server; please report it.",
            )
        if status not in ("completed", "incomplete") and not response.is_text:
            lines = response.said(self.played_us)
        self._finish(response, status, metrics, lines, error)

    def _finish(
        self,
        response: Response,
        status: Ending,
        metrics: TurnMetrics | None,
        lines: list[Line] | None,
        error: StatusError | None,
    ) -> None:
        ended = response.end(
            status,
            text=None if lines is None else words_of(lines),
            remembered=self._conversation.written if lines is None else written_of(lines),
            error=error,
        )
        if not response.is_text:
            self._spoken[response.item_id] = response
        self.active = None
        self._metrics.turn(status, metrics)
        ended.announce(self._emit, metrics)

    @staticmethod
    def _is_cancelling() -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
