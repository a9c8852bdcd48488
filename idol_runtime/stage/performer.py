"""One character on the stage: its media clock, what it says, and the state of its generators."""

import asyncio
import bisect
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES
from idol_protocol.frames import AUDIO_RATE_HZ, AudioChunk, FaceFrame, PoseFrame
from idol_runtime.character import Character
from idol_runtime.motion.gestures import GestureTrack, Span, exclude_each_other
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.speech.words import word_onsets
from idol_runtime.stage.activity import ActivityBlend
from idol_runtime.stage.conditions import Conditions, Needs, SpeechWindow
from idol_runtime.stage.emotion import EmotionCurve
from idol_runtime.stage.observers import Observers
from idol_runtime.stage.speech_track import SpeechTrack
from idol_runtime.stage.utterance import Utterance, gesture_cue
from idol_runtime.timeline import (
    FPS,
    FRAME_SAMPLES,
    ActivityCue,
    Card,
    Cue,
    EmotionCue,
    EmotionLevel,
    Frame,
    GestureCue,
    Observer,
    Phoneme,
    Phonemes,
    PlacedGesture,
    PlaybackCut,
    frame_pts,
    pts_of,
)

CHUNK_SAMPLES = AUDIO_RATE_HZ * 40 // 1000
"""Audio chunks are 20 to 40 ms long."""
HANGOVER_FRAMES = 6
"""Pauses between clauses shorter than 200 ms do not end the speaking activity."""
BEATS_LINGER_FRAMES = 60


class Beats(Protocol):
    """The music a character dances to."""

    def row(self, time_s: float) -> NDArray[np.float32]:
        """[2]: the place in the eight-count in [0, 1), and the intensity in [0, 1]."""
        ...


