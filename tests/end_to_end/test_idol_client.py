"""An idol.v1 client on the real models: sound, face and body on one clock."""

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from idol_protocol import codec
from idol_protocol.codec import decode_header, decode_message
from idol_protocol.events import parse_server_event
from idol_protocol.frames import AudioChunk, FaceFrame, PoseFrame
from idol_protocol.idol_events import IdolStreamOpened

pytestmark = pytest.mark.models

FRAME_US = 1_000_000 / 30

Event = dict[str, Any]
"""As its JSON reads."""


@dataclass
class Media:
    """What came of each kind, in order."""

    audio: list[AudioChunk] = field(default_factory=list)
    face: list[FaceFrame] = field(default_factory=list)
    pose: list[PoseFrame] = field(default_factory=list)

    def note(self, found: codec.Media) -> None:
        for each in [found] if isinstance(found, AudioChunk) else found:
            match each:
                case AudioChunk():
                    self.audio.append(each)
                case FaceFrame():
                    self.face.append(each)
                case PoseFrame():
                    self.pose.append(each)


async def test_face_and_pose_span_the_sound_of_every_utterance(served: str) -> None:
    events, media = await _answer(served, "Who are you, and what do you like?")
    started = [each for each in events if each["type"] == "idol.utterance.started"]
    ended = {
        each["utterance_id"]: each["pts_us"]
        for each in events
        if each["type"] == "idol.utterance.ended"
    }
    sound = media.audio
    assert started
    for utterance in started:
        begin, end = utterance["pts_us"], ended[utterance["utterance_id"]]
        pieces = [each for each in sound if begin <= each.pts_us < end]
        assert pieces[0].pts_us == begin
        assert abs(_end_of(pieces[-1]) - end) < FRAME_US
        for frames in (media.face, media.pose):
            times = [each.pts_us for each in frames]
            assert min(abs(each - begin) for each in times) <= FRAME_US
            assert min(abs(each - end) for each in times) <= FRAME_US
    face = [each.pts_us for each in media.face]
    assert all(later > earlier for earlier, later in itertools.pairwise(face))


async def test_the_mouth_opens_with_the_voice_and_closes_after_it(served: str) -> None:
    events, media = await _answer(served, "What is your favourite cake?")
    start = next(each["pts_us"] for each in events if each["type"] == "idol.utterance.started")
    end = [each["pts_us"] for each in events if each["type"] == "idol.utterance.ended"][-1]
    jaw = {each.pts_us: float(each.weights[17]) for each in media.face}
    speaking = [value for pts_us, value in jaw.items() if start <= pts_us <= end]
    silent = [value for pts_us, value in jaw.items() if pts_us < start - 100_000]
    assert np.mean(speaking) > np.mean(silent) + 0.02


async def _answer(served: str, question: str) -> tuple[list[Event], Media]:
    """The events and the media of one answer, until the body has played all its sound."""
    events: list[Event] = []
    streams: dict[int, IdolStreamOpened] = {}
    media = Media()
    address = f"ws://{served}/v1/realtime"
    async with (
        asyncio.timeout(300),
        connect(address, subprotocols=[Subprotocol("idol.v1")]) as socket,
    ):
        content = [{"type": "input_text", "text": question}]
        item = {"type": "message", "role": "user", "content": content}
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await socket.send(json.dumps({"type": "response.create"}))
        while not _is_played(events, media):
            message = await socket.recv()
            if isinstance(message, str):
                events.append(json.loads(message))
                assert events[-1]["type"] != "error", events[-1]
                if events[-1]["type"] == "idol.stream.opened":
                    stream = parse_server_event(message)
                    assert isinstance(stream, IdolStreamOpened)
                    streams[stream.stream_id] = stream
            else:
                stream = streams[decode_header(message)[0].stream_id]
                media.note(decode_message(message, stream))
    return events, media


def _is_played(events: list[Event], media: Media) -> bool:
    if not any(each["type"] == "response.done" for each in events):
        return False
    end_us = _end_of(media.audio[-1])
    frames = (media.face, media.pose)
    return all(each and each[-1].pts_us >= end_us for each in frames)


def _end_of(chunk: AudioChunk) -> float:
    return chunk.pts_us + len(chunk.samples) * 1_000_000 / 24_000
