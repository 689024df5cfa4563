"""Voxel labels on any benchmark's grid: a road, a wall, a car that drives, a thing without a class, and the unknown."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from voxway.core.grid import VoxelGrid
from voxway.core.recorded import Recorded, RecordedPicture
from voxway.core.task import IGNORE, Task
from voxway.core.voxel_labels import VoxelLabels

PICTURE = RecordedPicture(
    name="front",
    file="pictures/front/000012.png",
    K=((100.0, 0.0, 32.0), (0.0, 100.0, 24.0), (0.0, 0.0, 1.0)),
    T_frame_cam=((0.0, 0.0, 1.0, 1.5), (-1.0, 0.0, 0.0, 0.0), (0.0, -1.0, 0.0, 0.25), (0.0, 0.0, 0.0, 1.0)),
)
"""Of a level camera that looks along x."""


def toy_labels(
    task: Task,
    key: str = "drive_a/000012",
    frame: str = "lidar",
    *,
    flow: bool = False,
    names: Mapping[str, str] = MappingProxyType({}),
) -> VoxelLabels:
    """Labels whose classes are the first, second and last occupied ones of the task; one camera looks ahead."""
    shape = task.grid.shape
    x, y, z = (count // 2 for count in shape)
    road, car, wall = task.occupied[0], task.occupied[1], task.occupied[-1]
    state = np.zeros(shape, np.uint8)
    state[x - 20 : x + 40, y - 15 : y + 25, z - 4 : z + 4] = 1
    label = np.where(state == 1, np.uint8(task.free), np.uint8(IGNORE))
    for where, one in (
        ((slice(x - 20, x + 40), slice(y - 10, y + 10), z - 4), road),
        ((slice(x + 5, x + 9), slice(y + 2, y + 4), slice(z - 3, z)), car),
        ((slice(x, x + 30), y + 20, slice(z - 4, z + 3)), wall),
        ((x + 10, slice(y - 9, y - 7), z - 3), IGNORE),
    ):
        label[where], state[where] = one, 2
    occupied, moving = state == 2, label == car
    camera = (state > 0) & (np.arange(shape[0])[:, None, None] > x)
    pose = np.eye(4)
    pose[:3, 3] = (100, 200, 3)
    way = np.zeros((*shape, 3), np.float16)
    way[moving] = (2, -1, 0.5)
    return VoxelLabels(
        key=key,
        task=task,
        frame=frame,
        T_world_frame=pose,
        time_s=12.5,
        label=label,
        state=state,
        lidar=state > 0,
        camera=camera,
        moving=moving,
        hits=occupied.astype(np.uint8),
        passes=(state == 1).astype(np.uint8),
        confirmed=(state == 1).astype(np.uint8),
        flow=way if flow else None,
        until_next_s=0.5,
        own=occupied & (np.arange(shape[1])[:, None] > y),
        recorded=Recorded(names=names, pictures=(PICTURE,)),
    )


def ahead(grid: VoxelGrid) -> VoxelGrid:
    """The grid with x ahead whose labels, when they are turned, lie on that of a benchmark with x to the right."""
    (low_x, low_y, low_z), (high_x, _, _), (dx, dy, dz), (nx, ny, nz) = grid.lower, grid.upper, grid.cell, grid.shape
    assert low_x + high_x == 0
    return VoxelGrid(lower=(low_y, low_x, low_z), cell=(dy, dx, dz), shape=(ny, nx, nz))
