"""LiDAR branch: points to voxels to a bird's-eye map, by sparse 3D convolutions (SECOND, Sensors 2018).

The paper says "2D operators only"; that is true of the dense part. This encoder is published with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from voxway.core.grid import VoxelGrid
from voxway.nn.sparse import SparseBlock, SparseConvNorm
from voxway.ops.sparse_conv import Sites, Table, Triple, sort_sites, strided_table, submanifold_table
from voxway.ops.sparse_map import SparseMap
from voxway.ops.voxelize import voxelize

_TALL = (3, 1, 1)


@dataclass(frozen=True, kw_only=True)
class LidarConfig:
    """The published encoder of grids with cells of 0.4 m.

    Raises:
        ValueError: fewer than two widths.
    """

    cell: tuple[float, float, float] = (0.05, 0.05, 0.16)
    """Size of an input voxel along x, y and z in metres. Each width beyond the first halves the resolution; after the
    last, cells must be those of the bird's-eye map."""
    point_features: int = 5
    """Columns of a point that are used: x, y, z, then the data's own."""
    max_points: int = 10
    """Points of a voxel that are averaged, the first ones."""
    training_voxels: int = 90_000
    """Cap on voxels per sample in training; the voxels touched first stay."""
    voxels: int = 120_000
    """The same in evaluation."""
    widths: tuple[int, ...] = (16, 32, 64, 128)
    """Channels at each resolution, fine to coarse."""

    def __post_init__(self) -> None:
        if len(self.widths) < 2:
            raise ValueError(f"widths must be two numbers or more, got {self.widths}")

    @property
    def reduction(self) -> int:
        """Input voxels per cell of the map, along x and y."""
        return 2 ** (len(self.widths) - 1)

    def grid(self, space: VoxelGrid) -> VoxelGrid:
        """Input voxels over the space of a grid."""
        nx, ny, nz = (
            round((high - low) / cell) for low, high, cell in zip(space.lower, space.upper, self.cell, strict=True)
        )
        return VoxelGrid(lower=space.lower, cell=self.cell, shape=(nx, ny, nz))


@dataclass(frozen=True)
class EncoderTables:
    """All that the encoder needs to know about where voxels are; built once per batch.

    Attributes:
        order: which given voxel each row of the first level is.
        same: for every resolution, table of the convolutions on its own sites.
        down: table of the convolution that leaves each resolution; the last leads to the map.
        last: sites of the map's columns.
    """

    order: Int[Tensor, "v"]
    same: tuple[Table | Tensor, ...]
    down: tuple[Table | Tensor, ...]
    last: Sites

    def neighbours(self) -> EncoderTables:
        """The same with tables as plain tensors (see `sparse_conv_gather`), as an exported network takes them."""
        same, down = (tuple(t.neighbours() for t in ts if isinstance(t, Table)) for ts in (self.same, self.down))
        return EncoderTables(self.order, same, down, self.last)


def downsampling(levels: int) -> list[tuple[Triple, Triple, Triple]]:
    """Kernel, stride and padding (z, y, x) of the convolutions that leave each of `levels` resolutions."""
    halve = [((3, 3, 3), (2, 2, 2), (1, 1, 1))] * (levels - 2)
    return [*halve, ((3, 3, 3), (2, 2, 2), (0, 1, 1)), (_TALL, (2, 1, 1), (0, 0, 0))]


def encoder_tables(index: Int[Tensor, "v 4"], shape: Triple, samples: int, levels: int) -> EncoderTables:
    """Tables from voxels.

    Args:
        index: sample, z, y, x of every voxel.
        shape: input cells along z, y and x.
        samples: volumes in the batch.
        levels: resolutions of the encoder.
    """
    sites, order = sort_sites(index, shape, samples)
    same, down = [], []
    for kernel, stride, padding in downsampling(levels):
        same.append(submanifold_table(sites))
        sites, table = strided_table(sites, kernel, stride, padding)
        down.append(table)
    return EncoderTables(order, tuple(same), tuple(down), sites)


class LidarBranch(nn.Module):
    """Points to a map of `channels`."""

    def __init__(self, config: LidarConfig, grid: VoxelGrid) -> None:
        super().__init__()
        self.config = config
        self.grid = config.grid(grid)
        widths = config.widths
        # Released weights want one layer of cells above the grid, as the encoder's published shape has.
        self.shape = (self.grid.shape[2] + 1, self.grid.shape[1], self.grid.shape[0])
        self.stem = SparseConvNorm(config.point_features, widths[0])
        self.blocks = nn.ModuleList(nn.ModuleList(SparseBlock(width) for _ in range(2)) for width in widths)
        self.down = nn.ModuleList(
            SparseConvNorm(width, wider, (3, 3, 3) if i + 1 < len(widths) else _TALL)
            for i, (width, wider) in enumerate(zip(widths, [*widths[1:], widths[-1]]))
        )
        height = self.shape[0]
        for kernel, stride, padding in downsampling(len(widths)):
            height = (height + 2 * padding[0] - kernel[0]) // stride[0] + 1
        if height < 1:
            raise ValueError(f"{self.grid.shape[2]} voxels in height are too few for {len(widths)} resolutions")
        self.channels = widths[-1] * height

    def forward(self, points: Float[Tensor, "p _"], point_offsets: Int[Tensor, "b1"]) -> SparseMap:
        """The map; nothing in it for a sample without points.

        Args:
            points: x, y, z in metres (ego frame), then the columns that the network was built for.
            point_offsets: sample i owns points ``point_offsets[i]`` up to ``point_offsets[i + 1]``.
        """
        config = self.config
        cap = config.training_voxels if self.training else config.voxels
        points = points[:, : config.point_features]
        voxels = voxelize(points, point_offsets, self.grid, config.max_points, cap)
        tables = encoder_tables(voxels.index, self.shape, len(point_offsets) - 1, len(config.widths))
        return self.encode(voxels.mean, tables)

    def encode(self, mean: Float[Tensor, "v _"], tables: EncoderTables) -> SparseMap:
        """The map from voxels and their tables; nothing but tensor arithmetic."""
        x = self.stem(mean[tables.order], tables.same[0])
        for blocks, down, same, leave in zip(self.blocks, self.down, tables.same, tables.down):
            for block in blocks:  # ty: ignore[not-iterable]  # a list of lists
                x = block(x, same)
            x = down(x, leave)
        return SparseMap(x, tables.last)
