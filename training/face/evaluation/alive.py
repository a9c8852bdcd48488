"""The upper face, eyes and head: are they alive as real ones are, quiet when silent, and steady?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from idol_protocol.channels import FACE_ACTIVITIES
from idol_protocol.frames import AUDIO_RATE_HZ, FPS, FRAME_SAMPLES
from training.evaluation.measures import mean_known
from training.face.data import speaking_stream
from training.face.evaluation.measures import (
    Blinks,
    band_share,
    blinks,
    ks_distance,
    pairwise_distance,
    spectrum,
    spread,
)
from training.face.evaluation.sets import Captures, Subject
from training.face.evaluation.voices import SHUT, opening
from training.face.model import LIPS, MADE
from training.features import log_mel

Array = NDArray[Any]

BROWS: Final = (
    "browInnerUp", "browDownLeft", "browDownRight", "browOuterUpLeft", "browOuterUpRight",
)  # fmt: skip
HEAD: Final = ("headYaw", "headPitch", "headRoll")
EYES: Final = ("leftEyeYaw", "leftEyePitch")
WATCHED: Final = (*BROWS, *HEAD, *EYES)
WINDOW: Final = 75
"""Frames (2.5 s) in which spreads and spectra are taken: the shortest captures last 3 s."""
QUICK_HZ: Final = (2.0, 8.0)
_LID = MADE.index("eyeBlinkLeft")
_ROOM_DB = -60.0


@dataclass(slots=True)
class Living:
    """What one run does on its own: motions [frames, 51] per activity."""

    silent: dict[str, Array]
    """Per activity, without sound."""
    speaking: Array | None
    """With a voice that it never trained on."""
    room: float
    """Largest opening of the mouth in the noise of a quiet room."""
    seeds: list[Array] = field(default_factory=list)
    """The same stretch under several seeds."""

    @property
    def by_activity(self) -> dict[str, Array]:
        spoken = {} if self.speaking is None else {"speak": self.speaking}
        return self.silent | spoken


def live(
    subject: Subject, voice: NDArray[np.float32] | None, *, seconds: int, seeds: int
) -> Living:
    """Plays silence in every activity, a quiet room, and a voice when there is one."""
    silence = log_mel(torch.zeros(AUDIO_RATE_HZ * seconds)).numpy()
    rng = np.random.default_rng(3)
    hiss = (rng.standard_normal(AUDIO_RATE_HZ * min(seconds, 60)) * 10 ** (_ROOM_DB / 20)).astype(
        "f4"
    )
    room = subject.player.play(speaking_stream(log_mel(torch.from_numpy(hiss)).numpy()))
    silent = {
        name: subject.player.play(speaking_stream(silence, name), seed=index)
        for index, name in enumerate(FACE_ACTIVITIES)
    }
    spoken = None if voice is None else log_mel(torch.from_numpy(voice)).numpy()
    stretch = speaking_stream((silence if spoken is None else spoken)[: 20 * FPS])
    return Living(
        silent,
        None if spoken is None else subject.player.play(speaking_stream(spoken)),
        float(opening(room).max()),
        [subject.player.play(stretch, seed=seed) for seed in range(1, seeds + 1)],
    )


def in_silence(living: Living) -> dict[str, Any]:
    return {
        "seconds": len(next(iter(living.silent.values()))) / FPS,
        "shut_is_below": SHUT,
        "largest_opening": {name: float(opening(m).max()) for name, m in living.silent.items()},
        "largest_opening_in_room_noise": living.room,
    }


def diversity(living: Living) -> dict[str, float]:
    """Mean absolute difference between seeds; the lips must not differ at all."""

    def apart(names: Sequence[str]) -> float:
        columns = [MADE.index(name) for name in names]
        return pairwise_distance([motion[:, columns] for motion in living.seeds])

    weights = [name for name in MADE[len(LIPS) :] if not name.endswith(("Yaw", "Pitch", "Roll"))]
    lips = [motion[:, : len(LIPS)] for motion in living.seeds]
    return {
        "seeds": len(living.seeds),
        "lips_largest_difference": max((float(np.abs(lip - lips[0]).max()) for lip in lips[1:]),
                                       default=0.0),
        "upper_weights": apart(weights),
        "brows": apart(BROWS),
        "head_deg": apart(HEAD),
        "eyes_deg": apart(EYES),
    }  # fmt: skip


def real_blinks(captures: Captures) -> dict[str, Blinks]:
    """Per person, over the takes without sound."""
    lids: dict[str, list[Array]] = {}
    for take in captures.takes:
        if take.known[_LID]:
            lids.setdefault(take.speaker, []).append(take.motion[:, _LID])
    return {speaker: blinks(takes, FPS) for speaker, takes in lids.items()}


def made_blinks(living: Living) -> dict[str, Blinks]:
    return {name: blinks([m[:, _LID]], FPS) for name, m in living.by_activity.items()}


def compare_blinks(made: Mapping[str, Blinks], real: Mapping[str, Blinks]) -> dict[str, Any]:
    """Rates, lengths and intervals, and how far their distributions are from real ones.

    The floor is what one real person is from the others.
    """
    found: dict[str, Any] = {
        "made": {name: each.summary() for name, each in made.items()},
        "real": {name: each.summary() for name, each in real.items()},
    }
    if not real:
        return found
    everyone, people = _pooled(list(real.values())), list(real.values())
    distances = {name: _blink_distances(each, everyone) for name, each in made.items()}
    found["distance_to_real"] = distances
    if len(people) > 1:
        rest = [_pooled(people[:i] + people[i + 1 :]) for i in range(len(people))]
        floor = [_blink_distances(a, b) for a, b in zip(people, rest, strict=True)]
        found["floor_one_person_to_the_others"] = {
            key: mean_known([each[key] for each in floor]) for key in floor[0]
        }
    return found


def _pooled(takes: Sequence[Blinks]) -> Blinks:
    return Blinks(
        sum(take.minutes for take in takes),
        np.concatenate([take.lengths_s for take in takes]),
        np.concatenate([take.intervals_s for take in takes]),
    )


def _blink_distances(a: Blinks, b: Blinks) -> dict[str, float]:
    return {
        "intervals_ks": ks_distance(a.intervals_s, b.intervals_s),
        "lengths_ks": ks_distance(a.lengths_s, b.lengths_s),
        "rate_octaves": _octaves(a.per_minute, b.per_minute, least=0.1),
    }


def real_motion(captures: Captures) -> dict[str, dict[str, list[Array]]]:
    """Source -> channel -> curves: talking people of every paired set, and takes without sound."""
    found: dict[str, dict[str, list[Array]]] = {}
    for clip in captures.clips:
        _gather(found, f"{clip.dataset} (talking)", clip.real, clip.known > 0)
    for take in captures.takes:
        _gather(found, f"{take.dataset} (takes)", take.motion, take.known)
    return {source: channels for source, channels in found.items() if channels}


def _gather(
    found: dict[str, dict[str, list[Array]]], source: str, motion: Array, known: Array
) -> None:
    channels = found.setdefault(source, {})
    for name in WATCHED:
        column = MADE.index(name)
        if known[column] and motion[:, column].any():
            channels.setdefault(name, []).append(motion[:, column])


def statistics(curves: Mapping[str, Sequence[Array]]) -> dict[str, dict[str, float]]:
    """Channel -> spread within 2.5 s windows and the share of its power between 2 and 8 Hz."""
    found = {}
    for name, takes in curves.items():
        hz, power = spectrum(takes, WINDOW, FPS)
        found[name] = {
            "spread": spread(takes, WINDOW),
            "quick_share": band_share(hz, power, *QUICK_HZ),
        }
    return found


def compare_motion(
    motion: Array, real: Mapping[str, Mapping[str, Sequence[Array]]]
) -> dict[str, Any]:
    """Brow, head and eye statistics of a motion and of real ones, with one number per source.

    `spread_octaves`: mean |log2(made / real)| of the spreads; 1 means off by a factor of two.
    """
    ours = statistics({name: [motion[:, MADE.index(name)]] for name in WATCHED})
    found: dict[str, Any] = {"made": ours, "real": {}, "distance_to_real": {}}
    for source, channels in real.items():
        theirs = statistics(channels)
        found["real"][source] = theirs
        found["distance_to_real"][source] = {
            group: _gap(ours, theirs, names)
            for group, names in (("brows", BROWS), ("head", HEAD), ("eyes", EYES))
            if any(name in theirs for name in names)
        }
    return found


def _gap(
    ours: Mapping[str, Mapping[str, float]],
    theirs: Mapping[str, Mapping[str, float]],
    names: Sequence[str],
) -> dict[str, float]:
    both = [name for name in names if name in theirs]
    return {
        "spread_octaves": float(
            np.mean([abs(_octaves(ours[n]["spread"], theirs[n]["spread"])) for n in both])
        ),
        "quick_share_gap": float(
            np.mean([abs(ours[n]["quick_share"] - theirs[n]["quick_share"]) for n in both])
        ),
    }


def _octaves(a: float, b: float, least: float = 1e-4) -> float:
    return float(np.log2(max(a, least) / max(b, least)))


def drift(subject: Subject, voice: NDArray[np.float32] | None, *, minutes: int) -> dict[str, Any]:
    """Minutes on end: idle in silence, and one minute of speech said over and over.

    The same sound must give the same lips in every minute but the first. The rest follows its
    noise, so minutes differ; `upper_z` is the largest difference of any channel's mean between the
    first and the second half, in standard errors over the minutes: a drift grows with the length.
    """
    minute = 60 * FPS
    silence = log_mel(torch.zeros(FRAME_SAMPLES * minute * minutes)).numpy()
    scenes = {"idle": speaking_stream(silence, "idle")}
    if voice is not None:
        said = np.resize(voice, FRAME_SAMPLES * minute)
        again = log_mel(torch.from_numpy(np.tile(said, minutes))).numpy()
        scenes["speak"] = speaking_stream(again)
    return {"minutes": minutes} | {
        name: _drift(subject.player.play(stream, seed=11).reshape(minutes, minute, -1))
        for name, stream in scenes.items()
    }


def _drift(made: Array) -> dict[str, Any]:
    """From [minutes, frames, 51]."""
    lips = made[1:-1, :, : len(LIPS)]
    upper = made[:, :, len(LIPS) :].mean(axis=1)
    half = len(upper) // 2
    early, late = upper[:half], upper[-half:]
    error = np.sqrt((early.var(axis=0, ddof=1) + late.var(axis=0, ddof=1)) / half)
    z = np.abs(late.mean(axis=0) - early.mean(axis=0)) / np.maximum(error, 1e-6)
    deviation = made[:, :, len(LIPS) :].std(axis=1)
    head = [MADE.index(name) - len(LIPS) for name in HEAD]
    return {
        "lips_largest_difference": float(np.abs(lips - lips[:1]).max()),
        "upper_z": float(z.max()),
        "upper_z_channel": MADE[len(LIPS) + int(z.argmax())],
        "head_spread_deg_by_minute": deviation[:, head].mean(axis=1).tolist(),
        "blinks_by_minute": [blinks([part[:, _LID]], FPS).per_minute for part in made],
    }
