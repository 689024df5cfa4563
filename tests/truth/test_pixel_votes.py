"""What pictures say about points: only where they show them."""

from __future__ import annotations

import numpy as np
import torch

from voxway.core.camera import Cameras
from voxway.truth.pixel_votes import PixelVotes, pixel_classes

K = torch.tensor([[[100.0, 0, 20], [0, 100, 10], [0, 0, 1]]]).double()
CAMERAS = Cameras.pinhole(K, torch.eye(4)[None], torch.tensor([[21, 41]]))
"""Looks along z; 21 rows, 41 columns; the middle of the picture is at row 10, column 20."""
NOTHING = np.zeros((0, 3))


def at(column: float, row: float, depth: float) -> np.ndarray:
    """The place that is shown there."""
    return np.array([[(column - 20) / 100 * depth, (row - 10) / 100 * depth, depth]])


def halves(left: int = 1, right: int = 2) -> np.ndarray:
    maps = np.full((1, 21, 41), left, np.uint8)
    maps[:, :, 20:] = right
    return maps


def test_points_have_the_class_that_is_shown_at_their_place() -> None:
    points = np.concatenate([at(5, 10, 8.0), at(30, 4, 20.0), at(60, 10, 8.0), -at(5, 10, 8.0)])
    classes, depths = pixel_classes(points, points, CAMERAS, halves())
    assert classes.tolist() == [[1, 2, 255, 255]]
    np.testing.assert_allclose(depths[0, :2], (8, 20))


def test_edges_and_the_sky_give_none() -> None:
    points = np.concatenate([at(column, 10, 8.0) for column in (18, 19, 20, 21)])
    assert pixel_classes(points, points, CAMERAS, halves())[0].tolist() == [[1, 255, 255, 2]]
    assert pixel_classes(points, points, CAMERAS, halves(254, 254))[0].tolist() == [[255] * 4]


def test_what_lies_behind_something_is_not_seen() -> None:
    point, before = at(5, 10, 20.0), at(6, 11, 8.0)
    assert pixel_classes(point, np.concatenate([before, point]), CAMERAS, halves())[0] == 255
    assert pixel_classes(before, np.concatenate([before, point]), CAMERAS, halves())[0] == 1
    near = at(5, 10, 19.4)  # of the same thing: 0.3 m and a fiftieth of the way
    assert pixel_classes(point, near, CAMERAS, halves())[0] == 1


def test_where_nothing_was_scanned_nobody_knows() -> None:
    assert pixel_classes(at(5, 10, 8.0), NOTHING, CAMERAS, halves())[0] == 255
    assert pixel_classes(at(5, 10, 8.0), at(9, 10, 8.0), CAMERAS, halves())[0] == 255


def test_two_pictures_must_agree() -> None:
    points = np.concatenate([at(5, 10, 8.0), at(30, 10, 8.0), at(5, 5, 8.0)])
    votes = PixelVotes(points, 3)
    votes.add(points, CAMERAS, halves())
    assert votes.classes().tolist() == [255, 255, 255]
    votes.add(points, CAMERAS, halves(1, 0))
    assert votes.classes().tolist() == [1, 255, 1]
    votes.add(points, CAMERAS, halves(0, 2))
    assert votes.classes().tolist() == [1, 2, 1]


def test_near_pictures_weigh_more() -> None:
    points = at(20, 10, 4.0)
    away = CAMERAS.move_ego(torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -16], [0, 0, 0, 1]]).double())
    votes = PixelVotes(points, 3)
    for cameras, class_id in ((away, 2), (away, 2), (CAMERAS, 1)):
        votes.add(points, cameras, np.full((1, 21, 41), class_id, np.uint8))
    assert votes.classes().tolist() == [1]
