"""How the inputs of a generator take what a character's conditions say, by name.

An input takes the condition of its own name, unless its field says otherwise:

    class FaceInputs:
        audio: Annotated[Array, FromSound("face_sound")]  # features of it
        activity: Annotated[Array, FromCondition("face_activity")]
        emotion: Array  # the condition `emotion`
        noise: Array  # drawn by the generator itself
"""

from dataclasses import dataclass, fields
from typing import Any, Final, Protocol, TypeAlias, TypeVar, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from idol_protocol.audio import AudioFeatures
from idol_runtime.motion.features import LogMel
from idol_runtime.motion.noise import Noise

NOISE: Final = "noise"

Array = NDArray[np.float32]
Made = TypeVar("Made", covariant=True)


class GeneratorConfig(Protocol):
    @property
    def lookahead_frames(self) -> int: ...

    @property
    def audio(self) -> AudioFeatures: ...


class Generator(Protocol[Made]):
    """A model that moves characters, a row each, a frame at a time."""

    inputs: type[Any]
    """A dataclass of arrays with a row for each character."""

    @property
    def config(self) -> GeneratorConfig: ...

    @property
    def features(self) -> LogMel: ...

    @property
    def noise(self) -> Noise: ...

    def initial_state(self, batch: int) -> Array: ...

    def step(self, inputs: Any, state: Array) -> tuple[Made, Array]: ...


@dataclass(frozen=True, slots=True)
class FromCondition:
    """An input that takes the condition of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class FromSound:
    """An input that takes the features of the condition of this name, which is sound."""

    name: str


Source: TypeAlias = FromCondition | FromSound


def sources(inputs: type[Any]) -> dict[str, Source]:
    """Where each input but the noise comes from; `inputs` is a dataclass of arrays."""
    hints = get_type_hints(inputs, include_extras=True)
    found: dict[str, Source] = {}
    for each in fields(inputs):
        noted = [note for note in get_args(hints[each.name]) if isinstance(note, Source)]
        if each.name != NOISE:
            found[each.name] = noted[0] if noted else FromCondition(each.name)
    return found


def feeds(inputs: Any, state: Array) -> dict[str, Array]:
    """What the session of a generator is run with."""
    return {each.name: getattr(inputs, each.name) for each in fields(inputs)} | {"state": state}
