"""What LiDAR rays passed and what cameras see, voxel by voxel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.transforms import invert
from voxway.ops.traverse import crossed
from voxway.truth.scan import PlacedScan


def in_view(cameras: Cameras, grid: VoxelGrid) -> Bool[np.ndarray, "x y z"]:
    """Whether each voxel's centre lies inside at least one image.

    Args:
        cameras: their ego frame is the grid's.
        grid: where the voxels are.
    """
    inside = _inside(cameras, grid.centres().reshape(-1, 3))
    return np.logical_or.reduce(inside).reshape(grid.shape)


def sighted(
    occupied: Bool[np.ndarray, "x y z"], cameras: Cameras, grid: VoxelGrid, all_around: bool = False
) -> Bool[np.ndarray, "x y z"]:
    """Voxels on lines from a camera to the centres of occupied voxels, as far as the first occupied voxel, exactly.

    The voxel that holds the camera hides nothing.

    Args:
        occupied: what blocks the view.
        cameras: their ego frame is the grid's.
        grid: where the voxels are.
        all_around: also follow lines to voxels outside the camera's image.
    """
    lower, cell = np.asarray(grid.lower), np.asarray(grid.cell)
    centres = np.argwhere(occupied) + 0.5
    inside = _inside(cameras, torch.from_numpy(centres * cell + lower))
    seen = np.zeros(grid.shape, bool)
    for centre, shown in zip(invert(cameras.T_cam_ego)[:, :3, 3].numpy(), inside):
        origin = (centre - lower) / cell
        blocks = occupied.copy()
        own = np.floor(origin).astype(int)
        if (own >= 0).all() and (own < grid.shape).all():
            blocks[tuple(own)] = False
        ends = centres if all_around else centres[shown]
        seen |= crossed(np.tile(origin, (len(ends), 1)), ends, grid.shape, blocks)
    return seen


def passed(scans: Sequence[PlacedScan], grid: VoxelGrid) -> Bool[np.ndarray, "x y z"]:
    """Voxels that straight rays cross between the LiDAR and their returns, exactly.

    Of the rays of one scan that end in the same voxel, the first stands for all.

    Args:
        scans: at least one, in the frame of the grid.
        grid: where the voxels are.
    """
    lower, cell = np.asarray(grid.lower), np.asarray(grid.cell)
    origins, ends = [], []
    for scan in scans:
        end = (scan.points[scan.straight].astype(np.float64) - lower) / cell
        _, first = np.unique(_key(np.floor(end)), return_index=True)
        ends.append(end[first])
        origins.append(np.tile((scan.origin - lower) / cell, (len(first), 1)))
    return crossed(np.concatenate(origins), np.concatenate(ends), grid.shape)


def _inside(cameras: Cameras, points: Float[torch.Tensor, "p 3"]) -> Bool[np.ndarray, "n p"]:
    """Whether points (metres, ego frame) lie inside the image of each camera."""
    return cameras.visible(*cameras.project(points)).numpy()


def _key(cell: Float64[np.ndarray, "p 3"]) -> Int64[np.ndarray, "p"]:
    """One number per cell, far beyond the grid too: 20 bits an axis."""
    x, y, z = (cell.astype(np.int64) + (1 << 19)).T
    return (x << 40) + (y << 20) + z
