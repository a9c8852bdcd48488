"""One character on the stage: its media clock, what it says, and the state of its generators."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ACTIVITIES, ARKIT_BLENDSHAPES
from idol_protocol.frames import AUDIO_RATE_HZ, AudioChunk, Cue, FaceFrame, Frame, PoseFrame
from idol_runtime.character import STYLE_SIZE, Character
from idol_runtime.speech.types import SpeechChunk
from idol_runtime.speech_track import FRAME_SAMPLES, SpeechTrack, frame_pts, pts_of

CHUNK_SAMPLES = AUDIO_RATE_HZ * 40 // 1000
"""Audio chunks are 20 to 40 ms long."""
HANGOVER_FRAMES = 6
"""Pauses between clauses shorter than 200 ms do not end the speaking activity."""
BLEND_PER_FRAME = 0.2
"""How fast the activity conditioning follows a change: 90 % within a third of a second."""

AVERAGE_STYLE: NDArray[np.float32] = np.zeros(STYLE_SIZE, np.float32)


class Output(Protocol):
    """A peer that takes a character's timeline: a connection, a recorder, a sender."""

    def on_frame(self, frame: Frame) -> None:
        """Takes a frame in the event loop's thread; must not block."""
        ...


@dataclass(frozen=True, slots=True)
class Utterance:
    """A clause of a reply that is spoken in one go."""

    id: str
    turn_id: str
    text: str


class Performer:
    """A row of the stage."""

    def __init__(
        self,
        character: Character,
        *,
        lookahead_frames: int,
        lead_us: int,
        buffer_s: float,
        style: NDArray[np.float32] = AVERAGE_STYLE,
    ) -> None:
        self.character = character
        self.outputs: set[Output] = set()
        self.activity = "idle"
        """What the character does when it does not speak: idle, listen or think."""
        self.emotion = character.emotion_vector()
        self.style = style
        """Shape (16,)."""
        self.track = SpeechTrack()
        self.frame = 0
        """The next frame to be made."""
        self.speech_ends = 0
        """Sample position where speech placed so far ends."""
        self._lookahead = lookahead_frames
        self._lead_us = lead_us
        self._buffer_samples = int(buffer_s * AUDIO_RATE_HZ)
        self._blend: NDArray[np.float32] = np.eye(len(ACTIVITIES), dtype=np.float32)[0]
        self._shown_activity = "idle"
        self._pending: deque[AudioChunk | Cue] = deque()
        self._open_utterance: str | None = None
        self._moved = asyncio.Event()

    @property
    def earliest_speech(self) -> int:
        """The first sample whose frame can still see all its look-ahead."""
        return (self.frame + self._lookahead + 1) * FRAME_SAMPLES

    # Speech in

    async def speak(self, utterance: Utterance, chunk: SpeechChunk) -> None:
        """Places sound on the clock; waits while more than the buffer's length is unspoken."""
        while self.speech_ends - self.frame * FRAME_SAMPLES > self._buffer_samples:
            await self._wait_for_a_frame()
        start = self.track.append(chunk.samples, max(self.earliest_speech, self.speech_ends))
        self.speech_ends = start + len(chunk.samples)
        if utterance.id != self._open_utterance:
            self._open_utterance = utterance.id
            self._pending.append(Cue(pts_of(start), "utterance.started", _told(utterance)))
        if chunk.phonemes:
            self.track.append_phonemes(chunk.phonemes, start)
            phonemes = [(each.symbol, each.start_s, each.end_s) for each in chunk.phonemes]
            data = {"utterance_id": utterance.id, "phonemes": phonemes}
            self._pending.append(Cue(pts_of(start), "phonemes", data))
        parts = max(1, -(-len(chunk.samples) // CHUNK_SAMPLES))
        at = start
        for part in np.array_split(chunk.samples, parts):
            if len(part):
                self._pending.append(AudioChunk(pts_of(at), part))
                at += len(part)
        if chunk.is_last:
            ended = Cue(pts_of(self.speech_ends), "utterance.ended", _told(utterance))
            self._pending.append(ended)
        self.deliver()

    async def delivered(self) -> None:
        """Returns when everything placed so far has been handed to the outputs."""
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
        self.emit(Cue(pts_of(present), "playback.cut"))
        return pts_of(present)

    # Frames out

    def deliver(self) -> None:
        """Hands over the sound and cues that are due within the lead."""
        horizon = frame_pts(self.frame) + self._lead_us
        while self._pending and self._pending[0].pts_us <= horizon:
            self.emit(self._pending.popleft())

    def emit(self, frame: Frame) -> None:
        for output in tuple(self.outputs):
            output.on_frame(frame)

    def sound_ahead(self, context: int) -> NDArray[np.float32]:
        """Sound of the frame at the look-ahead, with `context` samples before it."""
        first = (self.frame + self._lookahead) * FRAME_SAMPLES
        return self.track.read(first - context, context + FRAME_SAMPLES)

    def activity_blend(self) -> NDArray[np.float32]:
        """Shape (4,), in `ACTIVITIES` order; sums to 1 and glides from one to the next."""
        target = np.eye(len(ACTIVITIES), dtype=np.float32)[ACTIVITIES.index(self._doing())]
        self._blend = (1 - BLEND_PER_FRAME) * self._blend + BLEND_PER_FRAME * target
        return self._blend

    def show(
        self, face: NDArray[np.float32], rotations: NDArray[np.float32], hips: NDArray[np.float32]
    ) -> None:
        """Emits one frame and moves on to the next; the pose holds the head's turn already."""
        pts_us = frame_pts(self.frame)
        count = len(ARKIT_BLENDSHAPES)
        weights, head_eyes = face[:count], face[count:]
        self.deliver()
        self.emit(FaceFrame(pts_us, weights, head_eyes))
        self.emit(PoseFrame(pts_us, rotations, hips))
        if (activity := self._doing()) != self._shown_activity:
            self._shown_activity = activity
            self.emit(Cue(pts_us, "activity", {"activity": activity}))
        self.skip_to(self.frame + 1)

    def skip_to(self, frame: int) -> None:
        self.frame = frame
        # The generators look back one analysis window, never a whole frame more.
        self.track.forget_before((frame - HANGOVER_FRAMES - 2) * FRAME_SAMPLES)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _doing(self) -> str:
        start = (self.frame - HANGOVER_FRAMES) * FRAME_SAMPLES
        speaking = self.track.is_speaking(start, (HANGOVER_FRAMES + 1) * FRAME_SAMPLES)
        return "speak" if speaking else self.activity

    async def _wait_for_a_frame(self) -> None:
        await self._moved.wait()


def _told(utterance: Utterance) -> dict[str, str]:
    return {
        "utterance_id": utterance.id,
        "turn_id": utterance.turn_id,
        "text": utterance.text,
    }
