"""Face and pose at 60 frames a second and its divisors, from characters that make 30."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.codec import opened_pose
from idol_protocol.frames import FaceFrame, PoseFrame
from idol_runtime.server.between import midway
from idol_runtime.server.media import FrameLane
from idol_runtime.timeline import frame_pts
from tests.server.conftest import Scene
from tests.server.media import Media, media_of, opened

TICKS = 40
FPS_LIST = [60, 30, 20, 15, 12, 10, 6, 5, 4, 3, 2, 1]


def turned(degrees: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    half = np.radians(degrees) / 2
    return np.tile(np.array([0, np.sin(half), 0, np.cos(half)], np.float32), (22, 1))


def pose(index: int, degrees: float) -> PoseFrame:
    return PoseFrame(frame_pts(index), turned(degrees), np.full(3, index, np.float32))


def lane(fps: int, taken: list[PoseFrame]) -> FrameLane[PoseFrame]:
    def render(frames: list[PoseFrame]) -> str:
        taken.extend(frames)
        return ""

    return FrameLane(opened_pose(1, "f32", fps), render, group=8, on_drop=lambda: None)


def take_all(frames: FrameLane[PoseFrame]) -> None:
    while frames.is_waiting:
        frames.take()


@pytest.mark.parametrize("fps", FPS_LIST)
def test_frames_come_at_exactly_the_rate_that_was_asked_for(fps: int) -> None:
    taken: list[PoseFrame] = []
    frames = lane(fps, taken)
    for index in range(61):
        frames.offer(pose(index, index))
        take_all(frames)
    assert [each.pts_us for each in taken] == [round(n * 1e6 / fps) for n in range(2 * fps + 1)]
    for each in taken:
        np.testing.assert_allclose(each.hips_m, each.pts_us * 30 / 1e6, atol=1e-3)
        np.testing.assert_allclose(each.rotations, turned(each.pts_us * 30 / 1e6), atol=1e-5)


def test_nothing_is_made_up_across_frames_that_are_missing() -> None:
    taken: list[PoseFrame] = []
    frames = lane(60, taken)
    for index in (0, 1, 5, 6):
        frames.offer(pose(index, 0))
        take_all(frames)
    assert [round(each.pts_us * 60 / 1e6) for each in taken] == [0, 1, 2, 10, 11, 12]


@given(st.floats(-179, 179), st.floats(-170, 170), st.booleans())
def test_rotations_take_the_short_way_at_even_speed(
    start: float, turn: float, flipped: bool
) -> None:
    before, after = pose(0, start), pose(1, start + turn)
    if flipped:  # the same rotation, written the other way
        after = PoseFrame(after.pts_us, -after.rotations, after.hips_m)
    middle = midway(before, after, 16_667).rotations
    expected = turned(start + turn / 2)
    np.testing.assert_allclose(np.abs(np.sum(middle * expected, axis=-1)), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(middle, axis=-1), 1, atol=1e-5)
    assert middle.dtype == np.float32


def test_a_face_between_two_is_halfway() -> None:
    before = FaceFrame(0, np.zeros(52, np.float32), np.zeros(7, np.float32))
    after = FaceFrame(33_333, np.ones(52, np.float32), np.full(7, 10, np.float32))
    middle = midway(before, after, 16_667)
    np.testing.assert_allclose(middle.weights, 0.5)
    np.testing.assert_allclose(middle.head_eyes_deg, 5)
    assert middle.pts_us == 16_667


async def test_sixty_frames_a_second_as_binary_messages(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        await client.until("idol.stream.opened")
        wish = {"audio": None, "face": {"fps": 60}, "pose": {"fps": 60, "dtype": "f16"}}
        await client.send({"type": "idol.streams.configure", **wish})
        await client.send({"type": "idol.clock.ping", "id": 1, "client_us": 0})
        streams = {
            number: each
            for number, each in opened(await client.until("idol.clock.pong")).items()
            if each.fps == 60
        }
        assert sorted(each.kind for each in streams.values()) == ["face", "pose"]
        client.media.clear()
        for ticks in range(1, TICKS + 1):  # the next is made when this one has come
            scene.stage.tick()
            while last_index(media := media_of(client, streams)) < 2 * (ticks - 1):
                await client.alive()
    for frames in (media.face, media.pose):
        assert [round(each.pts_us * 60 / 1e6) for each in frames] == list(range(2 * TICKS - 1))


def last_index(media: Media) -> int:
    """Of the frames that have come of face and pose alike, in sixtieths of a second."""
    ends = (frames[-1].pts_us if frames else -1e6 for frames in (media.face, media.pose))
    return round(min(ends) * 60 / 1e6)


async def test_sixty_frames_a_second_as_events(scene: Scene) -> None:
    async with scene.client() as client:
        await client.send({"type": "idol.streams.configure", "face": {"fps": 60}})
        await client.until("idol.stream.opened")
        indices: list[int] = []
        for tick in range(TICKS):  # the next is made when this one has come
            scene.stage.tick()
            while not indices or indices[-1] < 2 * tick:
                event = (await client.until("idol.face.delta"))[-1]
                indices.append(round(event["pts_us"] * 60 / 1e6))
    assert indices == list(range(2 * TICKS - 1))


@pytest.mark.parametrize("fps", [0, -1, 7, 25, 50, 90, 120])
async def test_other_rates_are_refused_in_a_sentence(scene: Scene, fps: int) -> None:
    async with scene.client() as client:
        await client.send({"type": "idol.streams.configure", "pose": {"fps": fps}})
        error = await client.error()
        assert error["param"] == "pose.fps"
        assert "60 frames a second" in error["message"]
