"""One turn, start to end: what the user said becomes words, a voice, a face and a body.

    user text -> prompt -> reply deltas -> clauses and gestures -> speech -> the timeline

The face and the body are not in this file: the stage moves every character all the time and
reads what is said from the same timeline.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from uuid import uuid4

from idol_runtime.character import Character
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.prompt import build_prompt
from idol_runtime.conversation.reply_reader import GestureReader, Lines, Piece
from idol_runtime.conversation.run_ahead import run_ahead
from idol_runtime.conversation.turn_metrics import TurnMetrics, TurnWatch
from idol_runtime.dialogue.messages import ChatMessage, DialogueRequest, TextDelta
from idol_runtime.speech.types import SpeechRequest
from idol_runtime.stage.performer import Performer
from idol_runtime.stage.utterance import Line, Utterance


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange with a character."""

    id: str
    character: Character
    history: tuple[ChatMessage, ...]
    """The conversation so far; the last message is what the user just said."""
    instructions: str = ""
    """Added to the persona for this turn."""
    scripted_reply: str | None = None
    """Said word for word instead of asking the dialogue model, as a greeting is."""
    spoken: bool = True
    """False for a reply in text only: the body stays, the voice is silent."""
    max_tokens: int | None = None
    voice: str | None = None
    seed: int | None = None
    """Draws the reply; None draws a new one each time."""


async def run_turn(
    turn: Turn,
    models: Models,
    performer: Performer,
    on_reply: Callable[[str], None],
    on_written: Callable[[str], None] = lambda text: None,
) -> TurnMetrics:
    """Answers one turn and returns when the last sound has been handed to the outputs.

    Args:
        turn: What to answer.
        models: Write and speak the reply.
        performer: Says it.
        on_reply: Told the reply piece by piece, as it is said: without gesture tags.
        on_written: Told the same as the dialogue model wrote it, tags and all.

    Cancelling the task stops the dialogue model within one token and the voice within one chunk;
    what was already placed on the timeline is for the caller to cut.
    """
    performer.activity = "think"
    with TurnWatch(performer) as watch:
        deltas = _reply(turn, models, watch, on_written)
        async with aclosing(run_ahead(_lines(turn, deltas, on_reply), limit=8)) as lines:
            async for line in lines:
                watch.clause()
                if turn.spoken and line.text:
                    await _say(line, turn, models, performer, watch)
                else:
                    performer.perform(line.gestures, _utterance(line, turn))
        await performer.delivered()
        performer.activity = "idle"
        return watch.metrics()


async def _reply(
    turn: Turn, models: Models, watch: TurnWatch, on_written: Callable[[str], None]
) -> AsyncGenerator[str, None]:
    if turn.scripted_reply is not None:
        on_written(turn.scripted_reply)
        yield turn.scripted_reply
        return
    async with aclosing(models.dialogue.stream(_prompt(turn))) as items:
        async for item in items:
            watch.generated(item)
            if isinstance(item, TextDelta):
                on_written(item.text)
                yield item.text


def _prompt(turn: Turn) -> DialogueRequest:
    messages = build_prompt(turn.character, turn.history, turn.instructions)
    return DialogueRequest(messages, turn.character.sampling, turn.max_tokens, turn.seed)


async def _lines(
    turn: Turn, deltas: AsyncIterator[str], on_reply: Callable[[str], None]
) -> AsyncGenerator[Line, None]:
    reader, lines = GestureReader(turn.character.gestures), Lines()

    def take(pieces: list[Piece]) -> Iterator[Line]:
        for piece in pieces:
            if isinstance(piece, str):
                on_reply(piece)
            yield from lines.push(piece)

    async for delta in deltas:
        for line in take(reader.push(delta)):
            yield line
    for line in (*take(reader.flush()), *lines.flush()):
        yield line


def _utterance(line: Line, turn: Turn) -> Utterance:
    return Utterance(f"utt_{uuid4().hex[:12]}", turn.id, line.text, line.gestures)


async def _say(
    line: Line, turn: Turn, models: Models, performer: Performer, watch: TurnWatch
) -> None:
    voice = turn.character.voice
    request = SpeechRequest(
        line.text, turn.voice or voice.name, turn.character.language, voice.speed
    )
    utterance = _utterance(line, turn)
    async with aclosing(models.speech.stream(request)) as chunks:
        async for chunk in chunks:
            watch.spoke(chunk)
            await performer.speak(utterance, chunk)
            watch.placed()
