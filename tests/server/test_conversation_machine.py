"""Any event in any state of a turn: the connection lives, and what is begun is ended."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import inspect

from idol_protocol.events import CLIENT_EVENTS
from idol_runtime.dialogue.messages import DialogueRequest, Generated, TextDelta
from idol_runtime.engine.cast import LiveCast
from idol_runtime.errors import WorkerError
from idol_runtime.server.config import Limits, ServerConfig
from idol_runtime.server.server import Server, open_server
from idol_runtime.speech.types import SpeechChunk, SpeechRequest
from tests.protocol.client_event_strategies import valid
from tests.server.conftest import (
    Client,
    Event,
    Scene,
    ScriptedDialogue,
    ScriptedSpeech,
    SteppedStage,
)

T = TypeVar("T")
UNMEASURED = Limits(units_per_s=1e6, units_at_once=1e6, client_share=1.0)
MOODS = ("quick", "silent", "endless", "soundless", "mute", "hoarse", "broken", "torn", "cut off")


@dataclass
class Mood:
    """How the models behave now: slow, failing or in order."""

    name: str = "quick"


@dataclass
class MoodyDialogue(ScriptedDialogue):
    mood: Mood = field(default_factory=Mood)

    async def stream(self, request: DialogueRequest) -> AsyncGenerator[Generated, None]:
        while self.mood.name == "silent":
            await asyncio.sleep(0)
        self.finish_reason = "length" if self.mood.name == "cut off" else "stop"
        self.deltas = (
            ["\N{STRAWBERRY}"] if self.mood.name == "soundless" else ["Hi. ", "[wave] So."]
        )
        if self.mood.name == "broken":
            raise WorkerError("The dialogue process ended; try again.")
        async for item in super().stream(request):
            yield item
            if self.mood.name == "torn":
                raise WorkerError("The dialogue process ended; try again.")
            while self.mood.name == "endless":
                await asyncio.sleep(0)
                yield TextDelta("la, ")


@dataclass
class MoodySpeech(ScriptedSpeech):
    mood: Mood = field(default_factory=Mood)

    async def stream(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        while self.mood.name == "mute":
            await asyncio.sleep(0)
        async for chunk in super().stream(request):
            if self.mood.name == "soundless":
                yield SpeechChunk(chunk.samples[:0], (), chunk.is_last)
                continue
            yield chunk
            if self.mood.name == "hoarse":
                raise WorkerError("The speech process ended; try again.")


def words(item: Event) -> str:
    parts = (each.get("text") or each.get("transcript") or "" for each in item["content"])
    return "".join("".join(parts).split())


class Log:
    """Follows what a server says, and fails where it contradicts itself."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.unfinished: set[str] = set()
        self.open: list[str] = []
        """Responses that are being given."""
        self.finished: list[str] = []
        self.texts: dict[str, str] = {}
        """The words of items that are done, without spaces."""

    def note(self, event: Event) -> None:
        kind = event["type"]
        if "response_id" in event and kind != "idol.gesture":  # the body may be late
            assert event["response_id"] in self.open
        match kind:
            case "conversation.item.added":
                item_id, previous = event["item"]["id"], event["previous_item_id"]
                assert item_id not in self.order
                self.order.insert(self.order.index(previous) + 1 if previous else 0, item_id)
                self.unfinished.add(item_id)
            case "conversation.item.done":
                self.unfinished.remove(event["item"]["id"])
                at = self.order.index(event["item"]["id"])
                assert event["previous_item_id"] == ([None, *self.order][at])
                self.texts[event["item"]["id"]] = words(event["item"])
            case "conversation.item.deleted":
                self.order.remove(event["item_id"])
                assert event["item_id"] not in self.unfinished
            case "conversation.item.truncated":
                assert event["item_id"] in self.order
            case "conversation.item.retrieved" if event["item"]["id"] in self.texts:
                item_id, text = event["item"]["id"], words(event["item"])
                assert self.texts[item_id].startswith(text)
                self.texts[item_id] = text
            case "response.created":
                assert event["response"]["id"] not in [*self.open, *self.finished]
                assert event["response"]["status"] == "in_progress"
                self.open.append(event["response"]["id"])
            case "response.done":
                response = event["response"]
                self.open.remove(response["id"])
                self.finished.append(response["id"])
                assert response["status"] != "in_progress"
                error = (response["status_details"] or {}).get("error")
                assert error is None or error["code"] != "internal_error"
            case "error":
                assert event["error"]["type"] == "invalid_request_error"
                assert event["error"]["message"].endswith(".")


any_event = st.sampled_from(
    [each for each in CLIENT_EVENTS if each not in ("idol.resume", "idol.authenticate")]
).flatmap(lambda name: valid(inspect.type_info(CLIENT_EVENTS[name])))
numbers = st.integers(0, 99)
moments = st.sampled_from([0, 1, 50, 99, 100, 150, 10**4, 10**30])


@dataclass
class Person:
    """Someone at a connection, and what came over it."""

    client: Client
    log: Log = field(default_factory=Log)


