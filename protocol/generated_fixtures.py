"""Golden fixtures: bytes and JSON that a client in any language must read."""

import json

import numpy as np

from idol_protocol import codec
from idol_protocol.codec import Header, Kind
from idol_protocol.events import CLIENT_EVENTS, SERVER_EVENTS, encode_event
from idol_protocol.examples import saturated
from idol_protocol.frames import AudioChunk, FaceFrame, PoseFrame
from idol_protocol.idol_events import Dtype, IdolStreamOpened

PTS_US = 1_234_567_890
"""Over 2**30, so that a client that reads 32 bits as signed or drops a byte is found out."""
FRAMES = 2


def event_fixtures() -> bytes:
    """One saturated event of each type."""
    return _json(
        {
            "client": [_plain(event) for event in CLIENT_EVENTS.values()],
            "server": [_plain(event) for event in SERVER_EVENTS.values()],
        }
    )


def media_fixtures() -> dict[str, bytes]:
    """Binary messages, and `media.json` with what each holds."""
    files: dict[str, bytes] = {}
    listed = []
    for stream, message in _messages():
        name = f"{stream.kind}_{stream.dtype}.bin"
        files[f"fixtures/{name}"] = message
        opened = json.loads(encode_event(stream))
        listed.append({"file": name, "stream": opened, "expected": _expected(message, stream)})
    return {**files, "fixtures/media.json": _json(listed)}


def _messages() -> list[tuple[IdolStreamOpened, bytes]]:
    samples = np.array([0, 1, -1, 32_767, -32_768, 12_345], np.int16)
    audio = (
        codec.opened_audio(1),
        codec.encode_audio(Header(Kind.AUDIO, 1, 0xFFFF_FFFF, PTS_US), samples),
    )
    faces, poses = [_face(index) for index in range(FRAMES)], [_pose(i) for i in range(FRAMES)]
    face_types: tuple[Dtype, ...] = ("f32", "f16", "u8")
    pose_types: tuple[Dtype, ...] = ("f32", "f16")
    return [
        audio,
        *(
            (
                codec.opened_face(2, dtype, 30),
                codec.encode_face(Header(Kind.FACE, 2, 7, PTS_US), faces, dtype),
            )
            for dtype in face_types
        ),
        *(
            (
                codec.opened_pose(3, dtype, 15),
                codec.encode_pose(Header(Kind.POSE, 3, 8, PTS_US), poses, dtype),
            )
            for dtype in pose_types
        ),
    ]


def _face(index: int) -> FaceFrame:
    """Every channel another value, each exact as a half."""
    weights = np.arange(52, dtype=np.float32) / 64 + index / 128
    angles = np.arange(-3, 4, dtype=np.float32) * 11.25 + index
    return FaceFrame(PTS_US, weights.astype(np.float32), angles.astype(np.float32))


def _pose(index: int) -> PoseFrame:
    rotations = (np.arange(88, dtype=np.float32) - 44) / 64 + index / 128
    hips = np.array([0.25, -0.5, 1.0 + index], np.float32)
    return PoseFrame(PTS_US, rotations.reshape(22, 4).astype(np.float32), hips)


def _expected(message: bytes, stream: IdolStreamOpened) -> dict[str, object]:
    header, _ = codec.decode_header(message)
    media = codec.decode_message(message, stream)
    found: dict[str, object] = {"seq": header.seq}
    if isinstance(media, AudioChunk):
        return {**found, "pts_us": media.pts_us, "samples": media.samples.tolist()}
    frames = [
        {
            "pts_us": each.pts_us,
            "values": _digits(
                np.concatenate([each.weights, each.head_eyes_deg])
                if isinstance(each, FaceFrame)
                else np.concatenate([each.rotations.ravel(), each.hips_m])
            ),
        }
        for each in media
    ]
    return {**found, "frames": frames}


def _digits(values: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> list[float]:
    return [round(float(value), 6) for value in values]


def _plain(event_type: type) -> object:
    return json.loads(encode_event(saturated(event_type)))


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
