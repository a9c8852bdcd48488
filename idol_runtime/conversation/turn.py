"""One turn, start to end: what the user said becomes words, a voice, a face and a body.

    user text -> [text in] -> the conversation -> [answer] or [prompt] -> reply deltas
        -> clauses and cues -> [text out] -> speech -> the timeline -> [ended]

What stands in brackets are the hooks of the conversation. The face and the body are not in this
file: the stage moves every character all the time and reads what is said from the same timeline.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol
from uuid import uuid4

from idol_runtime.conversation.manner import Manner
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.run_ahead import run_ahead
from idol_runtime.conversation.turn_metrics import TurnMetrics, TurnWatch
from idol_runtime.conversation.turn_request import TurnRequest
from idol_runtime.conversation.wishes import Wish
from idol_runtime.conversation.writing import clauses_of, whole, written_clauses
from idol_runtime.speech.types import SpeechRequest
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.utterance import Line, Utterance


class Reply(Protocol):
    """Takes a reply while it is made."""

    def show(self, text: str) -> None:
        """The next piece as a user reads it: without tags."""
        ...

    def add(self, line: Line) -> None:
        """The next clause, before it is said."""
        ...


async def run_turn(
    request: TurnRequest, models: Models, performer: Performer, reply: Reply
) -> TurnMetrics:
    """Answers one turn and returns when the last sound has been handed to the outputs.

    Cancelling the task stops the dialogue model within one token and the voice within one chunk;
    what was already placed on the timeline is for the caller to cut.
    """
    performer.activity = "think"
    manner = Manner()
    with TurnWatch(performer) as watch:
        language = await request.hooks.language_of(request.occasion)
        made = _lines(request, models, watch, reply)
        async with aclosing(run_ahead(made, limit=8)) as lines:
            async for line in lines:
                watch.clause()
                if request.options.spoken and line.text:
                    speech = manner.of(line, _speech(line, request, language))
                    await _say(speech, _utterance(line, request), models, performer, watch)
                else:
                    performer.perform(_utterance(line, request))
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
    hooks, scripted = request.hooks, request.greeting
    if scripted is None:
        scripted = await hooks.answer_to(request.occasion)
    else:
        scripted = await hooks.greeting_to(request.occasion) or scripted
    if scripted is None:
        clauses = written_clauses(request, models, watch)
        wish = Wish(request.occasion.said, request.character.gestures)
    else:
        clauses = clauses_of(whole(scripted), request)
        wish = Wish("", ())
    async with aclosing(clauses):
        async for clause in clauses:
            line = clause.line
            passed = line if scripted else await hooks.read_out(request.occasion, line)
            if passed is not None:
                passed = wish.granted(passed)
                reply.show(clause.shown.replace(line.text, passed.text))
                reply.add(passed)
                yield passed


def _utterance(line: Line, request: TurnRequest) -> Utterance:
    return Utterance(f"utt_{uuid4().hex[:12]}", request.id, line.text, line.cues)


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
