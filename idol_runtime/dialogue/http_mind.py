"""The engine `http`: another server's model gives a character its words.

A bundle of this engine holds no weights, only an address. Replies are tasks of one event loop in a
thread of its own, so that a server that is slow with one of them does not delay the others; to
close a reply cancels its task, which closes the request.
"""

import asyncio
import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from idol_runtime.character import HttpMind
from idol_runtime.dialogue.chat_completions import (
    ARRANGEMENTS,
    CompletionPiece,
    Unthinking,
    body_of,
    piece_of,
)
from idol_runtime.dialogue.engine import DialogueCapabilities
from idol_runtime.dialogue.messages import (
    DialogueRequest,
    Generated,
    GenerationDone,
    TextDelta,
)
from idol_runtime.errors import BundleError, ConfigError, InputError, RequestError
from idol_runtime.inference.bundle import open_verified
from idol_runtime.inference.service import StreamEnd
from idol_runtime.inference.session import Provider

CONNECT_S: Final = 4.0
STEP_S: Final = 0.05
"""A step waits so long for news at most; then whoever is waiting to be let in comes in."""
_TOO_MANY: Final = "server_overloaded"
_UNAVAILABLE: Final = "dialogue_unavailable"
_REFUSED_TEMPLATE: Final = (400, 422, 500)


@dataclass(eq=False, slots=True)
class HttpReply:
    """A reply on its way."""

    items: deque[Generated | StreamEnd] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None


