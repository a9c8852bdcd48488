"""What every section of a face's evaluation looks at, opened and checked once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.evaluation.frame_cost import frame_cost
from training.evaluation.report import WITHOUT_GAN, Metrics
from training.face.data import sound_of
from training.face.evaluation import alive
from training.face.evaluation.captures import Judged, judge
from training.face.evaluation.measures import Blinks
from training.face.evaluation.realism import UpperFaceReference
from training.face.evaluation.sets import (
    CapturedClip,
    Captures,
    Subject,
    held_out_speech,
    load_captures,
    refuse_seen,
    talk,
)
from training.face.evaluation.vertices import ArkitHead
from training.face.evaluation.voices import score_voices
from training.face.speech import SyntheticUtterance

MAIN: Final = "this run"


@dataclass(frozen=True, slots=True)
class FaceRequest:
    """What to evaluate and with what; everything but the run may be absent."""

    run: Path
    data: Path | None = None
    speech: Path | None = None
    folds: Mapping[str, Path] = field(default_factory=dict)
    """Recording -> the run that never trained on it."""
    without_gan: Path | None = None
    ablations: Mapping[str, Path] = field(default_factory=dict)
    bundle: Path | None = None
    head: ArkitHead | None = None
    by_speaker: tuple[str, ...] = ("grid",)
    """Data sets whose speakers no judged run may have trained on."""
    silence_s: int = 300
    drift_minutes: int = 10
    seeds: int = 4


@dataclass(frozen=True, eq=False)
class FaceBench:
    request: FaceRequest
    main: Subject
    folds: Mapping[str, Subject]
    rivals: Mapping[str, Subject]
    """Other runs to compare with, the one without the adversarial part first."""
    captures: Captures
    utterances: list[SyntheticUtterance]
    cost: Metrics | None

    @classmethod
    def open(cls, request: FaceRequest) -> "FaceBench":
        """Opens runs and material.

        Raises:
            SystemExit: a run would be scored on what it trained on, or an input is not what it
                should be.
        """
        main = Subject.open(MAIN, request.run)
        folds = {name: Subject.open(f"fold {name}", run) for name, run in request.folds.items()}
        first = {WITHOUT_GAN: request.without_gan} if request.without_gan else {}
        runs = first | dict(request.ablations)
        rivals = {name: Subject.open(name, run) for name, run in runs.items()}
        captures = load_captures(request.data) if request.data else Captures()
        clips = {clip.name: clip for clip in captures.clips}
        for name, subject in folds.items():
            if name not in clips:
                raise SystemExit(
                    f"--fold {name}: expected a captured recording with sound, found "
                    f"{', '.join(sorted(clips)) or 'none'}; check the name and --data."
                )
            refuse_seen(subject, [clips[name]], "its fold")
        for subject in (main, *rivals.values()):
            for dataset in request.by_speaker:
                refuse_seen(subject, captures.of(dataset), f"{dataset}, by speaker")
        utterances = held_out_speech(request.speech) if request.speech else []
        # Measured before a progress bar or anything else takes time from it.
        cost = frame_cost(request.bundle, "face") if request.bundle else None
        return cls(request, main, folds, rivals, captures, utterances, cost)

    @property
    def without_gan(self) -> Subject | None:
        return self.rivals.get(WITHOUT_GAN)

    @cached_property
    def voice(self) -> NDArray[np.float32] | None:
        """Somebody's speech that the run never trained on, as long as the silences."""
        seconds = self.request.silence_s
        if self.utterances:
            return talk(self.utterances, seconds)
        unseen = [clip for clip in self.captures.clips if self.main.may_judge(clip)]
        said = [SyntheticUtterance(sound_of(clip.recording), [], clip.name, "") for clip in unseen]
        return talk(said, seconds) if said else None

    def pairs(self, dataset: str) -> list[tuple[CapturedClip, Subject]]:
        """Clips of a set with the run that may be scored on each: its fold, else the main run."""
        found = []
        for clip in self.captures.of(dataset):
            if clip.name in self.folds:
                found.append((clip, self.folds[clip.name]))
            elif self.main.may_judge(clip):
                found.append((clip, self.main))
        return found

    @cached_property
    def judged(self) -> dict[str, list[Judged]]:
        """Data set -> its clips as they were played."""
        every = {name: self.pairs(name) for name in self.captures.paired}
        return {name: judge(pairs, self.without_gan) for name, pairs in every.items() if pairs}

    @cached_property
    def voices(self) -> Metrics | None:
        if not self.utterances:
            return None
        return score_voices(self.main, self.utterances, more=self.rivals)

    @cached_property
    def living(self) -> alive.Living:
        """What the main run does on its own."""
        return self.live(self.main)

    def live(self, subject: Subject) -> alive.Living:
        seconds, seeds = self.request.silence_s, self.request.seeds
        return alive.live(subject, self.voice, seconds=seconds, seeds=seeds)

    @cached_property
    def made_blinks(self) -> dict[str, Blinks]:
        return alive.made_blinks(self.living)

    @cached_property
    def real_blinks(self) -> dict[str, Blinks]:
        return alive.real_blinks(self.captures)

    @cached_property
    def real_motion(self) -> dict[str, dict[str, list[NDArray[Any]]]]:
        return alive.real_motion(self.captures)

    @cached_property
    def reference(self) -> UpperFaceReference | None:
        return UpperFaceReference.of(self.captures)

    @cached_property
    def unseen_reference(self) -> UpperFaceReference | None:
        """Of the takes that no critic was shown; None when all or none of them were."""
        unseen = tuple(take for take in self.captures.takes if self.main.may_judge(take))
        if not 0 < len(unseen) < len(self.captures.takes):
            return None
        return UpperFaceReference.of(replace(self.captures, takes=unseen))
