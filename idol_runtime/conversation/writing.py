"""How the dialogue model is asked for a reply, until it writes one that is new."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import lru_cache
from typing import Final

import msgspec
from msgspec.structs import replace

from idol_protocol.items import MAX_REPLY_BYTES
from idol_runtime.character import lines_of
from idol_runtime.conversation.attempts import ReplyClause, ReplyClauses, Stale, fresh_clauses
from idol_runtime.conversation.freshness import Freshness, SaidBefore, are_alike
from idol_runtime.conversation.hooks import Occasion
from idol_runtime.conversation.identity import asks_for_own_name, names_given
from idol_runtime.conversation.models import Models
from idol_runtime.conversation.plain_speech import PlainSpeech
from idol_runtime.conversation.prompt import Prompt, build_prompt
from idol_runtime.conversation.reply_reader import Lines, Piece, ReplyReader
from idol_runtime.conversation.turn_metrics import TurnWatch
from idol_runtime.conversation.turn_request import TurnRequest
from idol_runtime.dialogue.messages import ChatMessage, DialogueRequest, TextDelta

COMPARED: Final = 60
"""Earlier replies, the newest, that a new one is compared with."""
WARMER: Final = 0.3
"""Added to the temperature with each further attempt."""
DEFAULT_TEMPERATURE: Final = 0.3


async def written_clauses(request: TurnRequest, models: Models, watch: TurnWatch) -> ReplyClauses:
    """What the dialogue model has to say, clause by clause."""
    prompt = build_prompt(
        request.character,
        request.occasion.history,
        request.options.instructions,
        request.allowed.actions,
    )
    prompt = await request.hooks.read_prompt(request.occasion, prompt)

    def attempt(number: int) -> ReplyClauses:
        deltas = _deltas(_dialogue_request(request, prompt, number), models, watch)
        return clauses_of(deltas, request)

    if not request.is_to_be_new:
        async with aclosing(attempt(0)) as clauses:
            async for clause in clauses:
                yield clause
        return

    def way_out(stale: Stale | None) -> ReplyClauses:
        return clauses_of(whole(_scripted(request, stale)), request)

    fresh = fresh_clauses(attempt, Freshness(_said_before(request, prompt)), way_out, watch.stale)
    async with aclosing(fresh) as clauses:
        async for clause in clauses:
            yield clause


async def whole(text: str) -> AsyncGenerator[str, None]:
    """A text that is written already."""
    yield text


async def clauses_of(deltas: AsyncGenerator[str, None], request: TurnRequest) -> ReplyClauses:
    """Cuts a reply into clauses while it is written."""
    character = request.character
    plain = PlainSpeech(character.name, _others(request))
    reader, lines, raw = ReplyReader(request.allowed), Lines(), ""

    def take(pieces: list[Piece]) -> list[ReplyClause]:
        nonlocal raw
        found = []
        for piece in pieces:
            raw += piece if isinstance(piece, str) else ""
            for line in lines.push(piece):
                end = raw.index(line.text) + len(line.text)
                found.append(ReplyClause(line, raw[:end]))
                raw = raw[end:]
        return found

    async with aclosing(deltas):
        async for delta in deltas:
            for clause in take(reader.push(plain.push(delta))):
                yield clause
            if plain.is_over:
                break
    for clause in take([*reader.push(plain.flush()), *reader.flush()]):
        yield clause
    for line in lines.flush():
        end = raw.index(line.text) + len(line.text)
        yield ReplyClause(line, raw[:end])
        raw = raw[end:]


async def _deltas(
    request: DialogueRequest, models: Models, watch: TurnWatch
) -> AsyncGenerator[str, None]:
    size = 0
    async with aclosing(models.dialogue.stream(request)) as items:
        async for item in items:
            watch.generated(item)
            if isinstance(item, TextDelta):
                size += len(msgspec.json.encode(item.text)) - len('""')
                if size > MAX_REPLY_BYTES:
                    watch.cut_off()
                    return
                yield item.text


def _dialogue_request(request: TurnRequest, prompt: Prompt, attempt: int) -> DialogueRequest:
    options, sampling = request.options, request.character.sampling
    temperature = sampling.temperature if options.temperature is None else options.temperature
    if attempt:
        temperature = min(1.0, (temperature or DEFAULT_TEMPERATURE) + WARMER * attempt)
    return DialogueRequest(
        prompt.messages(),
        replace(sampling, temperature=temperature),
        options.max_tokens,
        None if options.seed is None else options.seed + attempt,
        # Who asks for a text in words of their own may want one of any form.
        cues=None if options.instructions and not options.spoken else request.allowed,
        fresh_against=_earlier_replies(request.occasion) if request.is_to_be_new else (),
    )


def _said_before(request: TurnRequest, prompt: Prompt) -> SaidBefore:
    """What was said and read before: an example may be followed where it answers just this."""
    said = request.occasion.said
    others = [
        example.reply for example in request.character.examples if not are_alike(example.user, said)
    ]
    read = [each.content for each in prompt.opening if each.role == "system"]
    return SaidBefore(
        own=tuple(_spoken(text) for text in (*others, *_earlier_replies(request.occasion))),
        said=said,
        read=(*read, *prompt.notes),
        name=request.character.name,
        others=_others(request),
    )


def _earlier_replies(occasion: Occasion) -> tuple[str, ...]:
    """Of the whole conversation: a prompt may hold less of it."""
    said = (each.content for each in occasion.history if each.role == "assistant")
    return tuple(said)[-COMPARED:]


def _scripted(request: TurnRequest, stale: Stale | None) -> str:
    """The way out: what was asked before is answered as before, and said so; names are known."""
    character, said = request.character, request.occasion.said
    if stale is not None and stale.why == "poses":
        name = request.occasion.speaker.name or "".join(_names(request.occasion)[-1:])
        kind = "your_name" if name and asks_for_own_name(said) else "my_name"
        line = _new(lines_of(character.lines, kind, character.language), request.occasion.history)
        return line.replace("{name}", name).replace("{self}", character.name)
    earlier = [each.content for each in request.occasion.history if each.role == "user"][:-1]
    asked_again = any(are_alike(each, said) for each in earlier)
    if stale is not None and stale.why == "repeats" and asked_again:
        lines = lines_of(character.lines, "again", character.language)
        return _new(lines, request.occasion.history).replace("{answer}", stale.text)
    return _new(lines_of(character.lines, "lost", character.language), request.occasion.history)


def _new(lines: Sequence[str], history: tuple[ChatMessage, ...]) -> str:
    """The line that was said least, and of those the first."""
    said = [each.content for each in history if each.role == "assistant"]
    heads = [line.partition("{")[0].strip() for line in lines]
    times = [sum(head in each for each in said) for head in heads]
    return lines[times.index(min(times))]


def _others(request: TurnRequest) -> frozenset[str]:
    """The names of those it talks with, as they gave them, in small letters."""
    occasion = request.occasion
    names = (*_names(occasion), occasion.speaker.name, *occasion.company)
    given = {name.casefold() for name in names}
    return frozenset(given) - {*request.character.name.casefold().split(), ""}


def _names(occasion: Occasion) -> list[str]:
    return names_given(each.content for each in occasion.history if each.role == "user")


@lru_cache(maxsize=512)
def _spoken(text: str) -> tuple[str, ...]:
    """The clauses of an earlier reply, without tags."""
    reader, lines = ReplyReader(), Lines()
    pieces = [*reader.push(text), *reader.flush()]
    made = [line for piece in pieces for line in lines.push(piece)]
    return tuple(line.text for line in (*made, *lines.flush()) if line.text)
