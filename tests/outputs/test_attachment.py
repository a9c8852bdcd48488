"""The life of an output, whatever it does."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from idol_protocol.channels import FACE_CHANNELS, GESTURES, POSE_BONES
from idol_runtime.character import Character
from idol_runtime.motion.gestures import GestureTimes
from idol_runtime.outputs.attachment import attach
from idol_runtime.stage.conditions import Conditioning, SpeechWindow
from idol_runtime.stage.performer import Performer
from idol_runtime.timeline import Card, Frame

TIMES = GestureTimes(dict.fromkeys(GESTURES, 1.0), dict.fromkeys(GESTURES, 0.5), fps=30)
CONDITIONING = Conditioning(TIMES, face=SpeechWindow(2), pose=SpeechWindow(2))


class Sender:
    """Notes what is done with it; fails in the steps it is told to."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.steps: list[str] = []
        self.card: Card | None = None
        self.closed = asyncio.Event()

    async def open(self, card: Card) -> None:
        self.card = card
        self._step("open")

    def on_frame(self, frame: Frame) -> None:
        self._step("frame")

    async def aclose(self) -> None:
        self.closed.set()
        self._step("close")

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if name in self.failing:
            raise OSError("what was said")


def new_performer(on_eviction: Callable[[str], None]) -> Performer:
    ren = Character(name="Ren", persona="You are Ren.", language="ja", avatar="/ren.vrm")
    return Performer(
        ren,
        conditioning=CONDITIONING,
        lead_us=300_000,
        buffer_s=10,
        on_eviction=on_eviction,
    )


def show(performer: Performer) -> None:
    rotations = np.tile(np.array([0, 0, 0, 1], np.float32), (len(POSE_BONES), 1))
    performer.show(np.zeros(len(FACE_CHANNELS), np.float32), rotations, np.zeros(3, np.float32))


async def test_an_output_is_opened_with_the_card_fed_and_closed_once() -> None:
    evicted: list[str] = []
    performer, sender = new_performer(evicted.append), Sender()
    show(performer)
    attachment = await attach(sender, performer)
    show(performer)
    assert attachment.is_live
    await attachment.aclose()
    await attachment.aclose()
    show(performer)
    assert sender.steps == ["open", "frame", "frame", "close"]  # a face and a pose
    assert sender.card is not None
    assert (sender.card.name, sender.card.language) == ("Ren", "ja")
    assert sender.card.avatar == Path("/ren.vrm")
    assert (sender.card.fps, sender.card.sample_rate_hz) == (30, 24_000)
    assert not evicted


@pytest.mark.parametrize(
    ("failing", "steps"),
    [
        (("open",), ["open", "close"]),
        (("frame",), ["open", "frame", "close"]),
        (("close",), ["open", "frame", "frame", "close"]),
        (("open", "close"), ["open", "close"]),
        (("frame", "close"), ["open", "frame", "close"]),
    ],
)
async def test_one_that_fails_is_closed_logged_once_and_counted_once(
    failing: tuple[str, ...], steps: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    evicted: list[str] = []
    performer, sender, other = new_performer(evicted.append), Sender(*failing), Sender()
    with caplog.at_level(logging.DEBUG):
        attachment = await attach(sender, performer)
        beside = await attach(other, performer)
        show(performer)
        await attachment.aclose()
    assert sender.steps == steps
    assert evicted == ["Sender"]
    [record] = [each for each in caplog.records if each.name.startswith("idol_runtime")]
    assert record.getMessage() == "Sender evicted from the timeline of Ren: OSError"
    assert beside.is_live
    assert other.steps == ["open", "frame", "frame"]


async def test_an_output_evicted_in_the_middle_is_closed_without_anyone_asking() -> None:
    performer, sender = new_performer(lambda kind: None), Sender("frame")
    await attach(sender, performer)
    show(performer)
    async with asyncio.timeout(5):
        await sender.closed.wait()


async def test_opening_that_is_cancelled_closes_the_output() -> None:
    class NeverOpens(Sender):
        async def open(self, card: Card) -> None:
            self.opening = True
            await asyncio.Event().wait()

    performer, sender = new_performer(lambda kind: None), NeverOpens()
    attaching = asyncio.create_task(attach(sender, performer))
    await asyncio.sleep(0)
    attaching.cancel()
    await asyncio.wait([attaching])
    assert attaching.cancelled()
    assert sender.steps == ["close"]
