"""One turn, start to end: what the user said becomes words, a voice, a face and a body.

    user text -> [text in] -> the conversation -> [answer] or [prompt] -> reply deltas
        -> clauses and gestures -> [text out] -> speech -> the timeline -> [ended]

What stands in brackets are the hooks of the conversation. The face and the body are not in this
file: the stage moves every character all the time and reads what is said from the same timeline.
"""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from idol_protocol.items import MAX_REPLY_BYTES
from idol_runtime.character import Character
from idol_runtime.conversation.hooks import Hooks, Occasion
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.prompt import build_prompt
from idol_runtime.conversation.reply_options import ReplyOptions
from idol_runtime.conversation.reply_reader import GestureReader, Lines, Piece
from idol_runtime.conversation.run_ahead import run_ahead
from idol_runtime.conversation.turn_metrics import TurnMetrics, TurnWatch
from idol_runtime.dialogue.messages import DialogueRequest, TextDelta
from idol_runtime.speech.types import SpeechRequest
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.utterance import Line, Utterance


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """What is to be answered, and how."""

    id: str
    character: Character
    occasion: Occasion
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
        language = await request.hooks.language_of(request.occasion)
        made = _lines(request, models, watch, reply)
        async with aclosing(run_ahead(made, limit=8)) as lines:
            async for line in lines:
                watch.clause()
                if request.options.spoken and line.text:
                    speech = _speech(line, request, language)
                    await _say(speech, _utterance(line, request), models, performer, watch)
                else:
                    performer.perform(line.gestures, _utterance(line, request))
        await performer.delivered()
        performer.activity = "idle"
        return watch.metrics()


async def run_aside(request: TurnRequest, models: Models, reply: Reply) -> TurnMetrics:
    """Answers in text alone, off the stage: nobody else sees or hears anything of it."""
    with TurnWatch() as watch:
        async with aclosing(_lines(request, models, watch, reply)) as lines:
            async for _ in lines:
                watch.clause()
        return watch.metrics()


async def _lines(
    request: TurnRequest, models: Models, watch: TurnWatch, reply: Reply
) -> AsyncGenerator[Line, None]:
    """The clauses of the answer, each as the hooks let it pass."""
    hooks, scripted = request.hooks, request.scripted_reply
    if scripted is None:
        scripted = await hooks.answer_to(request.occasion)
    is_checked = scripted is None and bool(hooks.text_out)
    deltas = _written(request, models, watch) if scripted is None else _whole(scripted)
    # Where clauses are checked, nothing of one is shown before it has passed.
    show = None if is_checked else reply.show
    async with aclosing(_clauses(request, deltas, reply, show)) as clauses:
        async for line in clauses:
            passed = await hooks.read_out(request.occasion, line) if is_checked else line
            if passed is not None:
                if is_checked and passed.text:
                    reply.show(passed.text + " ")
                yield passed


async def _whole(text: str) -> AsyncGenerator[str, None]:
    yield text


async def _written(
    request: TurnRequest, models: Models, watch: TurnWatch
) -> AsyncGenerator[str, None]:
    """What the dialogue model writes."""
    size = 0
    async with aclosing(models.dialogue.stream(await _dialogue_request(request))) as items:
        async for item in items:
            watch.generated(item)
            if isinstance(item, TextDelta):
                size += len(msgspec.json.encode(item.text)) - len('""')
                if size > MAX_REPLY_BYTES:
                    watch.cut_off()
                    return
                yield item.text


async def _dialogue_request(request: TurnRequest) -> DialogueRequest:
    options, sampling = request.options, request.character.sampling
    if options.temperature is not None:
        sampling = replace(sampling, temperature=options.temperature)
    prompt = build_prompt(request.character, request.occasion.history, options.instructions)
    prompt = await request.hooks.read_prompt(request.occasion, prompt)
    return DialogueRequest(prompt.messages(), sampling, options.max_tokens, options.seed)


async def _clauses(
    request: TurnRequest,
    deltas: AsyncGenerator[str, None],
    reply: Reply,
    show: Callable[[str], None] | None,
) -> AsyncGenerator[Line, None]:
    reader, lines = GestureReader(request.character.gestures), Lines()

    def take(pieces: list[Piece]) -> Iterator[Line]:
        for piece in pieces:
            if show is not None and isinstance(piece, str):
                show(piece)
            yield from lines.push(piece)

    async with aclosing(deltas):
        async for delta in deltas:
            reply.write(delta)
            for line in take(reader.push(delta)):
                yield line
    for line in (*take(reader.flush()), *lines.flush()):
        yield line


def _utterance(line: Line, request: TurnRequest) -> Utterance:
    return Utterance(f"utt_{uuid4().hex[:12]}", request.id, line.text, line.gestures)


def _speech(line: Line, request: TurnRequest, language: str | None) -> SpeechRequest:
    voice, options = request.character.voice, request.options
    name = options.voice or voice.name
    if language is not None:
        name = voice.by_language.get(language, name)
    return SpeechRequest(
        line.text,
        name,
        language or request.character.language,
        options.speed or voice.speed,
        is_foreign=language is not None and language not in voice.by_language,
    )


async def _say(
    speech: SpeechRequest,
    utterance: Utterance,
    models: Models,
    performer: Performer,
    watch: TurnWatch,
) -> None:
    async with aclosing(models.speech.stream(speech)) as chunks:
        async for chunk in chunks:
            watch.spoke(chunk)
            await performer.speak(utterance, chunk)
            watch.placed()
