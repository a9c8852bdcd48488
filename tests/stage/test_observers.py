"""An output that fails is given up; the character and whoever else watches go on."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from idol_runtime.character import DEFAULT_CHARACTER, load_character
from idol_runtime.engine.engine import open_stage
from idol_runtime.errors import InputError
from idol_runtime.outputs.recorder import Recorder
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.stage.stage import Stage
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import Frame, Gesture, PlacedCue, VirtualClock

SECRET = "what the user said"


class Faulty:
    """Takes some frames, then raises at each one."""

    def __init__(self, error: Exception, good_frames: int = 40) -> None:
        self.error = error
        self.good_frames = good_frames
        self.frames = 0

    def on_frame(self, frame: Frame) -> None:
        self.frames += 1
        if self.frames > self.good_frames:
            raise self.error


def new_stage() -> Stage:
    return open_stage("cpu", VirtualClock())


async def performed(stage: Stage, *others: Faulty, on_evicted: Callable[[], None]) -> Recorder:
    """Two seconds on the stage with a sentence in the middle, watched by a recorder at last."""
    performer, recorder = stage.join(load_character(DEFAULT_CHARACTER), 1), Recorder()
    for each in others:
        performer.attach(each, on_evicted=on_evicted)
    performer.attach(recorder)
    for _ in range(10):
        stage.tick()
    sound = np.random.default_rng(0).integers(-3000, 3000, 24_000).astype(np.int16)
    said = Utterance("u", "t", SECRET, (PlacedCue(Gesture("wave"), 0),))
    await performer.speak(said, SpeechChunk(sound, (), True))
    for _ in range(50):
        stage.tick()
    return recorder


def flat(recorder: Recorder) -> list[object]:
    return [
        *recorder.cues,
        *((each.pts_us, each.samples.tobytes()) for each in recorder.audio),
        *((each.pts_us, each.weights.tobytes()) for each in recorder.face),
        *((each.pts_us, each.rotations.tobytes()) for each in recorder.pose),
    ]


async def test_one_that_raises_leaves_all_others_bit_for_bit_as_without_it() -> None:
    faulty = Faulty(KeyError(SECRET))
    beside = await performed(new_stage(), faulty, on_evicted=lambda: None)
    alone = await performed(new_stage(), on_evicted=lambda: None)
    assert faulty.frames == faulty.good_frames + 1
    assert flat(beside) == flat(alone)


async def test_an_eviction_is_logged_once_without_what_was_said_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = new_stage()
    counted: list[str] = []
    stage.on_eviction = counted.append
    evicted: list[str] = []
    with caplog.at_level(logging.DEBUG):
        await performed(stage, Faulty(KeyError(SECRET)), on_evicted=lambda: evicted.append("once"))
    assert counted == ["Faulty"]
    assert evicted == ["once"]
    [record] = caplog.records
    assert record.getMessage() == "Faulty evicted from the timeline of Hoshi: KeyError"


async def test_an_error_of_our_own_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    await performed(new_stage(), Faulty(InputError("Make room.")), on_evicted=lambda: None)
    assert caplog.records[0].getMessage().endswith("Hoshi: Make room.")


async def test_each_of_several_that_raise_at_once_is_evicted() -> None:
    stage = new_stage()
    counted: list[str] = []
    stage.on_eviction = counted.append
    await performed(stage, Faulty(OSError()), Faulty(OSError()), on_evicted=lambda: None)
    assert len(counted) == 2


async def test_detaching_ends_the_frames_and_attaching_twice_does_not_double_them() -> None:
    stage = new_stage()
    performer, recorder = stage.join(load_character(DEFAULT_CHARACTER), 1), Recorder()
    performer.attach(recorder)
    performer.attach(recorder)
    stage.tick()
    performer.detach(recorder)
    performer.detach(recorder)
    stage.tick()
    assert len(recorder.face) == 1


@dataclass
class Notes:
    """Equal to another as long as both are empty, and not hashable."""

    frames: list[Frame] = field(default_factory=list)
    on_first: Callable[[], None] | None = None

    def on_frame(self, frame: Frame) -> None:
        self.frames.append(frame)
        if self.on_first is not None and len(self.frames) == 1:
            self.on_first()


async def test_observers_that_are_equal_or_not_hashable_each_get_their_frames() -> None:
    stage = new_stage()
    performer, one, other = stage.join(load_character(DEFAULT_CHARACTER), 1), Notes(), Notes()
    performer.attach(one)
    performer.attach(other)
    stage.tick()
    performer.detach(one)
    stage.tick()
    assert 0 < len(one.frames) < len(other.frames)


async def test_one_that_another_detaches_in_the_middle_of_a_frame_does_not_get_it() -> None:
    stage = new_stage()
    performer, leaver = stage.join(load_character(DEFAULT_CHARACTER), 1), Notes()
    performer.attach(Notes(on_first=lambda: performer.detach(leaver)))
    performer.attach(leaver)
    stage.tick()
    assert leaver.frames == []
