"""The stage owns every live character and ticks at the generators' frame rate.

Each tick is one batched run per model over all characters that it moves, whatever they do:
characters are rows. A tick gathers in the event loop, computes in one thread, and shows in the
event loop, so no state is ever shared between threads; a character that joins or leaves
meanwhile does so with the next tick.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES
from idol_runtime.character import Character
from idol_runtime.motion.face import FaceModel
from idol_runtime.motion.pose import PoseBatch, PoseModel, with_head
from idol_runtime.stage.batch import Batch, BatchFrame, Run, SoundFeatures
from idol_runtime.stage.beat import Beats
from idol_runtime.stage.gaze import Glance
from idol_runtime.stage.generators import Generators
from idol_runtime.stage.performer import Performer
from idol_runtime.timeline import FPS, Clock, frame_pts

HEAD = slice(len(ARKIT_BLENDSHAPES), len(ARKIT_BLENDSHAPES) + 3)
"""The columns of a face that turn the head: yaw, pitch and roll in degrees."""
MAX_FRAMES_BEHIND = 6
"""A stage that is later than this skips frames instead of chasing them."""
POSE_SEEDS = 1 << 32
"""Added to a character's seed, so that its body does not move with its face."""

Array = NDArray[np.float32]


@dataclass(slots=True, eq=False)
class _Place:
    """Of a live character."""

    generators: Generators
    seed: int
    first_tick: int | None = None
    """When its media clock began; None before that."""


@dataclass(frozen=True, slots=True, eq=False)
class _Gathered:
    """A tick that is to be computed."""

    faces: list[Run[Array]]
    bodies: list[Run[PoseBatch]]
    glances: dict[Performer, Glance]
    """Of those that look somewhere for their reply's sake."""


@dataclass(frozen=True, slots=True, eq=False)
class _Computed:
    faces: list[BatchFrame[Array]]
    bodies: list[BatchFrame[PoseBatch]]
    rotations: list[Array]
    """Of the bodies, with the turns of their heads."""


