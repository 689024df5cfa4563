"""Task: what is checked when it is made, colours and regions of its own, coarser grids."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.task import IGNORE, Task

GRID = VoxelGrid(lower=(0.0, 0.0, 0.0), cell=(1.0, 1.0, 1.0), shape=(4, 4, 2))
TASK = Task(name="toy", grid=GRID, classes=("car", "free", "road", "person"), free=1, foreground=(0, 3))


def test_all_but_free_are_occupied_and_evaluated() -> None:
    assert TASK.occupied == TASK.evaluated == (0, 2, 3)
    assert replace(TASK, evaluated=(0, 2)).evaluated == (0, 2)


def test_colours_are_told_apart_and_free_is_white() -> None:
    many = Task(name="many", grid=GRID, classes=tuple(str(number) for number in range(254)), free=253)
    assert many.palette[253] == (255, 255, 255)
    assert len(set(many.palette)) == 254
    assert all(0 <= value <= 255 for colour in many.palette for value in colour)
    own = ((1, 2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12))
    assert replace(TASK, palette=own).palette == own


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"classes": ("free",), "free": 0}, "toy: a task has 2 to 254 classes, got 1"),
        ({"classes": tuple(map(str, range(255)))}, "2 to 254 classes, got 255"),
        ({"classes": ("car", "free", "car", "road")}, "each class needs a name of its own"),
        ({"free": 4}, "free id 4 must be one of the 4 classes"),
        ({"free": -1}, "free id -1 must be one of the 4 classes"),
        ({"palette": ((0, 0, 0),)}, "4 classes need as many colours, got 1"),
        ({"foreground": (1,)}, r"foreground must be ids of classes other than free \(1\), got \(1,\)"),
        ({"foreground": (4,)}, r"foreground must be ids of classes .* got \(4,\)"),
        ({"evaluated": (0, 1)}, r"evaluated must be ids of classes .* got \(0, 1\)"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, object], match: str) -> None:
    plain = Task(name="toy", grid=GRID, classes=TASK.classes, free=1)
    fresh = {"name": plain.name, "grid": plain.grid, "classes": plain.classes, "free": plain.free}
    with pytest.raises(ValueError, match=match):
        Task(**{**fresh, **changes})


def test_names_have_ids() -> None:
    assert [TASK.class_id(name) for name in TASK.classes] == [0, 1, 2, 3]
    with pytest.raises(InputError, match="class of toy: name: expected one of car, free, road, person, found 'persn'"):
        TASK.class_id("persn")


@pytest.mark.parametrize("leading", [(), (2,)])
def test_regions_part_the_volume(leading: tuple[int, ...]) -> None:
    ids = torch.tensor([0, 1, 2, 3, IGNORE, 1], dtype=torch.uint8).reshape(1, 2, 3).expand(*leading, 1, 2, 3)
    regions = {name: mask.reshape(*leading, 6) for name, mask in TASK.regions(ids).items()}
    expected = {
        "foreground": [True, False, False, True, False, False],
        "background": [False, False, True, False, True, False],
        "empty": [False, True, False, False, False, True],
    }
    for name, mask in expected.items():
        assert torch.equal(regions[name], torch.tensor(mask).expand(*leading, 6)), name
    assert torch.equal(sum(mask.int() for mask in regions.values()), torch.ones(*leading, 6, dtype=torch.int32))


def test_coarser_grids_keep_the_classes() -> None:
    coarse = TASK.coarsen(2)
    assert coarse.grid == GRID.coarsen(2)
    assert replace(coarse, grid=GRID) == TASK
    assert TASK.coarsen((4, 1, 2)).grid.shape == (1, 4, 1)
    with pytest.raises(ValueError, match="cannot be coarsened by 3"):
        TASK.coarsen(3)
