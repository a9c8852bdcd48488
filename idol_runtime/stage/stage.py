"""The stage owns every live character and ticks at the generators' frame rate.

Each tick is one batched run per model over all characters, whatever they do: characters are
rows. A tick gathers in the event loop, computes in one thread, and shows in the event loop, so
no state is ever shared between threads; who joins or leaves meanwhile does so with the next tick.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES
from idol_runtime.character import Character
from idol_runtime.motion.face import FaceInputs, FaceModel
from idol_runtime.motion.gestures import GestureTimes
from idol_runtime.motion.noise import NoiseState
from idol_runtime.motion.pose import PoseInputs, PoseModel, with_head
from idol_runtime.motion.rows import append_rows, keep_rows
from idol_runtime.motion.styles import Styles
from idol_runtime.stage.performer import Performer
from idol_runtime.timeline import FPS, Clock, frame_pts

HEAD = slice(len(ARKIT_BLENDSHAPES), len(ARKIT_BLENDSHAPES) + 3)
"""The columns of a face that turn the head: yaw, pitch and roll in degrees."""
MAX_FRAMES_BEHIND = 6
"""A stage that is later than this skips frames instead of chasing them."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _States:
    """What the next frame of every character depends on, a row each."""

    face: Array
    pose: Array
    face_noise: NoiseState
    pose_noise: NoiseState


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """What each character's generators are told for this frame, a row each."""

    audio: Array
    phonemes: Array
    activity: Array
    face_activity: Array
    emotion: Array
    style: Array
    body_style: Array
    gesture: Array
    beat: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    face: Array
    rotations: Array
    hips: Array


