"""One character on the stage: its media clock, what it says, and the state of its generators."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES
from idol_protocol.frames import AUDIO_RATE_HZ, AudioChunk, FaceFrame, PoseFrame
from idol_runtime.character import Character
from idol_runtime.motion.gestures import Span
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.stage.activity import ActivityBlend
from idol_runtime.stage.beat import Beats, BeatTrack
from idol_runtime.stage.conditions import Conditioning, Conditions, SpeechWindow
from idol_runtime.stage.cue_plan import CuePlan
from idol_runtime.stage.gaze import Glance
from idol_runtime.stage.gesture_plan import GesturePlan
from idol_runtime.stage.observers import Observers
from idol_runtime.stage.speech_track import SpeechTrack
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import (
    FPS,
    FRAME_SAMPLES,
    ActivityCue,
    Card,
    Cue,
    EmotionCue,
    EmotionLevel,
    Frame,
    Gesture,
    Observer,
    Phonemes,
    PlacedCue,
    PlaybackCut,
    frame_pts,
    pts_of,
)

CHUNK_SAMPLES = AUDIO_RATE_HZ * 40 // 1000
"""Audio chunks are 20 to 40 ms long."""
HANGOVER_FRAMES = 6
"""Pauses between clauses shorter than 200 ms do not end the speaking activity."""


class Performer:
    """A row of the stage."""

    def __init__(
        self,
        character: Character,
        *,
        conditioning: Conditioning,
        lead_us: int,
        buffer_s: float,
        on_eviction: Callable[[str], None] = lambda kind: None,
        own_beat: Callable[[float], Beats] | None = None,
    ) -> None:
        """A character at the beginning of its media clock; `Stage.join` makes one.

        Args:
            character: Who it is.
            conditioning: How its generators take its conditions.
            lead_us: How long before its playing time sound is handed over.
            buffer_s: How much unspoken sound it may hold.
            on_eviction: Given the kind of each output that was evicted.
            own_beat: What it dances to without music, given the media time of the first beat.
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
        self.attendance: int | None = None
        """How many are there to see it; None where nobody counts them."""
        self._observers = Observers(character.name, on_eviction)
        self._conditioning = conditioning
        self._lead_us = lead_us
        self._buffer_samples = int(buffer_s * AUDIO_RATE_HZ)
        self._blend = ActivityBlend()
        self._blended: tuple[tuple[ActivityBlend, str, bool], ActivityBlend] | None = None
        self._cues = CuePlan(character.emotion_vector())
        self._shown_activity = "idle"
        self._pending: deque[AudioChunk | Cue] = deque()
        self._gestures = GesturePlan(conditioning.gestures, character.language)
        self._beat = BeatTrack()
        self._own_beat = own_beat
        self._open_utterance: str | None = None
        self._moved = asyncio.Event()

    @property
    def earliest_speech(self) -> int:
        """The first sample whose frame can still see all its look-ahead."""
        return (self.frame + self._conditioning.lookahead_frames + 1) * FRAME_SAMPLES

    @property
    def is_unattended(self) -> bool:
        """Whether nobody is there for now: speech that is not placed yet waits until one is."""
        return self.attendance == 0

    @property
    def is_at_rest(self) -> bool:
        """Whether nobody misses its frames: it has nothing left to say or to do, and no one looks.

        Its media time goes on.
        """
        is_done = self._unspoken_samples <= 0 and not self._pending
        return self.is_unattended and is_done and self.activity != "think"

    # Observers

    @property
    def card(self) -> Card:
        """For outputs that set themselves up."""
        avatar = self.character.avatar
        return Card(
            self.character.name, self.character.language, None if avatar is None else Path(avatar)
        )

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
        """Drops one that failed, also before it was attached: it is logged and counted."""
        self._observers.evict(observer, error)

    def emit(self, frame: Frame) -> None:
        self._observers.emit(frame)

    # Speech in

    async def speak(self, utterance: Utterance, chunk: SpeechChunk) -> None:
        """Places sound on the clock; waits while more than the buffer's length is unspoken."""
        while self.is_unattended or self._unspoken_samples > self._buffer_samples:
            await self._wait_for_a_frame()
        start = self.track.append(chunk.samples, max(self.earliest_speech, self.speech_ends))
        self.speech_ends = start + len(chunk.samples)
        if utterance.id != self._open_utterance:
            self._open_utterance = utterance.id
            self._pending.append(utterance.started(pts_of(start)))
            moments_s = self._gestures.moments_of(utterance, chunk.phonemes, start)
            self._make(utterance.cues, utterance, moments_s, start)
        self._cues.spoken(utterance.turn_id, pts_of(self.speech_ends))
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
        self._cues.cut()
        self.emit(PlaybackCut(pts_of(present)))
        return pts_of(present)

    # Gestures in

    def gesture(self, name: str, *, stroke_s: float | None = None) -> Span | None:
        """Makes a gesture and announces it by the cue `gesture`.

        Args:
            name: One of `GESTURES`.
            stroke_s: Media time on which its stroke is to fall; where that is too soon, and by
                default, it begins at once.

        Returns:
            Its place on the clock in frames, or None when the same gesture is being made.
        """
        span = self._gestures.place(name, self.frame, stroke_s=stroke_s)
        self.deliver()
        return span

    def perform(self, utterance: Utterance) -> None:
        """Makes the cues of a clause that is not spoken: gestures fall on the last word that is
        still to come, or begin at once, as all others do.

        Two gestures that need the same of the body follow each other.
        """
        start = max(self.frame * FRAME_SAMPLES, self.speech_ends)
        self._make(utterance.cues, utterance, [None] * len(utterance.cues), start)
        self.deliver()

    def _make(
        self,
        cues: Sequence[PlacedCue],
        utterance: Utterance,
        moments_s: Sequence[float | None],
        start: int,
    ) -> None:
        """Plans cues for media times; those without one for the sample `start`."""
        gestures: list[tuple[Gesture, float | None]] = []
        for each, moment_s in zip(cues, moments_s, strict=True):
            if isinstance(each.cue, Gesture):
                gestures.append((each.cue, moment_s))
            else:
                pts_us = pts_of(start) if moment_s is None else round(moment_s * 1e6)
                self._cues.place(each.cue, pts_us, utterance)
        for _ in self._gestures.place_all(gestures, self.frame, utterance):
            self.deliver()

    def feel(self, emotion: Mapping[str, float], *, rise_s: float, fall_s: float) -> None:
        """Turns to what is felt from now on, and announces it by the cue `emotion`.

        Args:
            emotion: Any of `EMOTIONS`, within their ranges; the others go to the baseline.
            rise_s: How long it takes to get there, above 0.
            fall_s: How long it takes from there back to the baseline, above 0.
        """
        pts_us = frame_pts(self.frame)
        curve = self._cues.emotion
        self._cues.emotion = curve.turned(pts_us, emotion, rise_s=rise_s, fall_s=fall_s)
        levels = tuple(EmotionLevel(name, value) for name, value in emotion.items())
        self.emit(EmotionCue(pts_us, levels, rise_s, fall_s))

    # Frames out

    def deliver(self) -> None:
        """Hands over the sound and cues that are due within the lead."""
        horizon = frame_pts(self.frame) + self._lead_us
        for cue in (*self._gestures.due(horizon), *self._cues.due(horizon)):
            self.emit(cue)
        while self._pending and self._pending[0].pts_us <= horizon:
            self.emit(self._pending.popleft())

    def conditions(self) -> Conditions:
        """What the generators are given for the next frame; asking changes nothing."""
        face_window, pose_window = self._conditioning.face, self._conditioning.pose
        face_sound = self._sound(face_window)
        blend = self._next_blend(*self._doing())
        return Conditions(
            face_sound=face_sound,
            pose_sound=face_sound if pose_window == face_window else self._sound(pose_window),
            phonemes=self._phonemes(face_window.lookahead_frames),
            activity=blend.body,
            face_activity=blend.face,
            emotion=self._cues.emotion.at(frame_pts(self.frame)),
            style=self._conditioning.style,
            body_style=self._conditioning.body_style,
            gesture=self._gestures.row(self.frame),
            beat=self._beat.row(self._music(), self.frame),
        )

    def glance(self) -> Glance | None:
        """Where the next frame looks, where its reply asks for it; asking changes nothing."""
        return self._cues.gaze.at(frame_pts(self.frame))

    def show(
        self, face: NDArray[np.float32], rotations: NDArray[np.float32], hips: NDArray[np.float32]
    ) -> None:
        """Emits one frame and moves on to the next; the pose holds the head's turn already."""
        activity, has_voice = self._doing()
        self._blend = self._next_blend(activity, has_voice)
        self._gestures.advance(self.frame)
        self._beat.advance(self._music(), self.frame)
        pts_us = frame_pts(self.frame)
        count = len(ARKIT_BLENDSHAPES)
        weights, head_eyes = face[:count], face[count:]
        self.deliver()
        self.emit(FaceFrame(pts_us, weights, head_eyes))
        self.emit(PoseFrame(pts_us, rotations, hips))
        if activity != self._shown_activity:
            self._shown_activity = activity
            self.emit(ActivityCue(pts_us, activity))
        self.skip_to(self.frame + 1)

    def skip_to(self, frame: int) -> None:
        self.frame = frame
        self._cues.advance(frame_pts(frame))
        # The generators look back one analysis window, never a whole frame more.
        self.track.forget_before((frame - HANGOVER_FRAMES - 2) * FRAME_SAMPLES)
        self._moved.set()  # wakes all that wait now
        self._moved.clear()

    def _sound(self, window: SpeechWindow) -> NDArray[np.float32]:
        first = (self.frame + window.lookahead_frames) * FRAME_SAMPLES
        context = window.context_samples
        return self.track.read(first - context, context + FRAME_SAMPLES)

    def _phonemes(self, lookahead_frames: int) -> NDArray[np.float32]:
        frame = self.frame + lookahead_frames
        start_s, end_s = frame / FPS, (frame + 1) / FPS
        nearby = self.track.phonemes_between(start_s, end_s)
        middle_s = np.array([(start_s + end_s) / 2])
        row: NDArray[np.float32] = self._conditioning.phoneme_activations(nearby, middle_s)[0]
        return row

    def _next_blend(self, activity: str, has_voice: bool) -> ActivityBlend:
        """The weights of the next frame, kept: what is shown was nearly always asked for before."""
        asked = (self._blend, activity, has_voice)
        if self._blended is None or self._blended[0] != asked:
            self._blended = asked, self._blend.next(activity, has_voice=has_voice)
        return self._blended[1]

    def _music(self) -> Beats | None:
        """What is heard; a dance without music counts by itself."""
        if self.beats is None and self._own_beat is not None:
            begun_us = self._cues.dance_since(frame_pts(self.frame))
            if begun_us is not None:
                return self._own_beat(begun_us / 1e6)
        return self.beats

    def _doing(self) -> tuple[str, bool]:
        """One of `ACTIVITIES`, and whether there is a voice."""
        start = (self.frame - HANGOVER_FRAMES) * FRAME_SAMPLES
        has_voice = self.track.is_speaking(start, (HANGOVER_FRAMES + 1) * FRAME_SAMPLES)
        if "dance" in (self.activity, self.resting) or self._cues.dances(frame_pts(self.frame)):
            return "dance", has_voice
        if has_voice:
            return "speak", has_voice
        return self.resting if self.activity == "idle" else self.activity, has_voice

    @property
    def _unspoken_samples(self) -> int:
        return self.speech_ends - self.frame * FRAME_SAMPLES

    async def _wait_for_a_frame(self) -> None:
        await self._moved.wait()
