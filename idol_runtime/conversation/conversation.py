"""A conversation: a character on the stage, what was said so far, at most one turn at a time."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import UNSET

from idol_protocol.items import (
    MAX_TEXT_CHARS,
    Content,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputText,
    ItemReference,
    MessageItem,
)
from idol_protocol.items import Item as AnyItem
from idol_runtime.character import Character
from idol_runtime.conversation.events import (
    ConversationEvent,
    ItemAdded,
    ItemDeleted,
    ItemTruncated,
    ReplyText,
    TurnEnded,
    TurnStarted,
)
from idol_runtime.conversation.hooks import (
    Exchange,
    MakeHooks,
    Meeting,
    Occasion,
    no_hooks,
)
from idol_runtime.conversation.items import (
    NOBODY_KNOWN,
    Item,
    ItemLimits,
    Items,
    Speaker,
    call_item,
    check_message,
    check_text,
    messages_of,
    new_id,
)
from idol_runtime.conversation.letting_go import to_let_go
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.reading_ahead import ReadingAhead
from idol_runtime.conversation.reply_options import AS_THE_CHARACTER, ReplyOptions
from idol_runtime.conversation.turn_handle import Ended, Turn
from idol_runtime.conversation.turn_request import TurnRequest
from idol_runtime.conversation.world import World
from idol_runtime.errors import RequestError
from idol_runtime.stage.performer import Performer

log = logging.getLogger(__name__)

CLOSING_S: Final = 5.0
"""How long a conversation that ends waits for its hooks."""

Subscriber = Callable[[ConversationEvent], None]


class Conversation:
    """What is said to a character and by it; the only owner of that."""

    def __init__(
        self,
        character: Character,
        performer: Performer,
        models: Models,
        make_hooks: MakeHooks = no_hooks,
        limits: ItemLimits | None = None,
        *,
        character_id: str = "",
    ) -> None:
        """Begins one, empty.

        Args:
            character: Who is spoken to.
            performer: Its body on the stage.
            models: Write and speak its answers.
            make_hooks: Makes the hooks of this conversation.
            limits: How much it holds.
            character_id: The name of the character's folder.
        """
        self.id = new_id("conv")
        self.character = character
        self.performer = performer
        self.items = Items(limits)
        self.turn: Turn | None = None
        """The answer that is being given, if one is."""
        self.world = World()
        """What the host says is so."""
        self._let_go = 0
        """How many messages, the oldest, are there no more."""
        self._models = models
        meeting = Meeting(
            character_id,
            character,
            self.id,
            performer.feel,
            models.dialogue,
            models.voice,
            models.context,
            self.world,
        )
        self._ahead = ReadingAhead(models)
        self._hooks = make_hooks(meeting) + self._ahead.hooks
        self._subscribers: list[Subscriber] = []
        self._telling: set[asyncio.Task[None]] = set()
        """Hooks that are told of answers that were given."""

    def subscribe(self, subscriber: Subscriber) -> None:
        """Calls `subscriber` with what happens, in the loop's thread: at once with the start of an
        answer that is being given.
        """
        self._subscribers.append(subscriber)
        if self.turn is not None:
            subscriber(self._started(self.turn))

    def unsubscribe(self, subscriber: Subscriber) -> None:
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)

    # What is said to the character

    def hear(self, text: str, speaker: Speaker = NOBODY_KNOWN) -> Item:
        """Adds what a user said; the character listens.

        Raises:
            RequestError: the text is empty or too long, or a hook refuses it.
        """
        message = MessageItem(role="user", content=[InputText(text=text)])
        return self.add(message, speaker=speaker)

    def add(
        self, message: AnyItem, after: str | None = None, *, speaker: Speaker = NOBODY_KNOWN
    ) -> Item:
        """Adds a message, or what came of an action, at the end, after an item, or (`root`) first.

        Raises:
            RequestError: a message that cannot be answered, no such place, or a hook refuses it.
        """
        if not isinstance(message, MessageItem):
            return self._add_of_action(message, after)
        check_message(message)
        message = self._read_in(message)
        message = msgspec.structs.replace(message, status="completed", speaker=UNSET)
        item = self._insert(message, after, speaker)
        if message.role == "user" and self.turn is None:
            self.performer.activity = "listen"
        self._tell(ItemAdded(item, self.items.previous_id(item.id)))
        return item

    def _add_of_action(
        self, message: FunctionCallItem | FunctionCallOutputItem, after: str | None
    ) -> Item:
        if isinstance(message, FunctionCallItem):
            raise RequestError(
                "Expected a message or a `function_call_output`, found a `function_call`: the "
                "character alone calls its actions.",
                code="invalid_field",
                param="item.type",
            )
        name = self.items.name_of(message.call_id)
        check_text(message.output, "item.output")
        note = f"The result of {name}: {' '.join(message.output.split())}"
        message = msgspec.structs.replace(message, status="completed")
        item = self._insert(message, after, written=note)
        self._tell(ItemAdded(item, self.items.previous_id(item.id)))
        return item

    def overhear(self, text: str, speaker: Speaker, *, is_named: bool) -> Item:
        """Adds what was said to another character, or by one.

        Args:
            text: As it was said there.
            speaker: Who said it.
            is_named: Whether the dialogue model reads the speaker's name and a colon in front.

        Raises:
            RequestError: the conversation is full.
        """
        text = text[:MAX_TEXT_CHARS]
        message = MessageItem(
            role="user",
            status="completed",
            content=[InputText(text=text)],
            speaker=speaker.name if is_named else UNSET,
        )
        written = f"{speaker.name}: {text}" if is_named else None
        item = self._insert(message, speaker=speaker, written=written)
        self._tell(ItemAdded(item, self.items.previous_id(item.id)))
        return item

    def delete(self, item_id: str) -> None:
        """Raises `RequestError`: no such item, or it is still being spoken."""
        self._refuse_active(item_id)
        self.items.delete(item_id)
        self._tell(ItemDeleted(item_id))

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Cuts an answer to what was heard of it.

        Raises:
            RequestError: no such item, it was not or is still being spoken, or it is shorter.
        """
        item = self.items.get(item_id)
        self._refuse_active(item_id)
        if item.speech is None or content_index != 0:
            raise RequestError(
                "Expected the id of a spoken answer and content_index 0; "
                "only what was said aloud can be truncated.",
                code="item_not_truncatable",
                param="item_id" if item.speech is None else "content_index",
            )
        audio_ms = item.speech.audio_ms
        if not 0 <= audio_end_ms <= audio_ms:
            raise RequestError(
                f"Expected at most the {audio_ms} ms of sound the item has, found {audio_end_ms}.",
                code="audio_end_too_late",
                param="audio_end_ms",
            )
        if audio_end_ms < audio_ms:
            self.items.put(item.cut(item.speech.until_ms(audio_end_ms)))
        self._tell(ItemTruncated(item_id, audio_end_ms))

    # What the character says

    def reply(self, options: ReplyOptions = AS_THE_CHARACTER) -> Turn:
        """Begins an answer to what was said, or a greeting when nothing was said yet.

        The conversation keeps what was really said: of an answer that is cancelled or fails, only
        the clauses that were heard. Gesture tags stay in what the dialogue model reads, so that it
        goes on using them.

        Raises:
            RequestError: an answer is already being given, the conversation is full, or the
                context names what is not there.
        """
        if self.turn is not None:
            raise RequestError(
                f"The conversation already has an active response, {self.turn.id}; "
                "wait for its `response.done` or send `response.cancel`.",
                code="conversation_already_has_active_response",
            )
        request = self._request(options)
        item_id = self._insert(_empty()).id if options.joins else new_id("item")
        self.turn = turn = Turn(
            request, item_id, self._models, self.performer, self._reply_goes_on, self._turn_ended
        )
        self._tell(self._started(turn))
        return turn

    def aside(self, options: ReplyOptions, tell: Subscriber) -> Turn:
        """Begins an answer in text that does not join the conversation, whatever else is said.

        Args:
            options: With `is_aside`.
            tell: Told of it, as nobody else is.

        Raises:
            RequestError: the context names what is not there.
        """
        assert options.is_aside
        turn = Turn(
            self._request(options),
            new_id("item"),
            self._models,
            None,
            lambda turn, text: tell(ReplyText(turn.id, text)),
            lambda turn, ended: tell(TurnEnded(turn.id, None, ended)),
        )
        tell(self._started(turn))
        return turn

    async def cancel(self) -> None:
        """Stops the answer that is being given, if any, and waits until it has stopped."""
        if (turn := self.turn) is not None:
            turn.cancel()
            await turn

    async def aclose(self) -> None:
        """Stops the answer that is being given and returns when all hooks were told."""
        await self.cancel()
        self._ahead.stop()
        if self._telling:
            await asyncio.wait(self._telling, timeout=CLOSING_S)

    def _request(self, options: ReplyOptions) -> TurnRequest:
        occasion = self._occasion(options)
        # Who is told what to say has no use for the character's own first words.
        is_first = not occasion.history and not options.instructions.strip()
        greeting = self._greeting(options.seed) if is_first else None
        return TurnRequest(
            new_id("resp"),
            self.character,
            occasion,
            options,
            self._hooks,
            greeting=greeting or None,
        )

    def _greeting(self, seed: int | None) -> str:
        """The character's own first words: one of several, where it has several."""
        others = self.character.alternate_greetings
        return random.Random(seed).choice([self.character.greeting, *others])

    def _occasion(self, options: ReplyOptions) -> Occasion:
        items = self._answered_items(options)
        said = next((each for each in reversed(items) if each.role != "system"), None)
        if said is None:
            speaker, text = options.asked_by, ""
        elif said.role != "user":
            speaker, text = NOBODY_KNOWN, ""
        else:
            speaker, text = said.speaker, said.text
        return Occasion(
            speaker,
            text,
            messages_of(items),
            options.spoken,
            self.world.company,
            self._let_go if options.context is None else None,
        )

    def _answered_items(self, options: ReplyOptions) -> list[Item]:
        """What an answer is given to."""
        if options.context is None:
            return list(self.items)
        given = []
        for number, each in enumerate(options.context):
            param = f"response.input[{number}]"
            if isinstance(each, ItemReference):
                given.append(self.items.get(each.id, f"{param}.id"))
            else:
                check_message(each, param)
                given.append(Item(self._read_in(each)))
        return given

    def _read_in(self, message: MessageItem) -> MessageItem:
        """What a user said, as the hooks let it in."""
        if message.role != "user":
            return message
        content: list[Content] = [
            InputText(text=self._hooks.read_in(part.text))
            for part in message.content
            if isinstance(part, InputText)
        ]
        return msgspec.structs.replace(message, content=content)

    def _insert(
        self,
        message: AnyItem,
        after: str | None = None,
        speaker: Speaker = NOBODY_KNOWN,
        *,
        written: str | None = None,
    ) -> Item:
        """Adds an item; a full conversation lets go of its oldest exchanges before."""
        gone = to_let_go(self.items, Item(message, written).num_bytes, after)
        for each in gone:
            self.items.delete(each.id)
        self._let_go += len(messages_of(gone))
        for each in gone:
            self._tell(ItemDeleted(each.id))
        return self.items.insert(message, after, speaker, written=written)

    def _started(self, turn: Turn) -> TurnStarted:
        if not turn.options.joins:
            return TurnStarted(turn.id, Item(_empty(turn.item_id)), None, turn.options)
        item = self.items.get(turn.item_id)
        return TurnStarted(turn.id, item, self.items.previous_id(item.id), turn.options)

    def _reply_goes_on(self, turn: Turn, text: str) -> None:
        self._tell(ReplyText(turn.id, text))

    def _turn_ended(self, turn: Turn, ended: Ended) -> None:
        self.turn = previous_id = None
        if turn.options.joins:
            self.items.put(ended.item)
            self._keep_calls(turn.item_id, ended)
            previous_id = self.items.previous_id(turn.item_id)
            self._tell_hooks(Exchange(turn.occasion, ended.item.text))
            self._ahead.begin(messages_of(self.items))
        self._tell(TurnEnded(turn.id, previous_id, ended))

    def _keep_calls(self, item_id: str, ended: Ended) -> None:
        for call in ended.calls:
            try:
                item_id = self._insert(call_item(call), item_id).id
            except RequestError:  # the conversation is full; the call was made all the same
                return

    def _tell_hooks(self, exchange: Exchange) -> None:
        if not self._hooks.ended:
            return
        task = asyncio.create_task(self._hooks.tell(exchange))
        self._telling.add(task)
        task.add_done_callback(self._told)

    def _told(self, task: "asyncio.Task[None]") -> None:
        self._telling.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("hook failed", extra={"error": type(error).__name__})

    def _tell(self, event: ConversationEvent) -> None:
        for subscriber in tuple(self._subscribers):
            if subscriber not in self._subscribers:  # one before it has unsubscribed it
                continue
            try:
                subscriber(event)
            except Exception as error:  # one that fails must not end the others' conversation
                self.unsubscribe(subscriber)
                log.error("subscriber dropped", extra={"error": type(error).__name__})

    def _refuse_active(self, item_id: str) -> None:
        if self.turn is not None and self.turn.item_id == item_id:
            raise RequestError(
                "The item is still being spoken; send `response.cancel` first.",
                code="item_in_progress",
                param="item_id",
            )


def _empty(item_id: str | None = None) -> MessageItem:
    """An answer of which nothing is made yet."""
    return MessageItem(id=item_id, status="in_progress", role="assistant", content=[])
