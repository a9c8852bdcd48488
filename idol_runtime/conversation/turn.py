"""One turn, start to end: what the user said becomes words, a voice, a face and a body.

    user text -> [text in] -> the conversation -> [prompt] -> reply deltas
        -> clauses and gestures -> [text out] -> speech -> the timeline

What stands in brackets are the hooks of the conversation. The face and the body are not in this
file: the stage moves every character all the time and reads what is said from the same timeline.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from idol_protocol.items import MAX_REPLY_BYTES
from idol_runtime.character import Character
from idol_runtime.conversation.hooks import Hooks
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.prompt import build_prompt
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.reply_reader import GestureReader, Lines, Piece
from idol_runtime.conversation.run_ahead import run_ahead
from idol_runtime.conversation.turn_metrics import TurnMetrics, TurnWatch
from idol_runtime.dialogue.messages import ChatMessage, DialogueRequest, TextDelta
from idol_runtime.speech.types import SpeechRequest
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.utterance import Line, Utterance


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """What is to be answered, and how."""

    id: str
    character: Character
    history: tuple[ChatMessage, ...]
    """The conversation so far; the last message is what the user just said."""
    options: ReplyOptions
    hooks: Hooks
    scripted_reply: str | None = None
    """Said word for word instead of asking the dialogue model, as a greeting is."""


class Reply(Protocol):
    """Takes a reply while it is made."""

    def show(self, text: str) -> None:
        """The next piece as a user reads it: without gesture tags."""
        ...

    def write(self, text: str) -> None:
        """The next piece as the dialogue model wrote it, tags and all."""
        ...


async def run_turn(
    request: TurnRequest, models: Models, performer: Performer, reply: Reply
) -> TurnMetrics:
    """Answers one turn and returns when the last sound has been handed to the outputs.

    Cancelling the task stops the dialogue model within one token and the voice within one chunk;
    what was already placed on the timeline is for the caller to cut.
    """
    performer.activity = "think"
    with TurnWatch(performer) as watch:
        deltas = _deltas(request, models, watch, reply)
        async with aclosing(run_ahead(_lines(request, deltas, reply), limit=8)) as lines:
            async for line in lines:
                watch.clause()
                if request.options.spoken and line.text:
                    await _say(line, request, models, performer, watch)
                else:
                    performer.perform(line.gestures, _utterance(line, request))
        await performer.delivered()
        performer.activity = "idle"
        return watch.metrics()


async def run_aside(request: TurnRequest, models: Models, reply: Reply) -> TurnMetrics:
    """Answers in text alone, off the stage: nobody else sees or hears anything of it."""
    with TurnWatch() as watch:
        deltas = _deltas(request, models, watch, reply)
        async with aclosing(_lines(request, deltas, reply)) as lines:
            async for _ in lines:
                watch.clause()
        return watch.metrics()


async def _deltas(
    request: TurnRequest, models: Models, watch: TurnWatch, reply: Reply
) -> AsyncGenerator[str, None]:
    if request.scripted_reply is not None:
        reply.write(request.scripted_reply)
        yield request.scripted_reply
        return
    size = 0
    async with aclosing(models.dialogue.stream(await _dialogue_request(request))) as items:
        async for item in items:
            watch.generated(item)
            if isinstance(item, TextDelta):
                size += len(msgspec.json.encode(item.text)) - len('""')
                if size > MAX_REPLY_BYTES:
                    watch.cut_off()
                    return
                reply.write(item.text)
                yield item.text


async def _dialogue_request(request: TurnRequest) -> DialogueRequest:
    options, sampling = request.options, request.character.sampling
    if options.temperature is not None:
        sampling = replace(sampling, temperature=options.temperature)
    prompt = build_prompt(request.character, request.history, options.instructions)
    return DialogueRequest(
        await request.hooks.read_prompt(prompt), sampling, options.max_tokens, options.seed
    )


async def _lines(
    request: TurnRequest, deltas: AsyncGenerator[str, None], reply: Reply
) -> AsyncGenerator[Line, None]:
    reader, lines, hooks = GestureReader(request.character.gestures), Lines(), request.hooks

    def take(pieces: list[Piece]) -> Iterator[Line]:
        for piece in pieces:
            # Where clauses are checked, nothing of one is shown before it has passed.
            if isinstance(piece, str) and not hooks.text_out:
                reply.show(piece)
            yield from lines.push(piece)

    async def all_lines() -> AsyncGenerator[Line, None]:
        async with aclosing(deltas):
            async for delta in deltas:
                for line in take(reader.push(delta)):
                    yield line
        for line in (*take(reader.flush()), *lines.flush()):
            yield line

    async with aclosing(all_lines()) as made:
        async for line in made:
            passed = hooks.read_out(line)
            if passed is not None:
                if hooks.text_out and passed.text:
                    reply.show(passed.text + " ")
                yield passed


def _utterance(line: Line, request: TurnRequest) -> Utterance:
    return Utterance(f"utt_{uuid4().hex[:12]}", request.id, line.text, line.gestures)


async def _say(
    line: Line, request: TurnRequest, models: Models, performer: Performer, watch: TurnWatch
) -> None:
    voice, options = request.character.voice, request.options
    speech = SpeechRequest(
        line.text,
        options.voice or voice.name,
        request.character.language,
        options.speed or voice.speed,
    )
    utterance = _utterance(line, request)
    async with aclosing(models.speech.stream(speech)) as chunks:
        async for chunk in chunks:
            watch.spoke(chunk)
            await performer.speak(utterance, chunk)
            watch.placed()
