"""LiDAR to a map: how many points lie in each voxel, as dense channels of height. Any beams, any number of scans."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from voxway.core.grid import VoxelGrid
from voxway.methods.box.blocks import ConvGroup
from voxway.methods.box.config import BoxConfig


class LidarBranch(nn.Module):
    """Logarithms of counts, reduced to the map's cells."""

    def __init__(self, config: BoxConfig) -> None:
        super().__init__()
        self.channels = config.width
        self.first = ConvGroup(config.task.grid.shape[2], config.width, 3, config.cell)
        self.second = ConvGroup(config.width, config.width)

    def forward(self, counts: Float[Tensor, "b z y x"]) -> Float[Tensor, "b c y2 x2"]:
        """The map."""
        return self.second(self.first(counts.log1p()))


def point_counts(points: Float[Tensor, "p c"], offsets: Int[Tensor, "b1"], grid: VoxelGrid) -> Float[Tensor, "b z y x"]:
    """Number of points in each voxel.

    Args:
        points: x, y, z in ego metres, and columns that nobody reads: intensities of no two sensors mean the same.
        offsets: sample i owns points ``offsets[i]`` up to ``offsets[i + 1]``.
        grid: the voxels.
    """
    samples = len(offsets) - 1
    sample = torch.repeat_interleave(torch.arange(samples, device=points.device), offsets.diff().to(points.device))
    index = grid.index(points[:, :3].float())
    inside = grid.holds(index)
    x, y, z = index[inside].unbind(-1)
    nx, ny, nz = grid.shape
    flat = ((sample[inside] * nz + z) * ny + y) * nx + x
    counts = torch.zeros(samples * grid.count, device=points.device)
    return counts.index_add_(0, flat, torch.ones_like(flat, dtype=counts.dtype)).view(samples, nz, ny, nx)
