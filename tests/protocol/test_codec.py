"""The binary lane: round trips, limits, and what happens to bytes that are not ours."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from idol_protocol import codec
from idol_protocol.channels import FACE_CHANNELS, POSE_BONES
from idol_protocol.codec import Header, Kind
from idol_protocol.errors import ProtocolError
from idol_protocol.frames import AudioChunk, FaceFrame, PoseFrame
from idol_protocol.idol_events import Dtype, IdolStreamOpened

headers = st.builds(
    Header,
    st.sampled_from(Kind),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
)


def of_kind(header: Header, kind: Kind) -> Header:
    return Header(kind, header.stream_id, header.seq, header.pts_us)


def face(values: np.ndarray, pts_us: int = 0) -> FaceFrame:
    return FaceFrame(pts_us, values[:52].astype(np.float32), values[52:].astype(np.float32))


def face_values(frame: FaceFrame) -> np.ndarray:
    return np.concatenate([frame.weights, frame.head_eyes_deg])


def faces(message: bytes, stream: IdolStreamOpened) -> list[FaceFrame]:
    found = codec.decode_message(message, stream)
    assert isinstance(found, list)
    return [each for each in found if isinstance(each, FaceFrame)]


def poses(message: bytes, stream: IdolStreamOpened) -> list[PoseFrame]:
    found = codec.decode_message(message, stream)
    assert isinstance(found, list)
    return [each for each in found if isinstance(each, PoseFrame)]


unit = st.floats(0, 1, width=16)
angle = st.floats(-90, 90, width=16)
face_rows = st.integers(1, 4).flatmap(
    lambda n: st.tuples(
        stn.arrays(np.float32, (n, 52), elements=unit),
        stn.arrays(np.float32, (n, 7), elements=angle),
    ).map(lambda halves: np.concatenate(halves, axis=1))
)


@given(headers, stn.arrays(np.int16, st.integers(1, 2_000)))
def test_audio_arrives_sample_for_sample(header: Header, samples: np.ndarray) -> None:
    header = of_kind(header, Kind.AUDIO)
    message = codec.encode_audio(header, samples)
    assert codec.decode_header(message)[0] == header
    chunk = codec.decode_message(message, codec.opened_audio(header.stream_id))
    assert isinstance(chunk, AudioChunk)
    assert chunk.pts_us == header.pts_us
    np.testing.assert_array_equal(chunk.samples, samples)


@given(headers, face_rows, st.sampled_from(["f32", "f16"]))
def test_a_face_of_halves_arrives_exactly_and_in_time(
    header: Header, rows: np.ndarray, dtype: Dtype
) -> None:
    header = of_kind(header, Kind.FACE)
    message = codec.encode_face(header, [face(row) for row in rows], dtype)
    frames = faces(message, codec.opened_face(header.stream_id, dtype, 30))
    np.testing.assert_array_equal(np.array([face_values(each) for each in frames]), rows)
    assert [each.pts_us - header.pts_us for each in frames] == [
        round(index * 1e6 / 30) for index in range(len(rows))
    ]


@given(headers, face_rows)
def test_a_face_of_bytes_arrives_within_half_a_step(header: Header, rows: np.ndarray) -> None:
    header = of_kind(header, Kind.FACE)
    message = codec.encode_face(header, [face(row) for row in rows], "u8")
    assert len(message) == 16 + 59 * len(rows)
    frames = faces(message, codec.opened_face(header.stream_id, "u8", 15))
    found = np.array([face_values(each) for each in frames])
    np.testing.assert_allclose(found[:, :52], rows[:, :52], atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(found[:, 52:], rows[:, 52:], atol=0.5 * 90 / 127 + 1e-4)


def test_a_face_at_rest_is_exact_in_bytes_and_values_out_of_range_are_clipped() -> None:
    header = Header(Kind.FACE, 2, 0, 0)
    stream = codec.opened_face(2, "u8", 30)
    [rest] = faces(codec.encode_face(header, [face(np.zeros(59))], "u8"), stream)
    assert not face_values(rest).any()
    wild = np.concatenate([np.full(52, 7.0), np.full(7, -400.0)])
    [clipped] = faces(codec.encode_face(header, [face(wild)], "u8"), stream)
    np.testing.assert_allclose(clipped.weights, 1.0)
    np.testing.assert_allclose(clipped.head_eyes_deg, -90.0)


def test_the_lowest_byte_of_an_angle_is_the_limit_itself() -> None:
    message = codec.encode_face(Header(Kind.FACE, 2, 0, 0), [face(np.zeros(59))], "u8")
    [found] = faces(message[: codec.HEADER.size] + bytes(59), codec.opened_face(2, "u8", 30))
    np.testing.assert_array_equal(found.head_eyes_deg, -90)


@given(
    headers,
    stn.arrays(np.float32, (3, 91), elements=st.floats(-1, 1, width=16)),
    st.sampled_from(["f32", "f16"]),
)
def test_a_pose_of_halves_arrives_exactly(header: Header, rows: np.ndarray, dtype: Dtype) -> None:
    header = of_kind(header, Kind.POSE)
    sent = [PoseFrame(0, row[:88].reshape(22, 4), row[88:]) for row in rows]
    message = codec.encode_pose(header, sent, dtype)
    frames = poses(message, codec.opened_pose(header.stream_id, dtype, 30))
    for found, wanted in zip(frames, sent, strict=True):
        np.testing.assert_array_equal(found.rotations, wanted.rotations)
        np.testing.assert_array_equal(found.hips_m, wanted.hips_m)


def test_the_header_is_sixteen_little_endian_bytes() -> None:
    message = codec.encode_audio(Header(Kind.AUDIO, 0x0102, 0x03040506, 0x0708), np.ones(1, "i2"))
    assert message == bytes.fromhex("01 01 0201 06050403 0807000000000000 0100")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", "truncated_message"),
        (b"\x01" * 15, "truncated_message"),
        (struct.pack("<BBHIQ", 2, 1, 1, 0, 0) + b"\0\0", "unknown_version"),
        (struct.pack("<BBHIQ", 1, 9, 1, 0, 0) + b"\0\0", "unknown_kind"),
        (struct.pack("<BBHIQ", 1, 1, 1, 0, 0), "bad_length"),
        (struct.pack("<BBHIQ", 1, 1, 1, 0, 0) + b"\0\0\0", "bad_length"),
        (struct.pack("<BBHIQ", 1, 1, 7, 0, 0) + b"\0\0", "unknown_stream"),
        (struct.pack("<BBHIQ", 1, 2, 1, 0, 0) + b"\0\0", "unknown_stream"),
        (struct.pack("<BBHIQ", 1, 1, 1, 0, 0) + bytes(40_000), "message_too_large"),
    ],
)
def test_bytes_that_are_not_ours_are_refused_with_a_sentence(message: bytes, code: str) -> None:
    with pytest.raises(ProtocolError, match=r"^[A-Z].*\.$") as caught:
        codec.decode_message(message, codec.opened_audio(1))
    assert caught.value.code == code


def test_a_message_over_32_kib_is_never_made() -> None:
    with pytest.raises(ProtocolError, match="32768 bytes"):
        codec.encode_audio(Header(Kind.AUDIO, 1, 0, 0), np.zeros(16_380, np.int16))
    with pytest.raises(ProtocolError, match="at least one frame"):
        codec.encode_audio(Header(Kind.AUDIO, 1, 0, 0), np.zeros(0, np.int16))


def test_a_number_that_does_not_fit_the_header_is_refused() -> None:
    with pytest.raises(ProtocolError, match="stream_id of 16"):
        codec.encode_audio(Header(Kind.AUDIO, 70_000, 0, 0), np.zeros(2, np.int16))


def test_a_pose_cannot_be_sent_as_bytes() -> None:
    frame = PoseFrame(0, np.zeros((22, 4), np.float32), np.zeros(3, np.float32))
    with pytest.raises(ProtocolError, match="cannot be u8; use f32 or f16"):
        codec.encode_pose(Header(Kind.POSE, 3, 0, 0), [frame], "u8")


def test_a_stream_names_every_channel_once() -> None:
    assert codec.opened_face(2, "f32", 30).channels == list(FACE_CHANNELS)
    assert codec.opened_pose(3, "f32", 30).channels == [*POSE_BONES, "hipsTranslation"]
    assert codec.opened_audio(1).rate_hz == 24_000
