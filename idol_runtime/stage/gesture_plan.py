"""Which gestures a character makes, on which words, and the cues that announce them."""

import bisect
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ
from idol_runtime.motion.gestures import GestureTimes, GestureTrack, Span, exclude_each_other
from idol_runtime.speech.words import word_onsets
from idol_runtime.stage.utterance import Utterance, gesture_cue
from idol_runtime.timeline import FPS, Gesture, GestureCue, Phoneme


class GesturePlan:
    """The gestures of one character; `advance` moves on from frame to frame."""

    def __init__(self, times: GestureTimes, language: str) -> None:
        """An empty plan.

        Args:
            times: How long gestures take.
            language: Of what the character says.
        """
        self._times = times
        self._language = language
        self._track = GestureTrack(times)
        self._cues: list[GestureCue] = []
        self._last_word_s: float | None = None
        """Media time at which the last word of the speech placed so far begins."""

    def place(
        self,
        name: str,
        present: int,
        *,
        stroke_s: float | None,
        not_before: int = 0,
        utterance: Utterance | None = None,
    ) -> Span | None:
        """Plans a gesture from the frame `present` on, and the cue for it.

        Args:
            name: One of `GESTURES`.
            present: The next frame to be made.
            stroke_s: Media time on which its stroke is to fall; where that is too soon, or None,
                it begins at once.
            not_before: A frame that it must wait for.
            utterance: What it belongs to.

        Returns:
            Its place on the clock in frames, or None when the same gesture is being made.
        """
        start = present
        if stroke_s is not None:
            start = round(stroke_s * FPS) - self._times.frames_to_stroke(name)
        span = self._track.schedule(name, max(start, present, not_before))
        if span is not None:
            cue = gesture_cue(span, utterance)
            bisect.insort(self._cues, cue, key=lambda each: each.pts_us)
        return span

    def place_all(
        self,
        gestures: Sequence[tuple[Gesture, float | None]],
        present: int,
        utterance: Utterance | None,
    ) -> Iterator[Span]:
        """Plans gestures whose strokes fall on these media times; yields after each.

        Without a time one falls on the last word that is still to come, or begins at once. Of those
        of one time, two that need the same of the body follow each other.
        """
        made: list[Span] = []
        before: float | None = None
        for gesture, moment_s in gestures:
            stroke_s = self._last_word_s if moment_s is None else moment_s
            made = made if stroke_s == before else []
            free = max(
                (span.end for span in made if exclude_each_other(span.name, gesture.name)),
                default=0,
            )
            span = self.place(
                gesture.name, present, stroke_s=stroke_s, not_before=free, utterance=utterance
            )
            made, before = [*made, span] if span is not None else made, stroke_s
            if span is not None:
                yield span

    def moments_of(
        self, utterance: Utterance, phonemes: Sequence[Phoneme], start: int
    ) -> list[float | None]:
        """When the cues of an utterance are to fall on its words; None where none are known.

        Args:
            utterance: What is said.
            phonemes: Of its sound.
            start: The sample at which that begins.
        """
        if not phonemes:
            return [None] * len(utterance.cues)
        text = utterance.text
        places = [*(each.offset for each in utterance.cues), len(text)]
        *moments_s, self._last_word_s = (
            start / AUDIO_RATE_HZ + onset_s
            for onset_s in word_onsets(text, places, phonemes, self._language)
        )
        return [*moments_s]

    def due(self, horizon_us: int) -> Iterator[GestureCue]:
        """Hands over the cues up to a media time, in order."""
        while self._cues and self._cues[0].pts_us <= horizon_us:
            yield self._cues.pop(0)

    def row(self, frame: int) -> NDArray[np.float32]:
        """See `GestureTrack.row`."""
        return self._track.row(frame)

    def advance(self, frame: int) -> None:
        """This frame was shown."""
        self._track.advance(frame)

    def cut(self, frame: int) -> None:
        """From `frame` on nothing more begins, and what is being made fades: an interruption."""
        self._track.cut(frame)
        self._cues.clear()
        self._last_word_s = None
