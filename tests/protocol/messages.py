"""Binary messages of every kind, as they should be and as they should not, and what they hold."""

import struct
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from idol_protocol import codec
from idol_protocol.codec import MAX_MESSAGE_BYTES, Header, Kind
from idol_protocol.idol_events import Dtype, IdolStreamOpened

LETTERS: Final[dict[Kind, dict[Dtype, str]]] = {
    Kind.AUDIO: {"pcm16": "h"},
    Kind.FACE: {"f32": "f", "f16": "e", "u8": "B"},
    Kind.POSE: {"f32": "f", "f16": "e"},
}
"""How `struct` names the values of each kind in each dtype that it can have."""
FRAME_VALUES: Final = {Kind.AUDIO: 1, Kind.FACE: 59, Kind.POSE: 91}
BIT_PATTERNS: Final = (
    # Of f32: nan, a signalling nan, inf, -inf, -0, the smallest and the largest, in one row.
    bytes.fromhex("0000c07f 0100807f 0000807f 000080ff 00000080 01000000 ffff7f7f"),
    # Of f16 the same.
    bytes.fromhex("007e 017c 007c 00fc 0080 0100 ff7b"),
    b"\x00",
    b"\xff",
    b"\x80",
    b"\x00\x80\xff\x7f",
)


@dataclass(frozen=True, slots=True)
class Message:
    """A message, and the stream that it is read as one of."""

    stream: IdolStreamOpened
    head: Header
    pattern: bytes
    length: int
    """The payload is the pattern over and over, to this many bytes."""

    @property
    def payload(self) -> bytes:
        return (self.pattern * (self.length // len(self.pattern) + 1))[: self.length]

    @property
    def data(self) -> bytes:
        head = self.head
        return (
            codec.HEADER.pack(codec.VERSION, head.kind, head.stream_id, head.seq, head.pts_us)
            + self.payload
        )

    def values(self) -> NDArray[np.float64] | None:
        """(frames, values) as they are on the wire; None where the message must be refused."""
        kind, letter = self.head.kind, LETTERS[self.head.kind].get(self.stream.dtype)
        own = (self.stream.kind, self.stream.stream_id) == (kind.name.lower(), self.head.stream_id)
        if not own or letter is None:
            return None
        frame_bytes = FRAME_VALUES[kind] * struct.calcsize(f"<{letter}")
        frames, rest = divmod(self.length, frame_bytes)
        if not frames or rest or codec.HEADER.size + self.length > MAX_MESSAGE_BYTES:
            return None
        sent = struct.unpack(f"<{frames * FRAME_VALUES[kind]}{letter}", self.payload)
        found = np.array(sent, np.float64).reshape(frames, FRAME_VALUES[kind])
        if letter == "B":
            found[:, :52] /= 255
            found[:, 52:] = np.maximum((found[:, 52:] - 128) / 127 * 90, -90)
        return found


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Valid headers over their whole ranges before payloads of every kind, dtype and length."""
    kind = draw(st.sampled_from(Kind))
    dtype = draw(_dtypes(kind))
    stream_id, seq = draw(st.integers(0, 2**16 - 1)), draw(st.integers(0, 2**32 - 1))
    frame_bytes = FRAME_VALUES[kind] * struct.calcsize(f"<{LETTERS[kind].get(dtype, 'B')}")
    frames = draw(st.integers(0, 4) | st.just(MAX_MESSAGE_BYTES // frame_bytes))
    opened_kind, opened_id = draw(_opened(kind, stream_id))
    return Message(
        _stream(opened_kind, opened_id, dtype, draw(st.integers(1, 240))),
        Header(kind, stream_id, seq, draw(st.integers(0, 2**64 - 1))),
        draw(st.binary(min_size=1, max_size=64) | st.sampled_from(BIT_PATTERNS)),
        max(0, frames * frame_bytes + draw(st.sampled_from([0] * 6 + [-1, 1, 2, 30]))),
    )


def _dtypes(kind: Kind) -> st.SearchStrategy[Dtype]:
    """Mostly one that the kind can have."""
    every: tuple[Dtype, ...] = get_args(Dtype)
    return st.sampled_from([*list(LETTERS[kind]) * 4, *every])


def _opened(kind: Kind, stream_id: int) -> st.SearchStrategy[tuple[Kind, int]]:
    """Mostly the message's own stream."""
    own = (kind, stream_id)
    others = [(other, stream_id) for other in Kind] + [(kind, (stream_id + 1) % 2**16)]
    return st.sampled_from([own] * 9 + others)


def _stream(kind: Kind, stream_id: int, dtype: Dtype, fps: int) -> IdolStreamOpened:
    match kind:
        case Kind.AUDIO:
            return codec.opened_audio(stream_id, dtype)
        case Kind.FACE:
            return codec.opened_face(stream_id, dtype, fps)
        case Kind.POSE:
            return codec.opened_pose(stream_id, dtype, fps)
