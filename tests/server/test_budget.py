"""What a client may ask for, and what happens to one that asks for more."""

import asyncio
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.client_events import IdolClockPing, ResponseCreate
from idol_runtime.conversation.hooks import Hooks
from idol_runtime.server.budget import Budget, cost_of
from tests.server.conftest import OpenScene

PING = {"type": "idol.clock.ping", "id": 1, "client_us": 1}


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 50)), max_size=50))
def test_nobody_gets_more_than_the_brim_and_what_flows_in(
    wishes: list[tuple[float, float]],
) -> None:
    now_s = 0.0
    budget = Budget(per_s=5.0, at_once=20.0, clock=lambda: now_s)
    spent = last = 0.0
    for pause_s, cost in wishes:
        now_s += pause_s
        if budget.debt_s == 0:
            budget.spend(cost)
            spent += cost
            last = cost
    assert spent <= 20 + 5 * now_s + last + 1e-6


@given(st.floats(0.1, 100))
def test_a_debt_is_paid_when_it_says_so(cost: float) -> None:
    now_s = 0.0
    budget = Budget(per_s=5.0, at_once=0.1, clock=lambda: now_s)
    budget.spend(cost)
    assert abs(budget.debt_s - (cost - 0.1) / 5) < 1e-9
    now_s += budget.debt_s + 1e-9
    assert budget.debt_s == 0


def test_what_is_dear_costs_more() -> None:
    ping = IdolClockPing(id=1, client_us=1)
    assert cost_of(ResponseCreate(), 30) > 50 * cost_of(ping, 30)
    assert cost_of(ping, 60_000) > 10 * cost_of(ping, 60)
    assert cost_of(None, 30) > cost_of(ping, 30)


async def test_who_sends_too_fast_is_told_once_and_read_more_slowly(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"units_at_once": 10.0, "units_per_s": 200.0})
    async with scene.client() as client:
        for _ in range(60):
            await client.send(PING)
        events = [await client.next()]
        pongs = 0
        while pongs < 60:
            events.append(await client.next())
            pongs += events[-1]["type"] == "idol.clock.pong"
    errors = [each["error"]["code"] for each in events if each["type"] == "error"]
    assert errors == ["rate_limit_exceeded"]
    page = scene.server.metrics.page()
    assert b"idol_ws_throttled_total 1.0" in page
    waited_s = float(page.split(b"\nidol_ws_throttled_seconds_total ")[1].split()[0])
    assert waited_s > 0.1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a ping notices, seconds later")
async def test_who_has_gone_holds_no_place_for_what_it_asked_before(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"units_at_once": 10.0, "units_per_s": 10.0})
    async with scene.client() as client:
        await client.until("session.created")
        for _ in range(300):  # half a minute of work
            await client.send({"type": "input_audio_buffer.clear"})
        await client.until("error")
        client.socket.transport.abort()
    async with asyncio.timeout(5):
        while b"idol_ws_connections 0.0" not in scene.server.metrics.page():
            await asyncio.sleep(0)


async def test_a_history_replayed_at_once_passes(open_scene: OpenScene) -> None:
    scene = await open_scene()
    content = [{"type": "input_text", "text": "word " * 250}]
    item = {"type": "message", "role": "user", "content": content}
    async with scene.client() as client:
        for _ in range(200):
            await client.send({"type": "conversation.item.create", "item": item})
        done = 0
        async with asyncio.timeout(60):
            while done < 200:
                event = await client.next()
                assert event["type"] != "error", event
                done += event["type"] == "conversation.item.done"
    assert b"idol_ws_throttled_total 0.0" in scene.server.metrics.page()


async def test_an_event_that_fails_is_told_and_the_connection_lives(
    open_scene: OpenScene, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(text: str) -> str:
        raise ValueError(text)

    scene = await open_scene(make_hooks=lambda meeting: Hooks((broken,)))
    content = [{"type": "input_text", "text": "my secret"}]
    item = {"type": "message", "role": "user", "content": content}
    async with scene.client() as client:
        await client.send({"type": "conversation.item.create", "event_id": "mine", "item": item})
        error = await client.error()
        assert (error["type"], error["code"]) == ("server_error", "internal_error")
        assert error["event_id"] == "mine"
        await client.alive()
    [record] = [each for each in caplog.records if each.levelname == "ERROR"]
    assert record.__dict__["error"] == "ValueError"
    assert "my secret" not in caplog.text
