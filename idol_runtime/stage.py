"""The stage owns every live character and ticks at the generators' frame rate.

Each tick is one batched run per model over all characters, whatever they do: characters are
rows. A tick gathers in the event loop, computes in one thread, and shows in the event loop, so
no state is ever shared between threads.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idol_runtime.character import Character
from idol_runtime.clock import Clock
from idol_runtime.motion.face import FaceInputs, FaceModel
from idol_runtime.motion.features import CONTEXT_SAMPLES, frame_features
from idol_runtime.motion.noise import TemporalNoise
from idol_runtime.motion.pose import PoseInputs, PoseModel
from idol_runtime.performer import Performer
from idol_runtime.speech_track import FPS, frame_pts

MAX_FRAMES_BEHIND = 6
"""A stage that is later than this skips frames instead of chasing them."""

Array = NDArray[np.float32]


@dataclass(slots=True)
class _Row:
    performer: Performer
    face_state: Array
    pose_state: Array
    noise: TemporalNoise


@dataclass(frozen=True, slots=True)
class _Gathered:
    rows: list[_Row]
    face: FaceInputs
    pose: PoseInputs
    face_state: Array
    pose_state: Array


@dataclass(frozen=True, slots=True)
class _Made:
    face: Array
    rotations: Array
    hips: Array
    face_state: Array
    pose_state: Array


class Stage:
    """All live characters on one beat."""

    def __init__(
        self,
        face: FaceModel,
        pose: PoseModel,
        clock: Clock,
        *,
        lead_us: int = 300_000,
        buffer_s: float = 20.0,
    ) -> None:
        """Args:
        face: The face generator.
        pose: The pose generator.
        clock: Paces the ticks.
        lead_us: How long before its playing time sound is handed to the outputs.
        buffer_s: How much unspoken sound a character may hold before its speech model waits.
        """
        self.face = face
        self.pose = pose
        self.clock = clock
        self.skipped_frames = 0
        self.on_tick: Callable[[float], None] = lambda seconds: None
        """Told how long each tick took, in seconds."""
        self._lead_us = lead_us
        self._buffer_s = buffer_s
        self._epoch_us = clock.now_us()
        self._tick = 0
        self._rows: dict[Performer, _Row] = {}
        self._first_tick: dict[Performer, int] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="idol-stage")

    def join(self, character: Character, seed: int) -> Performer:
        """Brings a character to life; its media clock starts at the next tick."""
        performer = Performer(
            character,
            lookahead_frames=self.face.lookahead_frames,
            lead_us=self._lead_us,
            buffer_s=self._buffer_s,
        )
        self._rows[performer] = _Row(
            performer,
            self.face.initial_state(1)[0],
            self.pose.initial_state(1)[0],
            TemporalNoise(seed, self.face.noise_size + self.pose.noise_size),
        )
        self._first_tick[performer] = self._tick
        return performer

    def leave(self, performer: Performer) -> None:
        self._rows.pop(performer, None)
        self._first_tick.pop(performer, None)

    @property
    def performers(self) -> list[Performer]:
        return list(self._rows)

    def now_us(self, performer: Performer) -> int:
        """The character's media time."""
        joined_us = self._epoch_us + frame_pts(self._first_tick[performer])
        return self.clock.now_us() - joined_us

    async def run(self) -> None:
        """Ticks until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due_us = self._epoch_us + frame_pts(self._tick)
            await asyncio.sleep(max(0, due_us - self.clock.now_us()) / 1e6)
            self._skip_missed()
            started = time.perf_counter()
            if gathered := self._gather():
                self._show(gathered, await loop.run_in_executor(self._thread, self._run, gathered))
                self.on_tick(time.perf_counter() - started)
            self._tick += 1

    def tick(self) -> None:
        """One tick at once, for offline rendering and tests."""
        if gathered := self._gather():
            self._show(gathered, self._run(gathered))
        self._tick += 1

    def _skip_missed(self) -> None:
        late_us = self.clock.now_us() - self._epoch_us - frame_pts(self._tick)
        missed = late_us * FPS // 1_000_000
        if missed > MAX_FRAMES_BEHIND:
            self._tick += missed
            for performer in self._rows:
                self.skipped_frames += missed
                performer.skip_to(performer.frame + missed)

    def _gather(self) -> _Gathered | None:
        rows = list(self._rows.values())
        if not rows:
            return None
        performers = [row.performer for row in rows]
        audio = frame_features(np.stack([each.sound_ahead(CONTEXT_SAMPLES) for each in performers]))
        activity = np.stack([each.activity_blend() for each in performers])
        emotion = np.stack([each.emotion for each in performers])
        style = np.stack([each.style for each in performers])
        noise = np.stack([row.noise.step() for row in rows])
        split = self.face.noise_size
        phonemes = np.stack([self._phonemes(each) for each in performers])
        return _Gathered(
            rows,
            FaceInputs(audio, phonemes, activity, emotion, style, noise[:, :split]),
            PoseInputs(audio, activity, emotion, style, noise[:, split:]),
            np.stack([row.face_state for row in rows]),
            np.stack([row.pose_state for row in rows]),
        )

    def _phonemes(self, performer: Performer) -> Array:
        frame = performer.frame + self.face.lookahead_frames
        start_s, end_s = frame / FPS, (frame + 1) / FPS
        nearby = performer.track.phonemes_between(start_s, end_s)
        return self.face.phoneme_row(nearby, start_s, end_s)

    def _run(self, gathered: _Gathered) -> _Made:
        face, face_state = self.face.step(gathered.face, gathered.face_state)
        body, pose_state = self.pose.step(gathered.pose, gathered.pose_state)
        return _Made(face, body.rotations, body.hips, face_state, pose_state)

    def _show(self, gathered: _Gathered, made: _Made) -> None:
        for index, row in enumerate(gathered.rows):
            if row.performer not in self._rows:
                continue  # left while the models ran
            row.face_state = made.face_state[index]
            row.pose_state = made.pose_state[index]
            row.performer.show(made.face[index], made.rotations[index], made.hips[index])