class Stage:
    """All live characters on one beat."""

    def __init__(
        self,
        generators: Callable[[Character], Generators],
        clock: Clock,
        *,
        lead_us: int = 300_000,
        buffer_s: float = 20.0,
        own_beat: Callable[[float], Beats] | None = None,
    ) -> None:
        """An empty stage; `run` begins to tick.

        Args:
            generators: Gives what moves a character; the same again where characters share it.
            clock: Paces the ticks.
            lead_us: How long before its playing time sound is handed to the outputs.
            buffer_s: How much unspoken sound a character may hold before its speech model waits.
            own_beat: What a reply dances to without music, given the media time of the first beat.
        """
        self.clock = clock
        self.skipped_frames = 0
        self.on_tick: Callable[[float], None] = lambda seconds: None
        """Told how long each tick took, in seconds."""
        self.on_eviction: Callable[[str], None] = lambda kind: None
        """Told the kind of each output that failed and was evicted."""
        self.on_skip: Callable[[int], None] = lambda frames: None
        """Told how many frames of all characters together were too late to be made."""
        self.evicted: Counter[str] = Counter()
        """How many outputs of each kind were evicted."""
        self._generators = generators
        self._lead_us = lead_us
        self._buffer_s = buffer_s
        self._own_beat = own_beat
        self._epoch_us = clock.now_us()
        self._tick = 0
        self._cast: dict[Performer, _Place] = {}
        self._cast_has_changed = False
        self._resting: set[Performer] = set()
        self._faces: dict[FaceModel, Batch[Array]] = {}
        self._bodies: dict[PoseModel, Batch[PoseBatch]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="idol-stage")

    def join(self, character: Character, seed: int) -> Performer:
        """Brings a character to life; its media clock starts at the next tick.

        Raises:
            ConfigError: the character asks for a style tag that its face does not know.
            BundleError: its own face or body cannot be opened.
        """
        generators = self._generators(character)
        performer = Performer(
            character,
            conditioning=generators.conditioning(character),
            lead_us=self._lead_us,
            buffer_s=self._buffer_s,
            on_eviction=self._evicted,
            own_beat=self._own_beat,
        )
        self._cast[performer] = _Place(generators, seed)
        self._cast_has_changed = True
        return performer

    def leave(self, performer: Performer) -> None:
        self._cast_has_changed |= self._cast.pop(performer, None) is not None

    def check(self, character: Character) -> None:
        """Opens what moves a character, so that `join` will not have to.

        Raises:
            ConfigError: the character asks for a style tag that its face does not know.
            BundleError: its own face or body cannot be opened.
        """
        self._generators(character).conditioning(character)

    def now_us(self, performer: Performer) -> int:
        """The character's media time; 0 until its clock begins."""
        first_tick = self._cast[performer].first_tick
        if first_tick is None:
            return 0
        return max(0, self.clock.now_us() - self._epoch_us - frame_pts(first_tick))

    def close(self) -> None:
        """Ends the stage's thread once nothing ticks any more."""
        self._thread.shutdown()

    async def run(self) -> None:
        """Ticks until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due_us = self._epoch_us + frame_pts(self._tick)
            await asyncio.sleep(max(0, due_us - self.clock.now_us()) / 1e6)
            self.catch_up()
            started = time.perf_counter()
            if gathered := self._gather():
                self._show(await loop.run_in_executor(self._thread, _compute, gathered))
                self.on_tick(time.perf_counter() - started)
            self._tick += 1

    def tick(self) -> None:
        """One tick at once, for offline rendering and tests."""
        if gathered := self._gather():
            self._show(_compute(gathered))
        self._tick += 1

    def catch_up(self) -> None:
        """Skips the frames that are too late to be made."""
        late_us = self.clock.now_us() - self._epoch_us - frame_pts(self._tick)
        missed = late_us * FPS // 1_000_000
        if missed > MAX_FRAMES_BEHIND:
            self._tick += missed
            skipped = 0
            for performer, place in self._cast.items():
                if place.first_tick is not None and performer not in self._resting:
                    skipped += missed
                    performer.skip_to(performer.frame + missed)
            self.skipped_frames += skipped
            self.on_skip(skipped)

    def _evicted(self, kind: str) -> None:
        self.evicted[kind] += 1
        self.on_eviction(kind)

    def _gather(self) -> _Gathered | None:
        self._let_rest()
        self._change_cast()
        conditions = {performer: performer.conditions() for performer in self._moving()}
        if not conditions:
            return None
        shared: SoundFeatures = {}
        return _Gathered(
            [batch.gather(conditions, shared) for batch in self._faces.values()],
            [batch.gather(conditions, shared) for batch in self._bodies.values()],
            {each: glance for each in conditions if (glance := each.glance()) is not None},
        )

    def _show(self, computed: _Computed) -> None:
        for face in computed.faces:
            face.accept()
        rows = _rows(computed.faces)
        for body, rotations in zip(computed.bodies, computed.rotations, strict=True):
            body.accept()
            for row, performer in enumerate(body.members):
                if performer in self._cast:  # it may have left while the models ran
                    performer.show(rows[performer], rotations[row], body.made.hips[row])

    def _moving(self) -> list[Performer]:
        return [performer for performer in self._cast if performer not in self._resting]

    def _let_rest(self) -> None:
        """Frames that nobody misses are not made; who is met again is where its time is by now."""
        resting = {performer for performer in self._cast if performer.is_at_rest}
        for performer in self._resting - resting:
            place = self._cast.get(performer)
            if place is not None and place.first_tick is not None:
                performer.skip_to(self._tick - place.first_tick)
        self._cast_has_changed |= resting != self._resting
        self._resting = resting

    def _change_cast(self) -> None:
        if not self._cast_has_changed:
            return
        self._cast_has_changed = False
        faces: dict[FaceModel, dict[Performer, int]] = {}
        bodies: dict[PoseModel, dict[Performer, int]] = {}
        for performer, place in self._cast.items():
            if performer in self._resting:
                continue
            if place.first_tick is None:
                place.first_tick = self._tick
            faces.setdefault(place.generators.face, {})[performer] = place.seed
            bodies.setdefault(place.generators.pose, {})[performer] = place.seed
        self._faces = {face: self._faces.get(face) or Batch(face) for face in faces}
        self._bodies = {
            pose: self._bodies.get(pose) or Batch(pose, seed_offset=POSE_SEEDS) for pose in bodies
        }
        for face, seeds in faces.items():
            self._faces[face].change_members(seeds)
        for pose, seeds in bodies.items():
            self._bodies[pose].change_members(seeds)


def _compute(gathered: _Gathered) -> _Computed:
    """Runs every model once; in the stage's thread, so it touches nothing that may change."""
    faces = [_looking(run.compute(), gathered.glances) for run in gathered.faces]
    bodies = [run.compute() for run in gathered.bodies]
    rotations = [with_head(body.made.rotations, _heads(body.members, faces)) for body in bodies]
    return _Computed(faces, bodies, rotations)


def _looking(frame: BatchFrame[Array], glances: Mapping[Performer, Glance]) -> BatchFrame[Array]:
    """The faces that look somewhere, looking there; the heads of the bodies follow."""
    if glances.keys().isdisjoint(frame.members):
        return frame
    made = frame.made.copy()
    for row, performer in enumerate(frame.members):
        if (glance := glances.get(performer)) is not None:
            made[row] = glance.on(made[row])
    return replace(frame, made=made)


def _heads(members: Sequence[Performer], faces: Sequence[BatchFrame[Array]]) -> Array:
    """Yaw, pitch and roll of these characters, [B, 3]."""
    for face in faces:
        if face.members == members:
            return face.made[:, HEAD]
    rows = _rows(faces)
    return np.stack([rows[performer][HEAD] for performer in members])


def _rows(faces: Sequence[BatchFrame[Array]]) -> dict[Performer, Array]:
    return {
        performer: row
        for face in faces
        for performer, row in zip(face.members, face.made, strict=True)
    }
