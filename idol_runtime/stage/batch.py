"""The characters that one generator moves: a row each, one run a frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from idol_protocol.audio import AudioFeatures
from idol_runtime.motion.conditioning import NOISE, FromSound, Generator, sources
from idol_runtime.motion.noise import NoiseState
from idol_runtime.motion.rows import append_rows, keep_rows
from idol_runtime.stage.conditions import Conditions
from idol_runtime.stage.performer import Performer

Array = NDArray[np.float32]
Made = TypeVar("Made")

SoundFeatures: TypeAlias = dict[tuple[AudioFeatures, int, tuple[Performer, ...]], Array]
"""Of one frame, by how they are computed, how many frames ahead, and for which characters."""


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """What the next frame depends on, a row each."""

    model: Array
    noise: NoiseState


class Batch(Generic[Made]):
    """The rows of one generator."""

    def __init__(self, generator: Generator[Made], *, seed_offset: int = 0) -> None:
        """An empty batch.

        Args:
            generator: What moves its members.
            seed_offset: Added to each character's seed, so that its generators differ in noise.
        """
        self.generator = generator
        self.members: tuple[Performer, ...] = ()
        self.states = self._initial_states([])
        self._sources = sources(generator.inputs)
        self._seed_offset = seed_offset

    def change_members(self, seeds: Mapping[Performer, int]) -> None:
        """Keeps the rows of members that stay; new ones begin at rest, after the others.

        Args:
            seeds: Of all members, in the order in which they came.
        """
        stays = np.array([each in seeds for each in self.members], bool)
        if not stays.all():
            self.states = keep_rows(self.states, stays)
        stayed = [each for each in self.members if each in seeds]
        if new := [each for each in seeds if each not in stayed]:
            more = self._initial_states([seeds[each] + self._seed_offset for each in new])
            self.states = append_rows(self.states, more)
        self.members = (*stayed, *new)

    def gather(
        self, conditions: Mapping[Performer, Conditions], shared: SoundFeatures
    ) -> "Run[Made]":
        """The next frame of all members, ready to be made.

        Args:
            conditions: Of every member.
            shared: Features that generators of this frame have computed already; added to.
        """
        rows = [conditions[each] for each in self.members]
        inputs = {
            name: self._features(source.name, rows, shared)
            if isinstance(source, FromSound)
            else _stacked(source.name, rows)
            for name, source in self._sources.items()
        }
        return Run(self, self.members, inputs, self.states)

    def _features(self, name: str, rows: Sequence[Conditions], shared: SoundFeatures) -> Array:
        config, log_mel = self.generator.config, self.generator.features
        key = (config.audio, config.lookahead_frames, self.members)
        if key not in shared:
            sound = _stacked(name, rows)
            context = sound.shape[1] - config.audio.frame_samples
            features, _ = log_mel.step(sound[:, context:], sound[:, :context])
            shared[key] = features[:, 0]
        return shared[key]

    def _initial_states(self, seeds: Sequence[int]) -> States:
        return States(
            self.generator.initial_state(len(seeds)),
            self.generator.noise.initial_state(np.array(seeds, np.int64)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Run(Generic[Made]):
    """A frame that is to be made; holds nothing that changes meanwhile."""

    batch: Batch[Made]
    members: tuple[Performer, ...]
    inputs: Mapping[str, Array]
    states: States

    def compute(self) -> "BatchFrame[Made]":
        generator = self.batch.generator
        noise, noise_state = generator.noise.step(self.states.noise)
        inputs: Any = generator.inputs(**self.inputs, **{NOISE: noise})
        made, state = generator.step(inputs, self.states.model)
        return BatchFrame(self.batch, self.members, made, States(state, noise_state))


@dataclass(frozen=True, slots=True, eq=False)
class BatchFrame(Generic[Made]):
    """A frame that was made."""

    batch: Batch[Made]
    members: tuple[Performer, ...]
    made: Made
    """A row for each member."""
    states: States

    def accept(self) -> None:
        """The next frame follows this one."""
        self.batch.states = self.states


def _stacked(name: str, rows: Sequence[Conditions]) -> Array:
    """A condition of all members, a row each."""
    return np.stack([getattr(row, name) for row in rows])
