"""Connect, break, come back, take over, expire, in any order: what a session owes its client."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from websockets.exceptions import ConnectionClosed

from idol_runtime.engine.cast import LiveCast
from idol_runtime.server.config import Limits, ServerConfig
from idol_runtime.server.server import Server, open_server
from tests.server.conftest import Client, Event, Scene, SteppedStage
from tests.server.steered_loop import SteeredLoop

RESUME_S = 60.0
MAX_WAITING = 2
T = TypeVar("T")


@dataclass(eq=False)
class Person:
    """Someone with a session, over all the connections that carry it."""

    client: Client | None
    token: str
    last_event_id: str = ""
    last_item_id: str | None = None
    old_tokens: list[str] = field(default_factory=list)
    has_said: bool = False

    def note(self, events: list[Event]) -> None:
        """Follows the conversation: each item comes once, right after the one before it."""
        for event in events:
            if event["type"] == "conversation.item.added":
                assert event["previous_item_id"] == self.last_item_id
                self.last_item_id = event["item"]["id"]
            self.last_event_id = event["event_id"]


class ComingBack(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = SteeredLoop()
        self.runner = asyncio.Runner(loop_factory=lambda: self.loop)
        self.stack = AsyncExitStack()
        self.connected: list[Person] = []
        self.waiting: list[Person] = []
        self.gone: list[Person] = []
        self.scene = self.run(self.open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        async def within() -> T:
            async with asyncio.timeout(20):
                return await work

        return self.runner.run(within())

    async def open(self) -> Scene:
        stage = SteppedStage()
        self.ticking = asyncio.create_task(stage.run())
        cast = LiveCast(stage, [stage.member()])
        limits = Limits(resume_s=RESUME_S, max_waiting_sessions=MAX_WAITING)
        server = Server(ServerConfig(port=0, limits=limits), cast)
        await self.stack.enter_async_context(open_server(server))
        return Scene(server, cast, stage)

    def teardown(self) -> None:
        async def close() -> None:
            await self.stack.aclose()
            self.ticking.cancel()
            await asyncio.wait([self.ticking])

        self.run(close())
        self.runner.close()

    async def client(self) -> tuple[Client, Person]:
        """A connection, and the person that it would be without `idol.resume`."""
        opened = self.scene.client("idol.v1", ping_interval=None)
        client = await self.stack.enter_async_context(opened)
        events = [event for _ in range(3) for event in await client.until("idol.stream.opened")]
        token = next(each["token"] for each in events if each["type"] == "idol.resume.token")
        return client, Person(client, token)

    async def resume(self, client: Client, person: Person, token: str) -> str:
        """The type of the answer, or the code of the error; the person follows what comes."""
        event = {"type": "idol.resume", "token": token}
        if person.last_event_id:
            event["last_event_id"] = person.last_event_id
        await client.send(event)
        events = [await client.next()]
        while events[-1]["type"] not in ("idol.resumed", "error"):
            events.append(await client.next())
        if events[-1]["type"] == "error":
            return str(events[-1]["error"]["code"])
        person.note(events)
        person.old_tokens.append(person.token)
        person.token = (await client.until("idol.resume.token"))[-1]["token"]
        assert person.token not in person.old_tokens
        person.client = client
        await client.alive()
        return "idol.resumed"

    async def parted(self, person: Person) -> None:
        """The connection broke: it waits if it has anything to come back to."""
        self.connected.remove(person)
        person.client = None
        number = len(self.connected)
        while f"idol_ws_connections {number}.0".encode() not in self.scene.server.metrics.page():
            await asyncio.sleep(0)
        (self.waiting if person.has_said else self.gone).append(person)
        if len(self.waiting) > MAX_WAITING:
            self.gone.append(self.waiting.pop(0))

    @precondition(lambda self: len(self.connected) < 4)
    @rule()
    def connect(self) -> None:
        self.connected.append(self.run(self.client())[1])

    @precondition(lambda self: self.connected)
    @rule(data=st.data())
    def say(self, data: st.DataObject) -> None:
        async def say(person: Person) -> None:
            assert person.client is not None
            content = [{"type": "input_text", "text": "Hi."}]
            item = {"type": "message", "role": "user", "content": content}
            await person.client.send({"type": "conversation.item.create", "item": item})
            person.note(await person.client.until("conversation.item.done"))
            person.has_said = True

        self.run(say(data.draw(st.sampled_from(self.connected))))

    @precondition(lambda self: self.connected)
    @rule(data=st.data())
    def break_off(self, data: st.DataObject) -> None:
        async def break_off(person: Person) -> None:
            assert person.client is not None
            person.client.socket.transport.abort()
            await self.parted(person)

        self.run(break_off(data.draw(st.sampled_from(self.connected))))

    @precondition(lambda self: self.connected)
    @rule(data=st.data())
    def say_goodbye(self, data: st.DataObject) -> None:
        async def close(person: Person) -> None:
            assert person.client is not None
            await person.client.socket.close()
            person.has_said = False  # nothing is kept
            await self.parted(person)

        self.run(close(data.draw(st.sampled_from(self.connected))))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        async def come_back(person: Person) -> None:
            client, _ = await self.client()
            assert await self.resume(client, person, person.token) == "idol.resumed"

        person = data.draw(st.sampled_from(self.waiting))
        self.run(come_back(person))
        self.waiting.remove(person)
        self.connected.append(person)

    @precondition(lambda self: any(each.has_said for each in self.connected))
    @rule(data=st.data(), unread=st.booleans())
    def take_over(self, data: st.DataObject, unread: bool) -> None:
        """The network is gone, and the server does not know; what was on its way comes later."""

        async def take_over(person: Person) -> None:
            old = person.client
            assert old is not None
            old.socket.transport.pause_reading()
            if unread:
                content = [{"type": "input_text", "text": "Are you there?"}]
                item = {"type": "message", "role": "user", "content": content}
                await old.send({"type": "conversation.item.create", "item": item})
            client, _ = await self.client()
            assert await self.resume(client, person, person.token) == "idol.resumed"
            old.socket.transport.resume_reading()
            with pytest.raises(ConnectionClosed) as closed:
                while True:  # what was on its way before the other connection came
                    await old.next()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4409

        self.run(take_over(data.draw(st.sampled_from([p for p in self.connected if p.has_said]))))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def two_come_back_at_once(self, data: st.DataObject) -> None:
        async def race(person: Person) -> None:
            clients = [(await self.client())[0] for _ in range(2)]
            before, token = person.last_event_id, person.token
            event = {"type": "idol.resume", "token": token, "last_event_id": before}
            await clients[1].send(event)
            answer = await self.resume(clients[0], person, token)
            loser = clients[1]
            if answer != "idol.resumed":
                loser = clients[0]
                events = await clients[1].until("idol.resume.token")
                assert "idol.resumed" in [each["type"] for each in events]
                person.note([each for each in events if each["type"] != "idol.resume.token"])
                person.old_tokens.append(token)
                person.token, person.client = events[-1]["token"], clients[1]
                await clients[1].alive()
            else:
                assert (await loser.error())["code"] == "session_not_found"
            await loser.alive()
            await loser.socket.close()

        person = data.draw(st.sampled_from(self.waiting))
        self.run(race(person))
        self.waiting.remove(person)
        self.connected.append(person)

    @precondition(
        lambda self: any(p.old_tokens for p in self.connected + self.waiting) or self.gone
    )
    @rule(data=st.data())
    def come_with_what_opens_nothing(self, data: st.DataObject) -> None:
        async def try_to(person: Person, token: str) -> None:
            client, _ = await self.client()
            assert await self.resume(client, person, token) == "session_not_found"
            await client.alive()
            await client.socket.close()

        stale = [(p, old) for p in self.connected + self.waiting for old in p.old_tokens]
        over = [(p, token) for p in self.gone for token in [p.token, *p.old_tokens]]
        self.run(try_to(*data.draw(st.sampled_from(stale + over))))

    @precondition(lambda self: self.waiting)
    @rule()
    def stay_away(self) -> None:
        async def answer_pings() -> None:
            for _ in range(2):  # the keepalive's pings are answered before time passes again
                for person in self.connected:
                    assert person.client is not None
                    await person.client.alive()

        self.loop.ahead_s += RESUME_S + 1
        self.run(answer_pings())
        self.gone += self.waiting
        self.waiting.clear()

    @invariant()
    def all_who_are_connected_are_served(self) -> None:
        async def check() -> None:
            for person in self.connected:
                assert person.client is not None
                await person.client.alive()
            page = self.scene.server.metrics.page()
            assert f"idol_sessions_waiting {len(self.waiting)}.0".encode() in page
            while len(self.scene.stage.performers) > len(self.connected) + len(self.waiting):
                await asyncio.sleep(0)

        self.run(check())


ComingBack.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    phases=[Phase.generate],  # making an example smaller opens hundreds of servers
)
TestComingBack = ComingBack.TestCase
