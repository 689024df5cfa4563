"""Drawing LiDAR into pictures."""

from __future__ import annotations

import numpy as np
import torch

from voxway.core.camera import Cameras
from voxway.data.projection import project_depth, project_values

FORWARD = torch.tensor([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]).double()


def cameras(*sizes_px: tuple[int, int]) -> Cameras:
    count = len(sizes_px)
    K = torch.tensor([[10.0, 0, 8], [0, 10, 4], [0, 0, 1]]).expand(count, 3, 3)
    return Cameras.pinhole(K, FORWARD.expand(count, 4, 4), torch.tensor(sizes_px))


def test_points_land_on_their_pixels_and_the_nearest_wins() -> None:
    points = torch.tensor([[10.0, 0, 0], [5.0, 0, 0], [20.0, 0, 0], [10.0, 2.0, 1.0], [-5.0, 0, 0], [1.0, 50.0, 0]])
    values = np.array([1, 2, 3, 4, 5, 6], np.uint8)
    picture = project_values(points, values, cameras((9, 17)), 255)
    expected = np.full((1, 9, 17), 255, np.uint8)
    expected[0, 4, 8] = 2
    expected[0, 3, 6] = 4
    np.testing.assert_array_equal(picture, expected)
    depth = project_depth(points, cameras((9, 17)))
    assert depth[0, 4, 8] == 5
    assert depth[0, 3, 6] == 10
    assert np.count_nonzero(depth) == 2


def test_a_smaller_picture_stands_in_the_top_left_corner() -> None:
    points = torch.tensor([[10.0, 0, 0], [10.0, -7.4, -3.4]])
    picture = project_values(points, np.array([1, 2], np.uint8), cameras((9, 17), (6, 10)), 0)
    assert picture.shape == (2, 9, 17)
    assert picture[0, 7, 15] == 2
    assert picture[1].sum() == 1
    assert project_depth(points, cameras((9, 17), (6, 10))).shape == (2, 9, 17)


def test_no_points_draw_nothing() -> None:
    picture = project_values(torch.zeros(0, 3), np.zeros(0, np.uint8), cameras((4, 5)), 255)
    assert (picture == 255).all()
