"""What a client got on the binary lane, decoded."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from idol_protocol.codec import decode_header, decode_message
from idol_protocol.events import parse_server_event
from idol_protocol.frames import AudioChunk, FaceFrame, PoseFrame
from idol_protocol.idol_events import IdolStreamOpened
from tests.server.conftest import Client, Event


@dataclass
class Media:
    """In the order in which it came."""

    audio: list[AudioChunk] = field(default_factory=list)
    face: list[FaceFrame] = field(default_factory=list)
    pose: list[PoseFrame] = field(default_factory=list)

    @property
    def samples(self) -> NDArray[np.int16]:
        return np.concatenate([each.samples for each in self.audio])


async def streams_of(client: Client) -> dict[int, IdolStreamOpened]:
    """The streams a connection begins with."""
    await client.send({"type": "idol.clock.ping", "id": 1, "client_us": 0})
    return opened(await client.until("idol.clock.pong"))


def opened(events: Iterable[Event]) -> dict[int, IdolStreamOpened]:
    found = [parse_server_event(json.dumps(each)) for each in events]
    return {each.stream_id: each for each in found if isinstance(each, IdolStreamOpened)}


def media_of(client: Client, streams: Mapping[int, IdolStreamOpened]) -> Media:
    found = Media()
    for message in client.media:
        media = decode_message(message, streams[decode_header(message)[0].stream_id])
        for each in [media] if isinstance(media, AudioChunk) else media:
            match each:
                case AudioChunk():
                    found.audio.append(each)
                case FaceFrame():
                    found.face.append(each)
                case PoseFrame():
                    found.pose.append(each)
    return found
