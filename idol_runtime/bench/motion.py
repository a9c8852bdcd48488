"""What a frame of face and body costs on this machine, for one character and for many.

Everything runs on one thread. Each round makes one run of every kind, so a machine that gets
busy slows all of them alike.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ACTIVITIES, EMOTIONS, FACE_ACTIVITIES, GESTURES
from idol_runtime.bench.turn import machine
from idol_runtime.character import DEFAULT_CHARACTER, load_character
from idol_runtime.engine.model_files import BUNDLES
from idol_runtime.motion.face import FaceInputs, FaceModel
from idol_runtime.motion.features import LogMel
from idol_runtime.motion.pose import PoseInputs, PoseModel
from idol_runtime.motion.rows import keep_rows
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.stage.generators import Generators
from idol_runtime.stage.stage import Stage
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import FPS, FRAME_SAMPLES, VirtualClock

WARM_UP = 5
"""Runs that are not counted: the first ones allocate."""
RIVAL = "one run per character"

Array = NDArray[np.float32]
Table = dict[str, dict[str, dict[str, float]]]
"""Kind, characters at once, measure."""


class MeasuredGenerator(Protocol):
    def initial_state(self, batch: int) -> Array: ...

    def step(self, inputs: Any, state: Array) -> tuple[object, Array]: ...


class Batched:
    """All characters in one run."""

    def __init__(self, generator: MeasuredGenerator, inputs: FaceInputs | PoseInputs) -> None:
        self._generator, self._inputs = generator, inputs
        self.state = generator.initial_state(len(inputs.audio))

    def __call__(self) -> None:
        _, self.state = self._generator.step(self._inputs, self.state)


class OneByOne:
    """The rival: the same frames, a run for each character."""

    def __init__(self, generator: MeasuredGenerator, inputs: FaceInputs | PoseInputs) -> None:
        rows = np.arange(len(inputs.audio))
        self._generator = generator
        self._inputs = [keep_rows(inputs, rows == row) for row in rows]
        self._states = [generator.initial_state(1) for _ in rows]

    def __call__(self) -> None:
        for row, inputs in enumerate(self._inputs):
            _, self._states[row] = self._generator.step(inputs, self._states[row])

    @property
    def state(self) -> Array:
        return np.concatenate(self._states)


@dataclass(slots=True)
class _Work:
    """Something that makes one frame of each character, and the seconds its runs took."""

    kind: str
    batch: int
    run: Callable[[], None]
    passed: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def measure(self) -> None:
        processor, passed = time.process_time(), time.perf_counter()
        self.run()
        self.passed.append(time.perf_counter() - passed)
        self.processor.append(time.process_time() - processor)

    def per_character(self) -> dict[str, float]:
        each = 1e6 / self.batch
        return {
            "median_us": float(np.median(self.passed)) * each,
            "p95_us": float(np.percentile(self.passed, 95)) * each,
            "processor_us": float(np.median(self.processor)) * each,
            "fastest_us": min(self.passed) * each,
        }


def bench_motion(
    batches: Sequence[int],
    runs: int,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Measures the shipped generators and, in the same rounds, the rival.

    Args:
        batches: How many characters at once.
        runs: Of each kind and batch, at least; small batches run more often.
        progress: Told how many rounds are done, and of how many.

    Returns:
        `cost[kind][batch]`, microseconds per character and frame: median and 95th percentile of
        the time that passes, the median of the processor time (of all threads), and the fastest
        run, which other programs disturbed least, for the kinds `face`, `pose`, `log_mel` and
        `stage_tick` (all of these with noise and bookkeeping).
        `rival[kind][batch]` the same, with `times_ours`, the ratio of the processor times, and
        `largest_difference` of the two's states after all runs: both did the same work.
    """
    face = FaceModel.open(BUNDLES / "face", provider="cpu", threads=1)
    pose = PoseModel.open(BUNDLES / "pose", provider="cpu", threads=1)
    found = machine()
    works = [
        work for batch in batches for work in _works(face, pose, batch, _repeats(batch) * runs)
    ]
    for done in range(runs):
        for work in works:
            for _ in range(_repeats(work.batch)):
                work.measure()
        progress(done + 1, runs)
    return {
        "machine": found,
        "provider": "cpu",
        "threads": 1,
        "runs": runs,
        "state_bytes": {
            "face": face.initial_state(1).nbytes,
            "pose": pose.initial_state(1).nbytes,
            "sound": face.features.initial_state(1).nbytes,
        },
        "cost": _table(work for work in works if not isinstance(work.run, OneByOne)),
        "rival": {"name": RIVAL, **_compared(works)},
    }


def describe(report: dict[str, Any]) -> str:
    """The report as a table for people."""
    costs, rival = report["cost"], report["rival"]
    rows = [
        _row("microseconds per character and frame", list(costs["face"])),
        "characters at once; median (95th percentile)",
    ]
    for kind, found in costs.items():
        rows += _costs(kind, found)
    for kind in ("face", "pose"):
        rows += _costs(f"{kind}, {rival['name']}", rival[kind])
        rows.append(_row("  times ours", [f"{e['times_ours']:.1f}" for e in rival[kind].values()]))
    state = ", ".join(f"{name} {size}" for name, size in report["state_bytes"].items())
    on = report["machine"]
    rows.append(f"state of a character in bytes: {state}")
    rows.append(
        f"one thread of {on['cpu']}, load average {on['load_average']}, {report['runs']} rounds"
    )
    return "\n".join(rows)


