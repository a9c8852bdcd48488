import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.face.raster import blend, fragments, nearest, texels

Corners = list[tuple[float, float]]


def triangles(*corners: Corners) -> np.ndarray:
    return np.array(corners, np.float32)


def covered(points: np.ndarray, width: int = 16, height: int = 16) -> np.ndarray:
    """[height, width], how many triangles cover each pixel."""
    count = np.bincount(fragments(points, width, height).pixel, minlength=width * height)
    return count.reshape(height, width)


def test_a_right_triangle_covers_the_pixels_whose_centres_it_holds() -> None:
    count = covered(triangles([(0, 0), (4, 0), (0, 4)]), 5, 5)
    # Centres on the long edge belong to it too.
    assert count.tolist() == [
        [1, 1, 1, 1, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]


def test_two_triangles_of_a_square_leave_no_hole() -> None:
    square = triangles(
        [(1.3, 2.2), (12.7, 2.2), (12.7, 9.9)], [(1.3, 2.2), (12.7, 9.9), (1.3, 9.9)]
    )
    inside = covered(square)[2:10, 1:13]
    assert (inside >= 1).all()
    assert covered(square).astype(bool).sum() == inside.size


def test_which_way_round_the_corners_go_does_not_matter() -> None:
    one = triangles([(1, 1), (9, 3), (4, 12)])
    np.testing.assert_array_equal(covered(one), covered(one[:, ::-1]))


def test_triangles_outside_or_without_area_cover_nothing() -> None:
    nothing = triangles(
        [(-9, -9), (-2, -9), (-2, -1)],
        [(40, 2), (50, 2), (45, 9)],
        [(1, 1), (5, 5), (9, 9)],
        [(3.6, 3.6), (3.9, 3.6), (3.9, 3.9)],
    )
    assert not covered(nothing).any()
    assert not covered(triangles()[:0].reshape(0, 3, 2)).any()


coordinate = st.floats(-20, 40, width=32)
corner = st.tuples(coordinate, coordinate)


@given(st.lists(st.lists(corner, min_size=3, max_size=3), min_size=1, max_size=6))
def test_samples_lie_in_their_triangle_and_in_the_picture(corners: list[Corners]) -> None:
    points = triangles(*corners)
    seen = fragments(points, 16, 12)
    assert ((seen.pixel >= 0) & (seen.pixel < 16 * 12)).all()
    np.testing.assert_allclose(seen.weights.sum(axis=1), 1, atol=1e-4)
    at = blend(seen.weights, points[seen.triangle])
    centre = np.stack([seen.pixel % 16 + 0.5, seen.pixel // 16 + 0.5], axis=1)
    area = np.abs(np.linalg.det(points[:, 1:] - points[:, :1]))
    fat = area[seen.triangle] > 1e-2  # slivers have weights of few digits
    np.testing.assert_allclose(at[fat], centre[fat], atol=0.02)


def test_the_nearest_sample_is_seen() -> None:
    pixel, depth = np.array([0, 1, 0, 1]), np.array([2.0, 1.0, 3.0, 0.5], np.float32)
    assert nearest(pixel, depth, 3).tolist() == [2, 1, -1]


def test_texels_are_interpolated_and_clamped_at_the_edges() -> None:
    picture = np.zeros((1, 2, 4), np.float32)
    picture[0, 1] = 1
    uvs = np.array([[0.25, 0.5], [0.5, 0.5], [0.75, 0.5], [9, 9], [-9, -9]], np.float32)
    assert texels(picture, uvs)[:, 0] == pytest.approx([0, 0.5, 1, 1, 0])
