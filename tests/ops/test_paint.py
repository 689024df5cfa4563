"""Masks painted over a map: the surest on top, only where the map lets them."""

from __future__ import annotations

import numpy as np
import pytest

from voxway.ops.paint import paint

ROAD, TREE, TRUNK, PARKING = 9, 15, 16, 10
OVER = {TRUNK: (TREE, 255), PARKING: (ROAD,)}


def test_by_hand():
    primary = np.array([[ROAD, ROAD, TREE, 255]], np.uint8)
    everywhere = np.ones((2, 1, 4), bool)
    found = paint(primary, everywhere, [TRUNK, PARKING], [0.9, 0.3], OVER)
    assert found.tolist() == [[PARKING, PARKING, TRUNK, TRUNK]]
    assert primary.tolist() == [[ROAD, ROAD, TREE, 255]]


def test_the_surest_is_on_top_and_what_was_painted_does_not_count():
    primary = np.full((1, 3), ROAD, np.uint8)
    over = {PARKING: (ROAD,), TRUNK: (PARKING,), 12: (ROAD,)}
    masks = np.array([[[True, True, False]], [[True, False, False]], [[True, True, True]]])
    found = paint(primary, masks, [PARKING, TRUNK, 12], [0.5, 0.9, 0.4], over)
    assert found.tolist() == [[PARKING, PARKING, 12]]  # no trunk: the primary map has no parking
    assert paint(primary, masks, [PARKING, TRUNK, 12], [0.4, 0.9, 0.5], over).tolist() == [[12, 12, 12]]


def test_of_equal_scores_the_later_is_on_top():
    primary, masks = np.full((1, 1), ROAD, np.uint8), np.ones((2, 1, 1), bool)
    over = {1: (ROAD,), 2: (ROAD,)}
    assert paint(primary, masks, [1, 2], [0.5, 0.5], over).tolist() == [[2]]


def test_what_is_doubtful_is_unknown_unless_painted():
    primary, mask = np.full((1, 3), ROAD, np.uint8), np.array([[[True, False, False]]])
    doubtful = np.array([[True, True, False]])
    assert paint(primary, mask, [PARKING], [0.5], OVER, doubtful).tolist() == [[PARKING, 255, ROAD]]


def test_no_mask_changes_nothing():
    primary = np.full((2, 3), ROAD, np.uint8)
    assert (paint(primary, np.zeros((0, 2, 3), bool), [], [], OVER) == primary).all()


@pytest.mark.usefixtures("annotations_unchecked")
def test_what_does_not_fit_is_refused():
    primary, mask = np.full((2, 3), ROAD, np.uint8), np.ones((1, 2, 3), bool)
    with pytest.raises(ValueError, match=r"need as many masks of the map's size \(2, 3\)"):
        paint(primary, mask, [PARKING], [0.5, 0.4], OVER)
    with pytest.raises(ValueError, match="as many masks"):
        paint(primary, mask[:, :1], [PARKING], [0.5], OVER)
    with pytest.raises(ValueError, match=r"the classes \[3\] may paint over"):
        paint(primary, mask, [3], [0.5], OVER)