def _costs(name: str, costs: dict[str, dict[str, float]]) -> list[str]:
    passed = [f"{each['median_us']:.1f} ({each['p95_us']:.1f})" for each in costs.values()]
    processor = [f"{each['processor_us']:.1f}" for each in costs.values()]
    fastest = [f"{each['fastest_us']:.1f}" for each in costs.values()]
    return [
        _row(name, passed),
        _row("  processor time, median", processor),
        _row("  fastest run", fastest),
    ]


def _row(name: str, cells: list[str]) -> str:
    return f"{name:36}" + "".join(f"{each:>18}" for each in cells)


def _repeats(batch: int) -> int:
    """Runs in a row: a small batch alone after others would measure cold caches only."""
    return max(1, 32 // batch)


def _works(face: FaceModel, pose: PoseModel, batch: int, runs: int) -> list[_Work]:
    face_inputs, pose_inputs = _inputs(face, pose, batch)
    works = [
        _Work("face", batch, Batched(face, face_inputs)),
        _Work("face", batch, OneByOne(face, face_inputs)),
        _Work("pose", batch, Batched(pose, pose_inputs)),
        _Work("pose", batch, OneByOne(pose, pose_inputs)),
        _Work("log_mel", batch, _features(face.features, batch)),
        _Work("stage_tick", batch, _crowd(face, pose, batch, runs + WARM_UP).tick),
    ]
    for work in works:
        for _ in range(WARM_UP):
            work.run()
    return works


def _inputs(face: FaceModel, pose: PoseModel, batch: int) -> tuple[FaceInputs, PoseInputs]:
    rng = np.random.default_rng(batch)

    def drawn(size: int) -> Array:
        return rng.standard_normal((batch, size)).astype(np.float32)

    phonemes = np.zeros((batch, len(face.config.phoneme_inputs)), np.float32)
    phonemes[np.arange(batch), rng.integers(0, phonemes.shape[1] - 1, batch)] = 1
    phonemes[:, -1] = 1
    speak = np.eye(len(ACTIVITIES), dtype=np.float32)[ACTIVITIES.index("speak")]
    activity = np.tile(speak, (batch, 1))
    to_face = activity[:, : len(FACE_ACTIVITIES)]
    gesture, beat = (
        np.zeros((batch, 2 * len(GESTURES)), np.float32),
        np.zeros((batch, 2), np.float32),
    )
    gesture[:, 0] = 1
    emotion = np.zeros((batch, len(EMOTIONS)), np.float32)
    audio, style = drawn(face.config.audio.size), drawn(face.config.style_size)
    return (
        FaceInputs(audio, phonemes, to_face, emotion, style, drawn(face.config.noise.size)),
        PoseInputs(audio, activity, emotion, gesture, beat, style, drawn(pose.config.noise.size)),
    )


def _features(log_mel: LogMel, batch: int) -> Callable[[], None]:
    rng = np.random.default_rng(batch)
    sound = rng.uniform(-0.1, 0.1, (batch, FRAME_SAMPLES)).astype(np.float32)
    state = log_mel.initial_state(batch)

    def run() -> None:
        log_mel.step(sound, state)

    return run


def _crowd(face: FaceModel, pose: PoseModel, batch: int, frames: int) -> Stage:
    """A stage of characters that all speak for so many frames."""
    seconds = frames / FPS
    generators = Generators(face, pose)
    stage = Stage(lambda character: generators, VirtualClock(), buffer_s=seconds + 1)
    hoshi = load_character(DEFAULT_CHARACTER)
    rng = np.random.default_rng(batch)
    sound = rng.integers(-3000, 3000, frames * FRAME_SAMPLES).astype(np.int16)

    async def speak() -> None:
        for seed in range(batch):
            performer = stage.join(hoshi, seed)
            await performer.speak(Utterance("bench", "bench", ""), SpeechChunk(sound, (), True))

    asyncio.run(speak())
    return stage


def _table(works: Iterable[_Work]) -> Table:
    table: Table = {}
    for work in works:
        table.setdefault(work.kind, {})[str(work.batch)] = work.per_character()
    return table


def _compared(works: list[_Work]) -> Table:
    ours = {(work.kind, work.batch): work for work in works if isinstance(work.run, Batched)}
    theirs = [work for work in works if isinstance(work.run, OneByOne)]
    table = _table(theirs)
    for work in theirs:
        found, our = table[work.kind][str(work.batch)], ours[work.kind, work.batch]
        found["times_ours"] = found["processor_us"] / our.per_character()["processor_us"]
        apart = np.abs(_state(work) - _state(our))
        found["largest_difference"] = float(apart.max())
    return table


def _state(work: _Work) -> Array:
    assert isinstance(work.run, (Batched, OneByOne))
    return work.run.state