class Stage:
    """All live characters on one beat."""

    def __init__(
        self,
        face: FaceModel,
        pose: PoseModel,
        clock: Clock,
        *,
        styles: Styles | None = None,
        lead_us: int = 300_000,
        buffer_s: float = 20.0,
    ) -> None:
        """An empty stage; `run` begins to tick.

        Args:
            face: The face generator.
            pose: The pose generator.
            clock: Paces the ticks.
            styles: Makes the style codes of face and body; without a prior by default.
            lead_us: How long before its playing time sound is handed to the outputs.
            buffer_s: How much unspoken sound a character may hold before its speech model waits.
        """
        self.face = face
        self.pose = pose
        self.clock = clock
        self.styles = styles or Styles()
        self.skipped_frames = 0
        self.on_tick: Callable[[float], None] = lambda seconds: None
        """Told how long each tick took, in seconds."""
        self.on_eviction: Callable[[str], None] = lambda kind: None
        """Told the kind of each output that failed and was evicted."""
        self._gesture_times = GestureTimes(
            pose.config.gesture_seconds, pose.config.gesture_stroke, FPS
        )
        self._lead_us = lead_us
        self._buffer_s = buffer_s
        self._epoch_us = clock.now_us()
        self._tick = 0
        self._cast: list[Performer] = []
        self._states = self._initial_states(np.zeros(0, np.int64))
        self._first_tick: dict[Performer, int] = {}
        self._seeds: dict[Performer, int] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="idol-stage")

    def join(self, character: Character, seed: int) -> Performer:
        """Brings a character to life; its media clock starts at the next tick.

        Raises:
            ConfigError: the character asks for a style tag that the face does not know.
        """
        performer = Performer(
            character,
            lookahead_frames=self.face.config.lookahead_frames,
            lead_us=self._lead_us,
            buffer_s=self._buffer_s,
            gestures=self._gesture_times,
            style=self.styles.code(character.motion),
            body_style=self.styles.body_code(
                character.motion, self.pose.config.style_axes, self.pose.config.style_tags
            ),
            on_eviction=lambda kind: self.on_eviction(kind),
        )
        self._first_tick[performer] = self._tick
        self._seeds[performer] = seed
        return performer

    def leave(self, performer: Performer) -> None:
        self._first_tick.pop(performer, None)
        self._seeds.pop(performer, None)

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
            if heard := self._gather():
                compute = loop.run_in_executor(self._thread, self._compute, heard, self._states)
                self._show(*await compute)
                self.on_tick(time.perf_counter() - started)
            self._tick += 1

    def tick(self) -> None:
        """One tick at once, for offline rendering and tests."""
        if heard := self._gather():
            self._show(*self._compute(heard, self._states))
        self._tick += 1

    def _skip_missed(self) -> None:
        late_us = self.clock.now_us() - self._epoch_us - frame_pts(self._tick)
        missed = late_us * FPS // 1_000_000
        if missed > MAX_FRAMES_BEHIND:
            self._tick += missed
            for performer in self._cast:
                self.skipped_frames += missed
                performer.skip_to(performer.frame + missed)

    def _gather(self) -> _Heard | None:
        self._change_cast()
        if not self._cast:
            return None
        cast, features = self._cast, self.face.features
        context = features.initial_state(1).shape[1]
        sound = np.stack([each.sound_ahead(context) for each in cast])
        audio, _ = features.step(sound[:, context:], sound[:, :context])
        return _Heard(
            audio=audio[:, 0],
            phonemes=np.stack([self._phonemes(each) for each in cast]),
            activity=np.stack([each.activity_blend() for each in cast]),
            face_activity=np.stack([each.face_activity() for each in cast]),
            emotion=np.stack([each.emotion for each in cast]),
            style=np.stack([each.style for each in cast]),
            body_style=np.stack([each.body_style for each in cast]),
            gesture=np.stack([each.gesture_row() for each in cast]),
            beat=np.stack([each.beat_row() for each in cast]),
        )

    def _phonemes(self, performer: Performer) -> Array:
        frame = performer.frame + self.face.config.lookahead_frames
        start_s, end_s = frame / FPS, (frame + 1) / FPS
        nearby = performer.track.phonemes_between(start_s, end_s)
        middle_s = np.array([(start_s + end_s) / 2])
        row: Array = self.face.phoneme_activations(nearby, middle_s)[0]
        return row

    def _compute(self, heard: _Heard, states: _States) -> tuple[_Shown, _States]:
        face_noise, face_noise_state = self.face.noise.step(states.face_noise)
        pose_noise, pose_noise_state = self.pose.noise.step(states.pose_noise)
        face, face_state = self.face.step(
            FaceInputs(
                audio=heard.audio,
                phonemes=heard.phonemes,
                activity=heard.face_activity,
                emotion=heard.emotion,
                style=heard.style,
                noise=face_noise,
            ),
            states.face,
        )
        body, pose_state = self.pose.step(
            PoseInputs(
                audio=heard.audio,
                activity=heard.activity,
                emotion=heard.emotion,
                gesture=heard.gesture,
                beat=heard.beat,
                style=heard.body_style,
                noise=pose_noise,
            ),
            states.pose,
        )
        after = _States(face_state, pose_state, face_noise_state, pose_noise_state)
        rotations = with_head(body.rotations, face[:, HEAD])
        return _Shown(face, rotations, body.hips), after

    def _show(self, shown: _Shown, states: _States) -> None:
        self._states = states
        for row, performer in enumerate(self._cast):
            if performer in self._first_tick:  # it may have left while the models ran
                performer.show(shown.face[row], shown.rotations[row], shown.hips[row])

    def _change_cast(self) -> None:
        stays = np.array([performer in self._first_tick for performer in self._cast], bool)
        if not stays.all():
            self._states = keep_rows(self._states, stays)
            self._cast = [performer for performer in self._cast if performer in self._first_tick]
        if new := [performer for performer in self._first_tick if performer not in self._cast]:
            seeds = np.array([self._seeds[performer] for performer in new], np.int64)
            self._states = append_rows(self._states, self._initial_states(seeds))
            self._cast = self._cast + new

    def _initial_states(self, seeds: NDArray[np.int64]) -> _States:
        return _States(
            self.face.initial_state(len(seeds)),
            self.pose.initial_state(len(seeds)),
            self.face.noise.initial_state(seeds),
            self.pose.noise.initial_state(seeds + (1 << 32)),
        )
