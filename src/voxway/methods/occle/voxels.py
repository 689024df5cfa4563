"""Features of voxels from the points that they hold (VoxelNet, CVPR 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from voxway.core.grid import VoxelGrid
from voxway.nn.sparse import RowNorm
from voxway.ops.sparse_conv import Sites, sort_sites
from voxway.ops.voxelize import Voxels, voxelize


@dataclass(frozen=True, kw_only=True)
class VoxelConfig:
    """How points become voxels. All of it is our reading of the paper.

    Raises:
        ValueError: no widths, or a cap that lets nothing in.
    """

    widths: tuple[int, ...] = (32, 32)
    """Channels of the layers; the last are the voxels'."""
    max_points: int = 10
    """Points of a voxel that count, the first ones."""
    training_voxels: int = 60_000
    """Cap on voxels per sample in training; the voxels touched first stay."""
    voxels: int = 120_000
    """The same in evaluation."""
    pad_in_max: bool = False
    """Whether a voxel with fewer points than `max_points` is filled up with points of zeros, which enter the norm and
    the maximum as in mmdet3d's HardVFE. If not, a voxel does not depend on the cap."""

    def __post_init__(self) -> None:
        if not self.widths or min(self.max_points, self.training_voxels, self.voxels) < 1:
            raise ValueError(
                f"voxels need layers, points and room, got widths {self.widths}, at most {self.max_points} points, "
                f"{self.training_voxels} and {self.voxels} voxels"
            )


class PointLayer(nn.Module):
    """relu(norm(linear(x))) of points."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, width, bias=False)
        self.norm = RowNorm(width)

    def forward(self, x: Float[Tensor, "r c"]) -> Float[Tensor, "r d"]:
        """Features of as many points."""
        return F.relu(self.norm(self.linear(x)))


def largest(x: Float[Tensor, "r c"], owners: Int[Tensor, "r"], count: int) -> Float[Tensor, "v c"]:
    """The maximum over each owner's rows, of features that are not negative.

    Args:
        x: features of rows.
        owners: who has each row.
        count: owners.
    """
    return x.new_zeros(count, x.shape[1]).scatter_reduce(0, owners[:, None].expand_as(x), x, "amax")


class VoxelEncoder(nn.Module):
    """Points to voxels with features: layers of points, each but the last followed by what their voxel has in common.

    Args:
        columns: of a point that are read; its offset from the mean of its voxel is added.
        config: layers and caps.
        grid: the voxels.
    """

    def __init__(self, columns: int, config: VoxelConfig, grid: VoxelGrid) -> None:
        super().__init__()
        self.config, self.grid, self.columns = config, grid, columns
        entering = [columns + 3, *(2 * width for width in config.widths)]
        self.layers = nn.ModuleList(PointLayer(c, width) for c, width in zip(entering, config.widths))
        self.channels = config.widths[-1]

    def forward(self, points: Float[Tensor, "p _c"], offsets: Int[Tensor, "b1"]) -> tuple[Tensor, Sites]:
        """Features (v, d) and sites of the voxels that hold points; the sites' axes are x, y, z.

        Args:
            points: x, y, z in metres (ego frame), then the columns that the network was built for.
            offsets: sample i owns points ``offsets[i]`` up to ``offsets[i + 1]``.
        """
        cap = self.config.training_voxels if self.training else self.config.voxels
        points = points[:, : self.columns]
        voxels = voxelize(points, offsets, self.grid, self.config.max_points, cap)
        sites, order = sort_sites(voxels.index[:, [0, 3, 2, 1]], self.grid.shape, len(offsets) - 1)
        return self.encode(points, voxels)[order], sites

    def encode(self, points: Float[Tensor, "p c"], voxels: Voxels) -> Float[Tensor, "v d"]:
        """Features of voxels in their given order."""
        kept, owners, count = points[voxels.rows], voxels.owners, len(voxels.counts)
        x = torch.cat([kept, kept[:, :3] - voxels.mean[owners, :3]], 1)
        if self.config.pad_in_max:
            free = self.config.max_points - voxels.counts
            x = torch.cat([x, x.new_zeros(int(free.sum()), x.shape[1])])
            owners = torch.cat([owners, torch.arange(count, device=x.device).repeat_interleave(free)])
        first, *others = self.layers
        x = first(x)
        for layer in others:
            x = layer(torch.cat([x, largest(x, owners, count)[owners]], 1))
        # Sparse layers keep all digits, whatever autocast says.
        return largest(x, owners, count).to(points.dtype)
