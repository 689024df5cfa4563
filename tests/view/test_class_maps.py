"""Pictures beside their class maps: every pixel in its class's colour, in rows of images and columns of maps."""

from __future__ import annotations

import numpy as np
import pytest

from voxway.core.task import SKY
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.view import beside_maps
from voxway.view.legend import LINE_PX, Legend
from voxway.view.shade import display_colours

TASK = SEMANTIC_KITTI.task


def test_colours_stand_where_the_classes_are() -> None:
    images = [np.full((30, 60, 3), 200, np.uint8), np.full((60, 60, 3), 90, np.uint8)]
    first = [np.full((30, 60), 1, np.uint8), np.full((60, 60), 255, np.uint8)]
    second = [np.full((30, 60), SKY, np.uint8), np.full((60, 60), 9, np.uint8)]
    first[0][:, 30:] = 15
    picture = beside_maps(images, {"Primary": first, "Merged": second}, TASK, width_px=648)
    # Margins of 12, three columns of 200, rows of 100 and 200 below a line of captions.
    car, vegetation, road = (tuple(display_colours(TASK)[i].tolist()) for i in (1, 15, 9))
    at = {
        (92, 112): (200, 200, 200), (92, 274): car, (92, 374): vegetation, (92, 536): (160, 205, 240),
        (254, 112): (90, 90, 90), (254, 324): (40, 40, 40), (254, 536): road,
    }  # fmt: skip
    assert {place: tuple(picture[place].tolist()) for place in at} == at
    legend = picture[-LINE_PX:].reshape(-1, 3)
    shown = {tuple(colour) for colour in legend.tolist()}
    assert {car, vegetation, road, (160, 205, 240), (40, 40, 40)} <= shown
    assert tuple(display_colours(TASK)[2].tolist()) not in shown, "what does not occur is not explained"


def test_what_does_not_fit_is_refused() -> None:
    image, ids = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)
    with pytest.raises(ValueError, match="1 images need as many maps"):
        beside_maps([image], {"Primary": [ids, ids]}, TASK)
    with pytest.raises(ValueError, match=r"semantickitti has no ids \[77\]"):
        beside_maps([image], {"Primary": [ids + 77]}, TASK)


def test_a_legend_is_as_wide_as_its_picture() -> None:
    named = [(f"class {i}", (0, 0, 0)) for i in range(12)]
    lines = {width: Legend.of(named, width).height_px // LINE_PX for width in (100, 400, 4000)}
    assert lines[4000] == 1 and lines[100] == 12 and 1 < lines[400] < 12
    assert Legend.of([], 100).height_px == LINE_PX
