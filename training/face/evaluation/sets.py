"""The material of the tests: captured clips, takes without sound and synthesised speech.

A run is scored on what it never trained on, and on nothing else. `by clip` means that other
recordings of the speaker were trained on, `by speaker` that none was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import FACE_CHANNELS
from idol_protocol.frames import AUDIO_RATE_HZ, FPS
from training.face.data import Stream, captured_stream
from training.face.model import MADE
from training.face.player import FacePlayer
from training.face.speech import HELD_OUT_VOICES, SyntheticUtterance, load_speech
from training.ingest.recording import (
    CARD_FILE,
    DatasetCard,
    Recording,
    read_card,
    read_dataset,
    resampled,
)

COLUMNS = np.array([FACE_CHANNELS.index(name) for name in MADE])
"""Of a captured face, in `MADE` order."""
MOUTH = tuple(i for i, name in enumerate(MADE) if name.startswith(("jaw", "mouth", "tongue")))

Motion = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CapturedClip:
    """A captured recording with sound, at 30 fps."""

    dataset: str
    recording: Recording
    source_fps: float
    """The rate it was captured at."""
    stream: Stream

    @property
    def name(self) -> str:
        return self.recording.name

    @property
    def real(self) -> Motion:
        return self.stream.target

    @property
    def known(self) -> NDArray[np.float32]:
        return self.stream.mask


@dataclass(frozen=True, slots=True)
class SilentTake:
    """A captured recording without sound: [frames, 51] at 30 fps and what of it is known."""

    dataset: str
    name: str
    speaker: str
    motion: Motion
    known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Captures:
    cards: tuple[DatasetCard, ...] = ()
    clips: tuple[CapturedClip, ...] = ()
    takes: tuple[SilentTake, ...] = ()

    def of(self, dataset: str) -> list[CapturedClip]:
        return [clip for clip in self.clips if clip.dataset == dataset]

    @property
    def paired(self) -> list[str]:
        """Names of the data sets with sound."""
        return list(dict.fromkeys(clip.dataset for clip in self.clips))


@dataclass(frozen=True, slots=True)
class Subject:
    """A trained run under test."""

    name: str
    player: FacePlayer

    @classmethod
    def open(cls, name: str, run: Path) -> "Subject":
        return cls(name, FacePlayer.open(run))

    def may_judge(self, clip: "CapturedClip | SilentTake") -> bool:
        """Whether the run says that the recording had no part in its weights."""
        return self.player.seen is not None and clip.name not in self.player.seen

    def play(self, clip: CapturedClip) -> Motion:
        return self.player.play(
            with_style(clip.stream, self.player.style_for(clip.recording.speaker))
        )


def load_captures(folder: Path) -> Captures:
    """Every data set in the folders below, without those whose curves a model made.

    Raises:
        SystemExit: there is none.
    """
    found = sorted(path.parent for path in folder.glob(f"*/{CARD_FILE}"))
    if not found:
        raise SystemExit(
            f"{folder}: expected folders of captures with a {CARD_FILE} each, found none; "
            "make them with `python -m training.ingest`."
        )
    cards, clips, takes = [], [], []
    for path in found:
        if read_card(path).kind == "made":
            continue
        data = read_dataset(path)
        cards.append(data.card)
        for recording in data.recordings:
            even = resampled(recording, FPS)
            known = recording.known[COLUMNS]
            if recording.audio is None:
                motion = np.ascontiguousarray(even.face[:, COLUMNS])
                who = recording.name, recording.speaker
                takes.append(SilentTake(path.name, *who, motion, known))
            elif known[MADE.index("jawOpen")]:
                stream = captured_stream(even, np.random.default_rng(0), clean=True)
                clips.append(CapturedClip(path.name, even, recording.fps, stream))
    return Captures(tuple(cards), tuple(clips), tuple(takes))


def split_of(clip: CapturedClip, subject: Subject, captures: Captures) -> str:
    """`by speaker` when the run saw no recording of the clip's speaker, else `by clip`."""
    same = [c for c in captures.clips if c.recording.speaker == clip.recording.speaker]
    return "by speaker" if all(subject.may_judge(c) for c in same) else "by clip"


def refuse_seen(subject: Subject, clips: Iterable[CapturedClip], why: str) -> None:
    """Stops before a run is scored on what it trained on.

    Raises:
        SystemExit: names the recordings.
    """
    seen = sorted(clip.name for clip in clips if not subject.may_judge(clip))
    if not seen:
        return
    found = (
        "the run has no record of what it saw"
        if subject.player.seen is None
        else "its record names them"
    )
    raise SystemExit(
        f"Run {subject.name!r}: expected a run that never saw {', '.join(seen)} ({why}), but "
        f"{found}; train it with `--held-out {' '.join(seen)}`."
    )


def with_style(stream: Stream, style: NDArray[np.float32]) -> Stream:
    return replace(stream, style=np.tile(style, (len(stream.audio), 1)))


def held_out_speech(folder: Path) -> list[SyntheticUtterance]:
    """Utterances of the voices that training never hears.

    Raises:
        SystemExit: there is none.
    """
    found = [u for u in load_speech(folder) if u.voice in HELD_OUT_VOICES]
    if not found:
        raise SystemExit(
            f"{folder}: expected utterances of {', '.join(HELD_OUT_VOICES)}, found none; "
            "make more with `python -m training.face.speech`."
        )
    return found


def talk(utterances: Sequence[SyntheticUtterance], seconds: float) -> NDArray[np.float32]:
    """Utterances with 0.4 s between them, said again from the start until it is long enough."""
    pause = np.zeros(round(0.4 * AUDIO_RATE_HZ), np.float32)
    pieces: list[NDArray[np.float32]] = []
    while sum(map(len, pieces)) < seconds * AUDIO_RATE_HZ:
        for utterance in utterances:
            pieces += [utterance.samples, pause]
    return np.concatenate(pieces)[: round(seconds * AUDIO_RATE_HZ)]
