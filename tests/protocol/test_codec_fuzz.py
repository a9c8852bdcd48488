"""Any message is read to the last bit or refused in a sentence, by both decoders alike."""

import base64
import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from numpy.typing import NDArray

from idol_protocol import codec
from idol_protocol.codec import Header, Kind
from idol_protocol.errors import ProtocolError
from idol_protocol.events import encode_event
from idol_protocol.frames import AudioChunk, FaceFrame, PoseFrame
from idol_protocol.idol_events import Dtype
from tests.protocol.messages import Message, messages

Read = Callable[[Message], dict[str, Any]]
SENTENCE = r"[A-Z].*\."
LARGEST_HALF = 65_504.0

single = st.floats(width=32)
faces = stn.arrays(np.float32, st.tuples(st.integers(1, 3), st.just(59)), elements=single)
poses = stn.arrays(np.float32, st.tuples(st.integers(1, 3), st.just(91)), elements=single)


def values_of(media: codec.Media) -> NDArray[np.float32]:
    """(frames, values) as a message held them."""
    if isinstance(media, AudioChunk):
        return media.samples.astype(np.float32)[:, None]
    return np.array(
        [
            np.concatenate([each.weights, each.head_eyes_deg])
            if isinstance(each, FaceFrame)
            else np.concatenate([each.rotations.ravel(), each.hips_m])
            for each in media
        ]
    )


def assert_same(found: NDArray[np.float32], wanted: NDArray[np.float64]) -> None:
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-5)
    numbers = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found)[numbers], np.signbit(wanted)[numbers])


@given(messages())
@settings(max_examples=400)
def test_a_message_gives_whole_frames_or_one_sentence(message: Message) -> None:
    wanted = message.values()
    if wanted is None:
        with pytest.raises(ProtocolError, match=f"^{SENTENCE}$"):
            codec.decode_message(message.data, message.stream)
        return
    media = codec.decode_message(message.data, message.stream)
    assert codec.decode_header(message.data)[0] == message.head
    assert_same(values_of(media), wanted)
    if isinstance(media, AudioChunk):
        assert media.pts_us == message.head.pts_us
        return
    assert message.stream.fps
    for index, pts_us in enumerate([each.pts_us for each in media]):
        assert abs(pts_us - message.head.pts_us - index * 1e6 / message.stream.fps) <= 0.5


@given(st.binary(max_size=200), messages())
@settings(max_examples=200)
def test_any_bytes_are_read_or_refused(data: bytes, message: Message) -> None:
    with contextlib.suppress(ProtocolError):
        assert len(values_of(codec.decode_message(data, message.stream)))


@pytest.fixture(scope="module")
def read_in_node() -> Iterator[Read]:
    """Reads a message with the JavaScript client."""
    command = ["node", str(Path(__file__).with_name("decode.mjs"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as node:
        assert node.stdin
        assert node.stdout
        asked, answers = node.stdin, node.stdout

        def read(message: Message) -> dict[str, Any]:
            stream = json.loads(encode_event(message.stream))
            data = base64.b64encode(message.data).decode()
            asked.write(json.dumps({"stream": stream, "message": data}) + "\n")
            asked.flush()
            answer: dict[str, Any] = json.loads(answers.readline())
            return answer

        yield read


@given(message=messages())
@settings(max_examples=400)
def test_the_javascript_client_reads_the_same(read_in_node: Read, message: Message) -> None:
    found = read_in_node(message)
    wanted = message.values()
    if wanted is None:
        assert set(found) == {"refused"}
        assert found["refused"].endswith(".")
        return
    assert found["seq"] == message.head.seq
    dtype = np.int16 if message.head.kind is Kind.AUDIO else np.float32
    values = np.frombuffer(base64.b64decode(found["values"]), dtype)
    assert_same(values.astype(np.float32).reshape(wanted.shape), wanted)
    fps = message.stream.fps or 1
    wanted_us = float(message.head.pts_us) + np.arange(len(found["pts_us"])) * 1e6 / fps
    # Numbers of JavaScript are exact up to 2**53.
    np.testing.assert_allclose(np.array(found["pts_us"], float), wanted_us, rtol=2**-52, atol=0.5)


def sent_back(values: NDArray[np.float32], dtype: Dtype) -> NDArray[np.float32]:
    """Rows of 59 as face frames, rows of 91 as pose frames, encoded and decoded."""
    if values.shape[1] == 59:
        faces = [FaceFrame(0, row[:52], row[52:]) for row in values]
        data = codec.encode_face(Header(Kind.FACE, 2, 0, 0), faces, dtype)
        return values_of(codec.decode_message(data, codec.opened_face(2, dtype, 30)))
    poses = [PoseFrame(0, row[:88].reshape(22, 4), row[88:]) for row in values]
    data = codec.encode_pose(Header(Kind.POSE, 3, 0, 0), poses, dtype)
    return values_of(codec.decode_message(data, codec.opened_pose(3, dtype, 30)))


@given(faces | poses)
def test_any_single_arrives_bit_for_bit(values: NDArray[np.float32]) -> None:
    assert sent_back(values, "f32").tobytes() == values.tobytes()


@given(faces | poses)
@example(np.full((1, 59), 65_519.99, np.float32))
def test_a_half_arrives_within_half_a_step_and_never_as_infinity(
    values: NDArray[np.float32],
) -> None:
    found = sent_back(values, "f16")
    wanted = np.clip(values, -LARGEST_HALF, LARGEST_HALF)
    np.testing.assert_allclose(found, wanted, rtol=2.0**-11, atol=2.0**-25)


@given(faces)
def test_a_byte_arrives_within_half_a_step_and_what_is_no_number_rests(
    values: NDArray[np.float32],
) -> None:
    found, wanted = sent_back(values, "u8"), np.nan_to_num(values)
    np.testing.assert_allclose(found[:, :52], wanted[:, :52].clip(0, 1), atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(found[:, 52:], wanted[:, 52:].clip(-90, 90), atol=45 / 127 + 1e-4)
