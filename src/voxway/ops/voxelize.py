"""Hard voxelisation: points to voxels, with a cap on the points of a voxel and on the voxels of a frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from voxway.core.grid import VoxelGrid


@dataclass(frozen=True, kw_only=True)
class Voxels:
    """Voxels of a batch: sample by sample, each in the order in which its points first touch them.

    Attributes:
        mean: mean of the points that a voxel holds, all columns.
        index: sample, z, y, x. This is the axis order of sparse convolutions.
        counts: points that a voxel holds, at most the cap.
        rows: which given points are kept, voxel by voxel, the earliest first.
        owners: row of the voxel that holds each of them.
    """

    mean: Float[Tensor, "v c"]
    index: Int[Tensor, "v 4"]
    counts: Int[Tensor, "v"]
    rows: Int[Tensor, "r"]
    owners: Int[Tensor, "r"]


def voxelize(
    points: Float[Tensor, "p c"],
    point_offsets: Int[Tensor, "b1"],
    grid: VoxelGrid,
    max_points: int = 10,
    max_voxels: int | None = None,
) -> Voxels:
    """Gather and average the points of every voxel (SECOND, Sensors 2018; its `deterministic` form).

    A voxel keeps its first `max_points` points and ignores later ones; a sample keeps the `max_voxels` voxels that
    are touched first. Cells are found in the precision of the points, as ``floor((p - lower) / cell)``; points outside
    the grid, or not finite, are ignored.

    Args:
        points: x, y, z in metres, then any columns.
        point_offsets: sample i owns points ``point_offsets[i]`` up to ``point_offsets[i + 1]``.
        grid: the voxels.
        max_points: cap per voxel.
        max_voxels: cap per sample; None keeps all.
    """
    position = (points[:, :3] - points.new_tensor(grid.lower)) / points.new_tensor(grid.cell)
    inside = ((position >= 0) & (position < points.new_tensor(grid.shape))).all(1)
    rows = inside.nonzero()[:, 0]
    sample = torch.searchsorted(point_offsets, rows, right=True) - 1
    x, y, z = position[rows].long().unbind(1)
    keys = ((sample * grid.shape[2] + z) * grid.shape[1] + y) * grid.shape[0] + x
    keys, order = keys.sort(stable=True)
    keys, voxel, sizes = keys.unique_consecutive(return_inverse=True, return_counts=True)
    starts = sizes.cumsum(0) - sizes
    first = order[starts]  # `order` is stable, so this is the earliest point of each voxel
    seniority = first.argsort()
    kept = _within_cap(sample[first[seniority]], max_voxels)
    seniority = seniority[kept]
    slot = torch.full_like(sizes, -1)
    slot[seniority] = torch.arange(len(seniority), device=points.device)
    rank = torch.arange(len(order), device=points.device) - starts[voxel]
    used = (rank < max_points) & (slot[voxel] >= 0)
    kept_rows, owners = rows[order[used]], slot[voxel[used]]
    mean = points.new_zeros(len(seniority), points.shape[1]).index_add_(0, owners, points[kept_rows])
    counts = sizes[seniority].clamp(max=max_points)
    return Voxels(
        mean=mean / counts[:, None],
        index=_unravel(keys[seniority], grid),
        counts=counts,
        rows=kept_rows,
        owners=owners,
    )


def _within_cap(sample: Int[Tensor, "v"], cap: int | None) -> Tensor:
    """Which voxels belong to the first `cap` of their sample; voxels come sample by sample."""
    if cap is None:
        return torch.ones_like(sample, dtype=torch.bool)
    start = torch.searchsorted(sample, sample)
    return torch.arange(len(sample), device=sample.device) - start < cap


def _unravel(keys: Int[Tensor, "v"], grid: VoxelGrid) -> Int[Tensor, "v 4"]:
    nx, ny, nz = grid.shape
    return torch.stack([keys // (nx * ny * nz), keys // (nx * ny) % nz, keys // nx % ny, keys % nx], 1)
