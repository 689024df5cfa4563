"""Resampling between tasks: known values, worked by hand."""

from __future__ import annotations

import pytest
import torch

from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.occupancy import Occupancy
from voxway.core.resample import ClassTable, resampled
from voxway.core.task import Task

FINE = Task(
    name="fine",
    grid=VoxelGrid((0.0, -1.0, 0.0), (0.5, 0.5, 0.5), (4, 4, 2)),
    classes=("car", "truck", "road", "nothing"),
    free=3,
)
COARSE = Task(
    name="coarse", grid=VoxelGrid((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0), (3, 2, 2)), classes=("free", "vehicle"), free=0
)
TABLE = ClassTable.of(FINE, COARSE, {"car": "vehicle", "truck": "vehicle", "road": None, "nothing": "free"})


def fine() -> Occupancy:
    classes = torch.full(FINE.grid.shape, 3, dtype=torch.uint8)
    classes[1, 1, 1] = 1  # a truck around (0.75, -0.25, 0.75)
    classes[2:, :, 0] = 2
    return Occupancy(task=FINE, classes=classes, masks={"camera": classes == 1}, pose=torch.eye(4).double(), key="a/0")


def test_each_voxel_takes_what_is_at_its_centre() -> None:
    """The centre (0.5, -0.5, 0.5) lies on borders, and takes voxel (1, 1, 1) of the finer grid."""
    found = resampled(fine(), TABLE)
    expected = torch.full(COARSE.grid.shape, 255, dtype=torch.uint8)
    expected[1, :, 1] = torch.tensor([1, 0])
    expected[2, :, 1] = 0  # road lies in the lower half, the centre in the upper
    assert torch.equal(found.classes, expected)
    assert found.masks["camera"].nonzero().tolist() == [[1, 0, 1]]
    assert (found.task, found.key, found.labelled) == (COARSE, "a/0", True)


def test_a_higher_frame_sees_everything_lower() -> None:
    """With its origin 1.2 m higher, its lower layer shows what is at 0.7 m, and its upper one nothing."""
    found = resampled(fine(), TABLE, rise_m=1.2)
    assert (found.classes[:, :, 1] == 255).all()
    assert found.classes[:, :, 0].tolist() == [[255, 255], [1, 0], [0, 0]]
    assert found.pose is not None and found.pose[2, 3] == pytest.approx(1.2)


def test_there_and_back_between_aligned_grids_gives_the_same() -> None:
    other = Task(name="other", grid=FINE.grid, classes=("nothing", "road", "truck", "car"), free=0)
    there = ClassTable.of(FINE, other, {name: name for name in FINE.classes})
    back = ClassTable.of(other, FINE, {name: name for name in FINE.classes})
    assert torch.equal(resampled(resampled(fine(), there), back).classes, fine().classes)
    assert there(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [3, 255]


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="names: expected all classes of the source, found none for road, nothing"):
        ClassTable.of(FINE, COARSE, {"car": "vehicle", "truck": "vehicle"})
    with pytest.raises(InputError, match="class of coarse: name: expected one of free, vehicle, found 'lorry'"):
        ClassTable.of(FINE, COARSE, dict.fromkeys(FINE.classes, "lorry"))
    with pytest.raises(InputError, match="class of fine: name"):
        ClassTable.of(FINE, COARSE, {**dict.fromkeys(FINE.classes, "free"), "tram": "vehicle"})
    with pytest.raises(InputError, match="ids: expected 4 ids of coarse"):
        ClassTable(source=FINE, target=COARSE, ids=(0, 0, 0, 9))
    with pytest.raises(InputError, match="task: expected an occupancy of fine, found coarse"):
        resampled(Occupancy.unknown(COARSE), TABLE)
