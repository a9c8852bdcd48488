"""The binary lane: audio, face and pose as messages that any engine reads without a library.

    offset  type  field
    0       u8    version, 1
    1       u8    kind: 1 audio, 2 face, 3 pose
    2       u16   stream_id, from `idol.stream.opened`
    4       u32   seq: counts the messages of the stream, wraps around
    8       u64   pts_us: media time of the first sample or frame
    16      ...   payload, as `idol.stream.opened` declared it

Everything is little-endian. A payload is whole frames; frame i is i/fps after `pts_us`. Values
outside what a dtype holds are sent as the nearest it does hold.

    audio  pcm16     i16 samples, 24 kHz mono
    face   f32, f16  52 weights in [0, 1], then 7 angles in degrees
    face   u8        52 weights as round(255 w), then 7 angles as 128 + round(127 a / 90)
    pose   f32, f16  22 quaternions (x, y, z, w), then 3 metres of hips translation
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .channels import ARKIT_BLENDSHAPES, FACE_CHANNELS, POSE_BONES
from .errors import ProtocolError
from .frames import AUDIO_RATE_HZ, AudioChunk, FaceFrame, PoseFrame
from .idol_events import Dtype, IdolStreamOpened, StreamKind

VERSION: Final = 1
HEADER: Final = struct.Struct("<BBHIQ")
MAX_MESSAGE_BYTES: Final = 32 * 1024
"""Longest message, either lane: Godot drops messages of 64 KiB."""

WEIGHTS: Final = len(ARKIT_BLENDSHAPES)
FACE_VALUES: Final = len(FACE_CHANNELS)
POSE_VALUES: Final = len(POSE_BONES) * 4 + 3
ANGLE_LIMIT_DEG: Final = 90.0
"""Angles of a u8 face are clipped to this either way, 0.7 degrees a step; 0 is exact."""

_PCM16: Final = np.dtype("<i2")
_FLOATS: Final[dict[str, "np.dtype[Any]"]] = {"f32": np.dtype("<f4"), "f16": np.dtype("<f2")}
_DTYPES: Final[dict[str, dict[str, "np.dtype[Any]"]]] = {
    "audio": {"pcm16": _PCM16},
    "face": {**_FLOATS, "u8": np.dtype(np.uint8)},
    "pose": _FLOATS,
}
"""What the values of each kind can be on the wire."""
_LARGEST_HALF: Final = float(np.finfo(np.float16).max)

Media: TypeAlias = AudioChunk | list[FaceFrame] | list[PoseFrame]


class Kind(IntEnum):
    AUDIO = 1
    FACE = 2
    POSE = 3


@dataclass(frozen=True, slots=True)
class Header:
    kind: Kind
    stream_id: int
    seq: int
    pts_us: int


def encode_audio(header: Header, samples: NDArray[np.int16]) -> bytes:
    """A binary message of sound that begins at `header.pts_us`.

    Args:
        header: Of kind audio.
        samples: Shape (n,), mono PCM16.

    Raises:
        ProtocolError: no samples, or more than fit into `MAX_MESSAGE_BYTES`.
    """
    return _message(header, samples.astype(_PCM16, copy=False))


def encode_face(header: Header, frames: Sequence[FaceFrame], dtype: Dtype) -> bytes:
    """Frames that follow each other at the stream's fps; `header.pts_us` is the first one's.

    Raises:
        ProtocolError: no frames, more than fit, or a dtype a face cannot have.
    """
    values = np.array([np.concatenate([each.weights, each.head_eyes_deg]) for each in frames])
    return _message(header, _to_wire(values, _wire_dtype("face", dtype)))


def encode_pose(header: Header, frames: Sequence[PoseFrame], dtype: Dtype) -> bytes:
    """As `encode_face`, for pose frames."""
    values = np.array([np.concatenate([each.rotations.ravel(), each.hips_m]) for each in frames])
    return _message(header, _to_wire(values, _wire_dtype("pose", dtype)))


def decode_header(message: bytes) -> tuple[Header, bytes]:
    """The header and the payload.

    Raises:
        ProtocolError: too short or too long, another version, an unknown kind.
    """
    if len(message) < HEADER.size:
        raise ProtocolError(
            f"Expected a binary message of at least {HEADER.size} bytes, found {len(message)}.",
            code="truncated_message",
        )
    if len(message) > MAX_MESSAGE_BYTES:
        raise ProtocolError(
            f"Expected a binary message of at most {MAX_MESSAGE_BYTES} bytes, "
            f"found {len(message)}; send several.",
            code="message_too_large",
        )
    version, kind, stream_id, seq, pts_us = HEADER.unpack_from(message)
    if version != VERSION:
        raise ProtocolError(
            f"Expected binary messages of version {VERSION}, found {version}; "
            "use a client made for this protocol.",
            code="unknown_version",
        )
    if kind not in tuple(Kind):
        raise ProtocolError(
            f"Expected kind 1 (audio), 2 (face) or 3 (pose), found {kind}.", code="unknown_kind"
        )
    return Header(Kind(kind), stream_id, seq, pts_us), message[HEADER.size :]


def decode_message(message: bytes, stream: IdolStreamOpened) -> Media:
    """Reads a message of `stream`; the media is stamped from the header's `pts_us` on.

    Raises:
        ProtocolError: what `decode_header` raises, a message of another stream, a stream whose
            frames are not sent as binary messages, or a payload that is not whole frames.
    """
    header, payload = decode_header(message)
    if header.stream_id != stream.stream_id or header.kind.name.lower() != stream.kind:
        raise ProtocolError(
            f"Expected {stream.kind} of stream {stream.stream_id}, found "
            f"{header.kind.name.lower()} of stream {header.stream_id}.",
            code="unknown_stream",
        )
    dtype = _wire_dtype(stream.kind, stream.dtype)
    if stream.kind == "audio":
        samples = _frames(payload, dtype, 1)[:, 0]
        return AudioChunk(header.pts_us, samples.astype(np.int16))
    if stream.fps is None or stream.fps < 1:
        raise ProtocolError(f"Expected a stream with frames a second, found {stream.fps}.")
    if stream.kind == "face":
        values = _face_values(_frames(payload, dtype, FACE_VALUES))
        return [
            FaceFrame(frame_pts_us(header.pts_us, index, stream.fps), row[:WEIGHTS], row[WEIGHTS:])
            for index, row in enumerate(values)
        ]
    values = _frames(payload, dtype, POSE_VALUES).astype(np.float32)
    return [
        PoseFrame(frame_pts_us(header.pts_us, index, stream.fps), row[:-3].reshape(-1, 4), row[-3:])
        for index, row in enumerate(values)
    ]


def frame_pts_us(first_pts_us: int, index: int, fps: int) -> int:
    """Media time of frame `index` of a message."""
    return first_pts_us + round(index * 1_000_000 / fps)


def opened_audio(stream_id: int, dtype: Dtype = "pcm16") -> IdolStreamOpened:
    how = {"json": "base64 of i16 little-endian samples in `response.output_audio.delta`"}.get(
        dtype, "i16 little-endian samples"
    )
    return IdolStreamOpened(
        stream_id=stream_id,
        kind="audio",
        dtype=dtype,
        rate_hz=AUDIO_RATE_HZ,
        channels=["mono"],
        layout=how,
    )


def opened_face(stream_id: int, dtype: Dtype, fps: int) -> IdolStreamOpened:
    how = {
        "u8": "52 weights as round(255 w), then 7 angles as 128 + round(127 degrees / 90), u8 each",
        "json": "`weights` and `head_eyes_deg` of `idol.face.delta`",
    }.get(dtype, f"52 weights in [0, 1], then 7 angles in degrees, {dtype} little-endian each")
    return IdolStreamOpened(
        stream_id=stream_id,
        kind="face",
        dtype=dtype,
        fps=fps,
        channels=list(FACE_CHANNELS),
        layout=how,
    )


def opened_pose(stream_id: int, dtype: Dtype, fps: int) -> IdolStreamOpened:
    how = {"json": "`rotations` and `hips_m` of `idol.pose.delta`"}.get(
        dtype,
        "22 quaternions (x, y, z, w), then 3 metres of hips translation, "
        f"{dtype} little-endian each",
    )
    return IdolStreamOpened(
        stream_id=stream_id,
        kind="pose",
        dtype=dtype,
        fps=fps,
        channels=[*POSE_BONES, "hipsTranslation"],
        layout=how,
    )


def _message(header: Header, payload: NDArray[np.generic]) -> bytes:
    if payload.size == 0:
        raise ProtocolError("Expected at least one frame in a message, found none.")
    if HEADER.size + payload.nbytes > MAX_MESSAGE_BYTES:
        raise ProtocolError(
            f"Expected at most {MAX_MESSAGE_BYTES} bytes in a message, found "
            f"{HEADER.size + payload.nbytes}; group fewer frames.",
            code="message_too_large",
        )
    try:
        head = HEADER.pack(VERSION, header.kind, header.stream_id, header.seq, header.pts_us)
    except struct.error:
        raise ProtocolError(
            f"Expected a stream_id of 16, a seq of 32 and a pts_us of 64 bits, found {header}."
        ) from None
    return head + payload.tobytes()


def _wire_dtype(kind: StreamKind, dtype: Dtype) -> "np.dtype[Any]":
    known = _DTYPES[kind]
    if dtype not in known:
        raise ProtocolError(
            f"A binary message of {kind} cannot be {dtype}; use {' or '.join(known)}.",
            code="bad_dtype",
        )
    return known[dtype]


def _to_wire(values: NDArray[np.float32], dtype: "np.dtype[Any]") -> NDArray[np.generic]:
    if dtype.kind == "u":
        return _face_to_u8(values)
    if dtype.itemsize == 2:
        values = np.clip(values, -_LARGEST_HALF, _LARGEST_HALF)
    return values.astype(dtype)


def _frames(payload: bytes, dtype: "np.dtype[Any]", values: int) -> NDArray[np.generic]:
    """Shape (n, values), n >= 1."""
    frame_bytes = dtype.itemsize * values
    if not payload or len(payload) % frame_bytes:
        raise ProtocolError(
            f"Expected a payload of whole frames of {frame_bytes} bytes each, "
            f"found {len(payload)} bytes.",
            code="bad_length",
        )
    return np.frombuffer(payload, dtype).reshape(-1, values)


def _face_to_u8(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    values = np.nan_to_num(values)  # a value that is no number rests
    weights = np.rint(np.clip(values[:, :WEIGHTS], 0, 1) * 255)
    turns = np.clip(values[:, WEIGHTS:] / ANGLE_LIMIT_DEG, -1, 1)
    return np.concatenate([weights, 128 + np.rint(turns * 127)], axis=1).astype(np.uint8)


def _face_values(sent: NDArray[np.generic]) -> NDArray[np.float32]:
    values = sent.astype(np.float32)
    if sent.dtype.kind != "u":
        return values
    weights = values[:, :WEIGHTS] / 255
    angles = (values[:, WEIGHTS:] - 128) / 127 * ANGLE_LIMIT_DEG
    return np.concatenate([weights, np.maximum(angles, -ANGLE_LIMIT_DEG)], axis=1)