class HttpDialogue:
    """A `Dialogue` whose model is somewhere else."""

    def __init__(self, mind: HttpMind, key: str = "") -> None:
        """Asks nobody anything yet; `key` goes into the header of every request, nowhere else."""
        self.mind = mind
        self.capabilities = DialogueCapabilities(context_length=mind.context_tokens)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._model = mind.model
        self._arrangement = 0
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._client: httpx.AsyncClient | None = None
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="http-mind", daemon=True
        )
        self._thread.start()

    def open(self, request: DialogueRequest) -> HttpReply:
        reply = HttpReply()
        self._loop.call_soon_threadsafe(self._begin, request, reply)
        return reply

    def step(self, live: Sequence[HttpReply]) -> list[tuple[HttpReply, Generated | StreamEnd]]:
        with self._news:
            self._news.wait_for(lambda: any(reply.items for reply in live), STEP_S)
            return [(reply, reply.items.popleft()) for reply in live if reply.items]

    def close(self, stream: HttpReply) -> None:
        self._loop.call_soon_threadsafe(self._cancel, stream)

    def shut(self) -> None:
        """Ends all replies and hangs up; nothing may be asked afterwards."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # What follows runs in the loop's thread.

    async def _hang_up(self) -> None:
        tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task(self._loop)}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def _begin(self, request: DialogueRequest, reply: HttpReply) -> None:
        reply.task = self._loop.create_task(self._answer(request, reply))

    def _cancel(self, reply: HttpReply) -> None:
        if reply.task is not None:
            reply.task.cancel()

    def _tell(self, reply: HttpReply, item: Generated | StreamEnd) -> None:
        with self._news:
            reply.items.append(item)
            self._news.notify()

    async def _answer(self, request: DialogueRequest, reply: HttpReply) -> None:
        end = StreamEnd()
        try:
            async for item in self._items(request):
                self._tell(reply, item)
        except Exception as error:  # of this reply alone; its reader is told
            end = StreamEnd(error)
        self._tell(reply, end)

    async def _items(self, request: DialogueRequest) -> AsyncGenerator[Generated, None]:
        started = time.perf_counter()
        first_s: float | None = None
        thoughts, done = Unthinking(), CompletionPiece()
        pieces = 0
        async with contextlib.aclosing(self._pieces(request)) as stream:
            async for piece in stream:
                text = thoughts.push(piece.text)
                pieces += bool(piece.text)
                if text:
                    first_s = time.perf_counter() - started if first_s is None else first_s
                    yield TextDelta(text)
                done = CompletionPiece(
                    finish=piece.finish or done.finish,
                    prompt_tokens=piece.prompt_tokens or done.prompt_tokens,
                    completion_tokens=piece.completion_tokens or done.completion_tokens,
                )
        if left := thoughts.flush():
            yield TextDelta(left)
        yield GenerationDone(
            finish_reason=done.finish or "stop",
            prompt_tokens=done.prompt_tokens,
            completion_tokens=done.completion_tokens or pieces,
            ttft_s=first_s,
        )

    async def _pieces(self, request: DialogueRequest) -> AsyncGenerator[CompletionPiece, None]:
        """Asks, in the first way that the server's model takes, and remembers that way."""
        for number in range(self._arrangement, len(ARRANGEMENTS)):
            try:
                model = await self._model_name()
                body = body_of(request, model, ARRANGEMENTS[number])
                async with contextlib.aclosing(self._stream(body)) as stream:
                    async for piece in stream:
                        self._arrangement = number
                        yield piece
                return
            except _TemplateRefusedError as refusal:
                if number == len(ARRANGEMENTS) - 1:
                    raise self._refusal(refusal.status) from None

    async def _stream(self, body: dict[str, object]) -> AsyncGenerator[CompletionPiece, None]:
        url = f"{self.mind.url}/chat/completions"
        has_ended = False
        try:
            async with self._open_client().stream(
                "POST", url, json=body, headers=self._headers
            ) as answer:
                await self._check(answer, str(body["model"]))
                async for line in answer.aiter_lines():
                    if line.partition(":")[2].strip() == "[DONE]":
                        has_ended = True
                    elif (piece := piece_of(line)) is not None:
                        has_ended = has_ended or piece.finish is not None
                        yield piece
        except httpx.TransportError as error:
            raise self._broken(error) from None
        except InputError as error:
            if isinstance(error, RequestError):
                raise
            raise self._unavailable(
                f"a reply as OpenAI's servers stream it, found {error}"
            ) from None
        if not has_ended:
            raise self._unavailable("a whole reply, found one that was cut off")

    async def _check(self, answer: httpx.Response, model: str) -> None:
        status = answer.status_code
        if status in _REFUSED_TEMPLATE:
            raise _TemplateRefusedError(status)
        if status == httpx.codes.NOT_FOUND:
            names = await self._names()
            found = f"{', '.join(names[:8])}" if names else "no list of models at all"
            raise self._unavailable(
                f"the model `{model}`, found {found}; mend models.http in character.toml"
            )
        if status == httpx.codes.TOO_MANY_REQUESTS:
            after = answer.headers.get("Retry-After", "")
            when = f"after {after} s" if after.isdigit() else "in a while"
            raise RequestError(
                f"{self._place}: expected an answer, found a server that has too much to do; ask "
                f"again {when}.",
                code=_TOO_MANY,
            )
        if status >= 400:
            raise self._refusal(status)
        kind = answer.headers.get("Content-Type", "")
        if "text/event-stream" not in kind:
            raise self._unavailable(
                f"a stream of events, found {kind.partition(';')[0] or 'no content type'}; mend "
                "the address in character.toml, which usually ends in /v1"
            )

    async def _model_name(self) -> str:
        if not self._model:
            names = await self._names()
            self._model = names[0] if names else "default"
        return self._model

    async def _names(self) -> list[str]:
        """The models that the server lists; none where it does not."""
        try:
            answer = await self._open_client().get(f"{self.mind.url}/models", headers=self._headers)
            if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                raise self._refusal(answer.status_code)
            listed = answer.json()["data"]
            return [str(each["id"]) for each in listed]
        except httpx.TransportError as error:
            raise self._broken(error) from None
        except (ValueError, KeyError, TypeError):
            return []

    def _open_client(self) -> httpx.AsyncClient:
        if self._client is None:
            timeout = httpx.Timeout(self.mind.silence_s, connect=CONNECT_S)
            # A proxy is for other machines.
            host = urlsplit(self.mind.url).hostname or ""
            is_here = host in ("localhost", "127.0.0.1", "::1")
            self._client = httpx.AsyncClient(timeout=timeout, trust_env=not is_here)
        return self._client

    @property
    def _place(self) -> str:
        """Without what an address may carry of a password."""
        parts = urlsplit(self.mind.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' * bool(parts.port)}"

    def _unavailable(self, expected: str) -> RequestError:
        return RequestError(f"{self._place}: expected {expected}.", code=_UNAVAILABLE)

    def _broken(self, error: httpx.TransportError) -> RequestError:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return self._unavailable(
                "a server that answers, found none there; start it, or mend the address in "
                "character.toml"
            )
        if isinstance(error, httpx.TimeoutException):
            return self._unavailable(
                f"words within {self.mind.silence_s:g} s, found silence; take a smaller model, or "
                "raise models.http.silence_s in character.toml"
            )
        return self._unavailable("a whole reply, found one that was cut off")

    def _refusal(self, status: int) -> RequestError:
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            wanted = self.mind.key_variable
            where = f"in the variable {wanted}" if wanted else "by models.http.key_variable"
            return self._unavailable(
                f"to be let in, found {status}; give the server's key {where}, in character.toml"
                if not wanted
                else f"to be let in, found {status}; put the server's key {where}"
            )
        return self._unavailable(f"an answer, found status {status}; its log says why")


class _TemplateRefusedError(Exception):
    """The server may not like the order of the messages."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def open_http_mind(folder: Path, provider: Provider, threads: int) -> HttpDialogue:
    """The engine `http` on a verified bundle; where to run is the other server's business.

    Raises:
        BundleError: the manifest holds no address.
        ConfigError: the variable that should hold the key does not.
    """
    manifest = open_verified(folder, "dialogue").manifest
    try:
        mind = msgspec.convert(manifest.config, HttpMind)
    except msgspec.ValidationError as error:
        raise BundleError(
            f"{folder}: expected the address of a server, but {error}; mend the manifest."
        ) from None
    key = os.environ.get(mind.key_variable, "") if mind.key_variable else ""
    if mind.key_variable and not key:
        raise ConfigError(
            f"Expected the key of {mind.url} in the variable {mind.key_variable}, found none; set "
            "it, or take models.http.key_variable out of character.toml."
        )
    return HttpDialogue(mind, key)