class AnythingGoes(RuleBasedStateMachine):
    num_people = 1

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.mood = Mood()
        self.number = 0
        self.people = self.run(self.open())
        self.speaker = self.people[0]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        async def within() -> T:
            async with asyncio.timeout(60):
                return await work

        return self.runner.run(within())

    @property
    def log(self) -> Log:
        return self.speaker.log

    async def open(self) -> list[Person]:
        stage = SteppedStage()
        stage.dialogue, stage.speech = MoodyDialogue(mood=self.mood), MoodySpeech(mood=self.mood)
        self.ticking = asyncio.create_task(stage.run())
        cast = LiveCast(stage, [stage.member(is_shared=self.num_people > 1)])
        server = Server(ServerConfig(port=0, limits=UNMEASURED), cast)
        await self.stack.enter_async_context(open_server(server))
        scene = Scene(server, cast, stage)
        people = []
        for _ in range(self.num_people):
            client = scene.client(ping_interval=None)
            people.append(Person(await self.stack.enter_async_context(client)))
        return people

    def teardown(self) -> None:
        async def end() -> None:
            self.mood.name = "quick"
            for person in self.people:
                while person.log.open:
                    await self.caught_up()
                    for response_id in tuple(person.log.open):
                        cancel = {"type": "response.cancel", "response_id": response_id}
                        await person.client.send(cancel)
                assert not person.log.unfinished
            assert len({tuple(person.log.order) for person in self.people}) == 1
            await self.stack.aclose()
            self.ticking.cancel()
            await asyncio.wait([self.ticking])

        self.run(end())
        self.runner.close()

    async def caught_up(self) -> None:
        """Reads all that came of what was sent so far; fails unless the connection lives."""
        self.number += 1
        # Whoever speaks is done first, so that all have been told by then.
        for person in (self.speaker, *self.people):
            ping = {"type": "idol.clock.ping", "id": self.number, "client_us": 0}
            await person.client.send(ping)
            while True:
                event = await person.client.next()
                person.log.note(event)
                if event["type"] == "idol.clock.pong" and event["id"] == self.number:
                    break

    def item_id(self, number: int) -> str:
        known = ["none", "root", *self.log.order]
        return known[number % len(known)]

    def send(self, event: Event) -> None:
        self.run(self.speaker.client.send(event))

    @precondition(lambda self: self.num_people > 1)
    @rule()
    def let_another_speak(self) -> None:
        self.people = [*self.people[1:], self.people[0]]
        self.speaker = self.people[0]

    @rule(mood=st.sampled_from(MOODS))
    def turn_the_mood(self, mood: str) -> None:
        self.mood.name = mood

    @rule(steps=st.integers(1, 60))
    def wait(self, steps: int) -> None:
        async def wait() -> None:
            for _ in range(steps):
                await asyncio.sleep(0)

        self.run(wait())

    @rule(after=st.none() | numbers)
    def say(self, after: int | None) -> None:
        item: Event = {"type": "message", "role": "user"}
        item["content"] = [{"type": "input_text", "text": "Hi."}]
        event: Event = {"type": "conversation.item.create", "item": item}
        if after is not None:
            event["previous_item_id"] = self.item_id(after)
        self.send(event)

    @rule(number=numbers, kind=st.sampled_from(["delete", "retrieve"]))
    def handle(self, number: int, kind: str) -> None:
        self.send({"type": f"conversation.item.{kind}", "item_id": self.item_id(number)})

    @rule(number=numbers, moment=moments, part=st.sampled_from([0, 0, 0, 1, -1, 10**30]))
    def truncate(self, number: int, moment: int, part: int) -> None:
        item_id = self.item_id(number)
        cut = {"type": "conversation.item.truncate", "item_id": item_id, "content_index": part}
        self.send({**cut, "audio_end_ms": moment})
        self.send({"type": "conversation.item.retrieve", "item_id": item_id})

    @rule(
        modality=st.sampled_from(["text", "audio"]),
        conversation=st.sampled_from(["auto", "auto", "none"]),
        instructions=st.sampled_from([None, "Sing."]),
    )
    def answer(self, modality: str, conversation: str, instructions: str | None) -> None:
        response: Event = {"output_modalities": [modality], "conversation": conversation}
        self.send(
            {"type": "response.create", "response": {**response, "instructions": instructions}}
        )

    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        known = [None, "none", *self.log.open, *self.log.finished[-1:]]
        self.send({"type": "response.cancel", "response_id": known[number % len(known)]})

    @rule(steps=st.integers(0, 40), moment=moments)
    def interrupt(self, steps: int, moment: int) -> None:
        """As a client does that is talked over: it stops the answer, then says what was heard."""
        self.send({"type": "response.create"})
        self.wait(steps)
        self.send({"type": "response.cancel"})
        self.run(self.caught_up())
        if self.log.order:
            last = {"type": "conversation.item.truncate", "item_id": self.log.order[-1]}
            self.send({**last, "content_index": 0, "audio_end_ms": moment})

    @rule(event=any_event)
    def anything(self, event: Event) -> None:
        self.send(event)

    @rule()
    def answer_whole(self) -> None:
        """An answer without anything in its way, so that there is one to truncate."""

        async def whole() -> None:
            self.mood.name = "quick"
            await self.speaker.client.send({"type": "response.create"})
            while True:
                await self.caught_up()
                if not self.log.open:
                    return

        self.run(whole())

    @invariant()
    def the_connection_lives(self) -> None:
        self.run(self.caught_up())


class AnythingGoesTogether(AnythingGoes):
    """The same, of a character that two people share."""

    num_people = 2


for machine in (AnythingGoes, AnythingGoesTogether):
    machine.TestCase.settings = settings(
        max_examples=30,
        stateful_step_count=40,
        deadline=None,
        phases=[Phase.generate],  # making an example smaller opens hundreds of servers
    )
TestAnythingGoes = AnythingGoes.TestCase
TestAnythingGoesTogether = AnythingGoesTogether.TestCase