class Performer:
    """A row of the stage."""

    def __init__(
        self,
        character: Character,
        *,
        needs: Needs,
        lead_us: int,
        buffer_s: float,
        on_eviction: Callable[[str], None] = lambda kind: None,
    ) -> None:
        """A character at the beginning of its media clock; `Stage.join` makes one.

        Args:
            character: Who it is.
            needs: What its generators make of it.
            lead_us: How long before its playing time sound is handed over.
            buffer_s: How much unspoken sound it may hold.
            on_eviction: Given the kind of each output that was evicted.
        """
        self.character = character
        self.activity = "idle"
        """What the conversation has it do when it does not speak: idle, listen, think or dance."""
        self.resting = "idle"
        """What takes the place of idle, as asked for by a client."""
        self.beats: Beats | None = None
        """The music that is heard, if any."""
        self.track = SpeechTrack()
        self.frame = 0
        """The next frame to be made."""
        self.speech_ends = 0
        """Sample position where speech placed so far ends."""
        self._observers = Observers(character.name, on_eviction)
        self._needs = needs
        self._lead_us = lead_us
        self._buffer_samples = int(buffer_s * AUDIO_RATE_HZ)
        self._blend = ActivityBlend()
        self._emotion = EmotionCurve(character.emotion_vector())
        self._shown_activity = "idle"
        self._pending: deque[AudioChunk | Cue] = deque()
        self._gestures = GestureTrack(needs.gestures)
        self._gesture_cues: list[GestureCue] = []
        self._last_beats: Beats | None = None
        self._beats_end = 0
        self._last_word_s: float | None = None
        """Media time at which the last word of the speech placed so far begins."""
        self._open_utterance: str | None = None
        self._moved = asyncio.Event()

    @property
    def earliest_speech(self) -> int:
        """The first sample whose frame can still see all its look-ahead."""
        return (self.frame + self._needs.lookahead_frames + 1) * FRAME_SAMPLES

    # Who watches

    @property
    def card(self) -> Card:
        return Card(self.character.name, self.character.language)

    def attach(self, observer: Observer, *, on_evicted: Callable[[], None] = lambda: None) -> None:
        """Hands it every frame from now on; an `Output` is opened first, see `outputs.attachment`.

        Args:
            observer: Attached once, however often this is called.
            on_evicted: Called when it has failed and gets no more frames.
        """
        self._observers.attach(observer, on_evicted)

    def detach(self, observer: Observer) -> None:
        """Hands it no more frames; does nothing where it gets none."""
        self._observers.detach(observer)

    def evict(self, observer: Observer, error: Exception) -> None:
        """Gives up one that failed, also before it was attached: it is logged and counted."""
        self._observers.evict(observer, error)

    def emit(self, frame: Frame) -> None:
        self._observers.emit(frame)

    # Speech in

    async def speak(self, utterance: Utterance, chunk: SpeechChunk) -> None:
        """Places sound on the clock; waits while more than the buffer's length is unspoken."""
        while self.speech_ends - self.frame * FRAME_SAMPLES > self._buffer_samples:
            await self._wait_for_a_frame()
        start = self.track.append(chunk.samples, max(self.earliest_speech, self.speech_ends))
        self.speech_ends = start + len(chunk.samples)
        if utterance.id != self._open_utterance:
            self._open_utterance = utterance.id
            self._pending.append(utterance.started(pts_of(start)))
            self._land(utterance, chunk.phonemes, start)
        if chunk.phonemes:
            self.track.append_phonemes(chunk.phonemes, start)
            self._pending.append(Phonemes(pts_of(start), utterance.id, chunk.phonemes))
        parts = max(1, -(-len(chunk.samples) // CHUNK_SAMPLES))
        at = start
        for part in np.array_split(chunk.samples, parts):
            if len(part):
                self._pending.append(AudioChunk(pts_of(at), part))
                at += len(part)
        if chunk.is_last:
            self._pending.append(utterance.ended(pts_of(self.speech_ends)))
        self.deliver()

    async def delivered(self) -> None:
        """Returns when all speech placed so far has been handed to the outputs."""
        while self._pending:
            await self._wait_for_a_frame()

    def cut(self) -> int:
        """Stops speaking now: drops all sound that is not yet due.

        Returns:
            The media time from which clients must drop what they already hold.
        """
        present = self.frame * FRAME_SAMPLES
        self.track.cut(present)
        self.speech_ends = present
        self._pending.clear()
        self._open_utterance = None
        self._gestures.cut(self.frame)
        self._gesture_cues.clear()
        self._last_word_s = None
        self.emit(PlaybackCut(pts_of(present)))
        return pts_of(present)

    # Gestures in

    def gesture(
        self,
        name: str,
        *,
        stroke_s: float | None = None,
        not_before: int = 0,
        utterance: Utterance | None = None,
    ) -> Span | None:
        """Makes a gesture and announces it by the cue `gesture`.

        Args:
            name: One of `GESTURES`.
            stroke_s: Media time on which its stroke is to fall; where that is too soon, and by
                default, it begins at once.
            not_before: A frame that it must wait for.
            utterance: What it belongs to.

        Returns:
            Its place on the clock in frames, or None when the same gesture is being made.
        """
        start = self.frame
        if stroke_s is not None:
            start = round(stroke_s * FPS) - self._needs.gestures.frames_to_stroke(name)
        span = self._gestures.schedule(name, max(start, self.frame, not_before))
        if span is not None:
            cue = gesture_cue(span, utterance)
            bisect.insort(self._gesture_cues, cue, key=lambda each: each.pts_us)
            self.deliver()
        return span

    def perform(
        self,
        gestures: Sequence[PlacedGesture],
        utterance: Utterance | None = None,
        onsets_s: Sequence[float | None] | None = None,
    ) -> None:
        """Makes gestures whose strokes fall on these media times.

        Without times they fall on the last word that is still to come, or begin at once. Of those
        of one time, two that need the same of the body follow each other.
        """
        made: list[Span] = []
        before: float | None = None
        for each, onset_s in zip(
            gestures, onsets_s or [self._last_word_s] * len(gestures), strict=True
        ):
            made = made if onset_s == before else []
            free = max(
                (span.end for span in made if exclude_each_other(span.name, each.name)), default=0
            )
            span = self.gesture(each.name, stroke_s=onset_s, not_before=free, utterance=utterance)
            made, before = [*made, span] if span is not None else made, onset_s

    def _land(self, utterance: Utterance, phonemes: Sequence[Phoneme], start: int) -> None:
        """Places the gestures of an utterance whose sound begins at the sample `start`."""
        if not phonemes:
            self.perform(utterance.gestures, utterance)
            return
        text = utterance.text
        places = [*(each.offset for each in utterance.gestures), len(text)]
        onsets_s = [
            start / AUDIO_RATE_HZ + onset_s
            for onset_s in word_onsets(text, places, phonemes, self.character.language)
        ]
        self._last_word_s = onsets_s.pop()
        self.perform(utterance.gestures, utterance, onsets_s)

    def feel(self, emotion: Mapping[str, float], *, rise_s: float, fall_s: float) -> None:
        """Turns to what is felt from now on, and announces it by the cue `emotion`.

        Args:
            emotion: Any of `EMOTIONS`, within their ranges; the others go to the baseline.
            rise_s: How long it takes to get there, above 0.
            fall_s: How long it takes from there back to the baseline, above 0.
        """
        pts_us = frame_pts(self.frame)
        self._emotion = self._emotion.turned(pts_us, emotion, rise_s=rise_s, fall_s=fall_s)
        levels = tuple(EmotionLevel(name, value) for name, value in emotion.items())
        self.emit(EmotionCue(pts_us, levels, rise_s, fall_s))

    # Frames out

    def deliver(self) -> None:
        """Hands over the sound and cues that are due within the lead."""
        horizon = frame_pts(self.frame) + self._lead_us
        while self._gesture_cues and self._gesture_cues[0].pts_us <= horizon:
            self.emit(self._gesture_cues.pop(0))
        while self._pending and self._pending[0].pts_us <= horizon:
            self.emit(self._pending.popleft())

    def conditions(self) -> Conditions:
        """What the generators are told for the next frame; the same until something changes."""
        face_window, pose_window = self._needs.face, self._needs.pose
        face_sound = self._sound(face_window)
        blend = self._next_blend()
        return Conditions(
            face_sound=face_sound,
            pose_sound=face_sound if pose_window == face_window else self._sound(pose_window),
            phonemes=self._phonemes(face_window.lookahead_frames),
            activity=blend.body,
            face_activity=blend.face,
            emotion=self._emotion.at(frame_pts(self.frame)),
            style=self._needs.style,
            body_style=self._needs.body_style,
            gesture=self._gestures.row(self.frame),
            beat=self._beat_row(),
        )

    def show(
        self, face: NDArray[np.float32], rotations: NDArray[np.float32], hips: NDArray[np.float32]
    ) -> None:
        """Emits one frame and moves on to the next; the pose holds the head's turn already."""
        self._advance()
        pts_us = frame_pts(self.frame)
        count = len(ARKIT_BLENDSHAPES)
        weights, head_eyes = face[:count], face[count:]
        self.deliver()
        self.emit(FaceFrame(pts_us, weights, head_eyes))
        self.emit(PoseFrame(pts_us, rotations, hips))
        if (activity := self._doing()) != self._shown_activity:
            self._shown_activity = activity
            self.emit(ActivityCue(pts_us, activity))
        self.skip_to(self.frame + 1)

    def skip_to(self, frame: int) -> None:
        self.frame = frame
        # The generators look back one analysis window, never a whole frame more.
        self.track.forget_before((frame - HANGOVER_FRAMES - 2) * FRAME_SAMPLES)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _advance(self) -> None:
        """The frame that is shown becomes the past of the next one."""
        self._blend = self._next_blend()
        self._gestures.advance(self.frame)
        if self.beats is not None:
            self._last_beats, self._beats_end = self.beats, self.frame + BEATS_LINGER_FRAMES

    def _sound(self, window: SpeechWindow) -> NDArray[np.float32]:
        first = (self.frame + window.lookahead_frames) * FRAME_SAMPLES
        context = window.context_samples
        return self.track.read(first - context, context + FRAME_SAMPLES)

    def _phonemes(self, lookahead_frames: int) -> NDArray[np.float32]:
        frame = self.frame + lookahead_frames
        start_s, end_s = frame / FPS, (frame + 1) / FPS
        nearby = self.track.phonemes_between(start_s, end_s)
        middle_s = np.array([(start_s + end_s) / 2])
        row: NDArray[np.float32] = self._needs.phoneme_activations(nearby, middle_s)[0]
        return row

    def _beat_row(self) -> NDArray[np.float32]:
        """A beat that is taken away is counted on until the dance has come to rest."""
        beats = self.beats
        if beats is None and self.frame <= self._beats_end:
            beats = self._last_beats
        return np.zeros(2, np.float32) if beats is None else beats.row(self.frame / FPS)

    def _next_blend(self) -> ActivityBlend:
        return self._blend.next(self._doing(), has_voice=self._has_voice())

    def _doing(self) -> str:
        if "dance" in (self.activity, self.resting):
            return "dance"
        if self._has_voice():
            return "speak"
        return self.resting if self.activity == "idle" else self.activity

    def _has_voice(self) -> bool:
        start = (self.frame - HANGOVER_FRAMES) * FRAME_SAMPLES
        return self.track.is_speaking(start, (HANGOVER_FRAMES + 1) * FRAME_SAMPLES)

    async def _wait_for_a_frame(self) -> None:
        await self._moved.wait()
