"""Avatars on the page: what they show of frames."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from idol_protocol.channels import FACE_CHANNELS, POSE_BONES
from tests.training.avatars import can_draw
from training.pictures.avatar_page import (
    FRONT,
    VIEWS,
    AvatarFrame,
    AvatarPage,
    View,
    open_avatar,
    pose_frames,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Array = NDArray[Any]
FACE = VIEWS["face"]
HALF = FACE.width // 2


@pytest.fixture(scope="module")
def page() -> Iterator[AvatarPage]:
    if not can_draw():
        pytest.skip("Chromium or the stage page is not set up; run `make setup`")
    with open_avatar() as page:
        yield page


def face(**values: float) -> AvatarFrame:
    row = np.zeros(len(FACE_CHANNELS), np.float32)
    for name, value in values.items():
        row[FACE_CHANNELS.index(name)] = value
    return AvatarFrame(face=row)


def body(hips: tuple[float, float, float] = (0, 0, 0), **degrees: float) -> AvatarFrame:
    """The T-pose with some bones turned about Z."""
    turns = np.tile(np.eye(3), (len(POSE_BONES), 1, 1))
    for name, angle in degrees.items():
        turn = Rotation.from_euler("z", angle, degrees=True)
        turns[POSE_BONES.index(name)] = turn.as_matrix()
    return AvatarFrame(pose=pose_frames(turns[None], np.array([hips]))[0])


def drawn(page: AvatarPage, *frames: AvatarFrame, view: View = FACE) -> list[Array]:
    """[height, width, 3] in [0, 1] each."""
    return [np.asarray(picture, float) / 255 for picture in page.draw(frames, view)]


def change(a: Array, b: Array) -> Array:
    """[height, width]"""
    found: Array = np.abs(a - b).sum(axis=2)
    return found


def silhouette(picture: Array) -> Array:
    """[height, width]: where the plain background, without a floor, is covered."""
    covered: Array = np.abs(picture - picture[0, 0]).sum(axis=2) > 0.1
    return covered


def test_an_open_mouth_differs_below_and_shows_the_dark_of_the_mouth(page: AvatarPage) -> None:
    shut, opened = drawn(page, face(), face(jawOpen=0.7))
    moved = change(shut, opened)
    assert moved[HALF:].sum() > 0.95 * moved.sum() > 20
    mouth = np.s_[HALF : HALF + 60, 80:120, 1]
    assert opened[mouth].min() < 0.2 < shut[mouth].min()


def test_mouth_close_shuts_what_the_jaw_opened(page: AvatarPage) -> None:
    rest, opened, shut = drawn(
        page, face(), face(jawOpen=0.5), face(jawOpen=0.5, mouthClose=0.5), view=VIEWS["mouth"]
    )
    dark = [int((picture[..., 1] < 0.25).sum()) for picture in (rest, opened, shut)]
    assert dark[1] > 5 * max(dark[0], 20)
    assert dark[2] < 0.4 * dark[1]


def test_a_wink_moves_its_own_side_and_her_left_is_on_the_right(page: AvatarPage) -> None:
    rest, wink = drawn(page, face(), face(eyeBlinkLeft=1))
    moved = change(rest, wink)
    assert moved[:, HALF:].sum() > 0.95 * moved.sum() > 20


def middle_of_the_eyes(picture: Array) -> tuple[float, float]:
    """Row and column halfway between the outermost pixels of the irises."""
    rows, columns = np.nonzero((picture[..., 1] - picture[..., 0] > 0.25)[: 2 * HALF - 60])
    return float(rows.min() + rows.max()) / 2, float(columns.min() + columns.max()) / 2


def test_the_head_turns_as_the_wire_says(page: AvatarPage) -> None:
    rest, left, down = map(
        middle_of_the_eyes, drawn(page, face(), face(headYaw=15), face(headPitch=15))
    )
    assert left[1] > rest[1] + 3
    assert down[0] > rest[0] + 3
    (tilted,) = drawn(page, face(headRoll=15))
    right_half, left_half = tilted[:, :HALF], tilted[:, HALF:]
    assert middle_of_the_eyes(right_half)[0] > middle_of_the_eyes(left_half)[0] + 5


def test_a_raised_arm_moves_the_silhouette_on_its_own_side(page: AvatarPage) -> None:
    plain = View(FRONT.width, FRONT.height, FRONT.distance, FRONT.target)
    level, raised = map(silhouette, drawn(page, body(), body(leftUpperArm=70), view=plain))
    moved = level ^ raised
    assert moved.sum() > 300
    assert moved[:, FRONT.width // 2 :].sum() > 0.95 * moved.sum()
    highest = [int(np.nonzero(each[:, 130:].any(axis=1))[0].min()) for each in (level, raised)]
    assert highest[1] < highest[0] - 20


def test_the_camera_goes_with_the_hips_only_when_it_follows(page: AvatarPage) -> None:
    fixed = View(FRONT.width, FRONT.height, FRONT.distance, FRONT.target)
    following = View(FRONT.width, FRONT.height, FRONT.distance, FRONT.target, follow=True)
    middles = [
        float(np.nonzero(silhouette(picture))[1].mean())
        for view in (fixed, following)
        for picture in drawn(page, body((0.2, 0, 0)), view=view)
    ]
    assert middles[0] > FRONT.width / 2 + 20
    assert middles[1] == pytest.approx(FRONT.width / 2, abs=5)


def test_the_same_frame_gives_the_same_picture_whatever_was_drawn_before(
    page: AvatarPage,
) -> None:
    frame = AvatarFrame(face(jawOpen=0.3, browInnerUp=0.5).face, body(leftUpperArm=-60).pose)
    first, _, again = drawn(page, frame, body(rightUpperArm=70, spine=20), frame, view=FRONT)
    np.testing.assert_array_equal(first, again)
    film = list(page.draw([frame, body(), frame], FRONT, step_s=0.5))
    np.testing.assert_array_equal(np.asarray(film[0]) / 255, first)
    assert change(np.asarray(film[2]) / 255, first).sum() > 1
    np.testing.assert_array_equal(drawn(page, frame, view=FRONT)[0], first)


def test_hair_swings_from_one_frame_of_a_film_to_the_next(page: AvatarPage) -> None:
    still, turned = face(), face(headYaw=40)
    _, swinging, settled = page.draw([still, turned, turned], FACE, step_s=1 / 15)
    assert change(np.asarray(swinging) / 255, np.asarray(settled) / 255).sum() > 20


def test_frames_of_another_size_are_refused(page: AvatarPage) -> None:
    with pytest.raises(ValueError, match="a face of 52 or 59 numbers, found 51"):
        list(page.draw([AvatarFrame(face=np.zeros(51))], FACE))
    with pytest.raises(ValueError, match="a pose of 91 numbers, found 88"):
        list(page.draw([AvatarFrame(pose=np.zeros(88))], FACE))
