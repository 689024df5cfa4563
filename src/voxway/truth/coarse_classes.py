"""Coarse classes of voxels from geometry alone, where nobody labelled anything.

ground, object (what stands on the ground and is no larger than a lorry: parked cars and bushes alike), structure
(buildings, trees, poles, walls), moving, other (small things and those that float).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, UInt8

from voxway.core.grid import VoxelGrid
from voxway.core.task import IGNORE, Task
from voxway.truth.moving.clusters import clusters

NAMES = ("free", "ground", "object", "structure", "moving", "other")
FREE_ID, GROUND, OBJECT, STRUCTURE, MOVING, OTHER = range(6)
_LONG_M, _WIDE_M, _HIGH_M = 8.0, 4.0, 4.0
_OFF_GROUND_M = 0.6
"""How far above the ground the lowest voxel of what stands on it may be."""
_FEWEST = 3
"""Voxels below which a cluster is a small thing."""


def coarse_task(grid: VoxelGrid) -> Task:
    """These classes on a grid."""
    palette = ((255, 255, 255), (130, 100, 90), (100, 150, 245), (255, 200, 0), (255, 30, 30), (160, 160, 160))
    return Task(name="coarse", grid=grid, classes=NAMES, free=FREE_ID, palette=palette, foreground=(OBJECT, MOVING))


def coarse_classes(
    standing: Bool[np.ndarray, "x y z"],
    moving: Bool[np.ndarray, "x y z"],
    ground: Bool[np.ndarray, "x y z"],
    grid: VoxelGrid,
) -> UInt8[np.ndarray, "x y z"]:
    """Classes of occupied voxels; 255 elsewhere.

    Args:
        standing: voxels that hold what stands.
        moving: those that hold what moves.
        ground: of the standing ones, those that hold ground.
        grid: where they are.
    """
    found = np.full(grid.shape, IGNORE, np.uint8)
    found[standing & ground] = GROUND
    index = np.argwhere(standing & ~ground)
    if len(index):
        found[tuple(index.T)] = _of_clusters(index, ground, grid)
    found[moving] = MOVING
    return found


def _of_clusters(index: np.ndarray, ground: Bool[np.ndarray, "x y z"], grid: VoxelGrid) -> UInt8[np.ndarray, "v"]:
    number = clusters(index + 0.5, 1.0)
    count = number.max() + 1
    low, high = np.full((count, 3), np.iinfo(np.int64).max), np.full((count, 3), -1)
    np.minimum.at(low, number, index)
    np.maximum.at(high, number, index)
    size = (high - low + 1) * np.array(grid.cell)
    across = np.sort(size[:, :2], axis=1)
    small = (across[:, 1] <= _LONG_M) & (across[:, 0] <= _WIDE_M) & (size[:, 2] <= _HIGH_M)
    off = _off_ground(index, ground) * grid.cell[2]
    lowest = np.full(count, np.inf)
    np.minimum.at(lowest, number, off)
    stands = lowest <= _OFF_GROUND_M
    few = np.bincount(number) < _FEWEST
    kind = np.where(few, OTHER, np.where(~small, STRUCTURE, np.where(stands, OBJECT, OTHER))).astype(np.uint8)
    return kind[number]


def _off_ground(index: np.ndarray, ground: Bool[np.ndarray, "x y z"]) -> np.ndarray:
    """How many voxels lie between a voxel and the ground below or beside it; infinity where there is none."""
    top = np.where(ground.any(2), ground.shape[2] - 1 - ground[..., ::-1].argmax(2), -(10**6))
    wide = np.pad(top, 2, constant_values=-(10**6))
    x, y = top.shape
    near = np.max([wide[i : i + x, j : j + y] for i in range(5) for j in range(5)], axis=0)
    away = index[:, 2] - near[index[:, 0], index[:, 1]]
    return np.where(away < 10**5, away - 1.0, np.inf)
