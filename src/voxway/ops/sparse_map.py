"""Bird's-eye maps of which few cells hold anything, and their dense convolutions."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from voxway.ops.sparse_conv import Sites, sparse_conv, strided_table


@dataclass(frozen=True)
class SparseMap:
    """Features of sparse voxels, read as a map: channel ``c * heights + z`` of a cell is channel c of its voxel at z.

    Attributes:
        features: one row per site.
        sites: voxels that hold something.
    """

    features: Float[Tensor, "s c"]
    sites: Sites

    def dense(self) -> Float[Tensor, "b _c y x"]:
        """The map with zeros where there is nothing."""
        height, rows, columns = self.sites.shape
        dense = self.features.new_zeros(self.sites.samples, rows, columns, self.features.shape[1], height)
        sample, z, y, x = self.sites.index.unbind(1)
        dense[sample, y, x, :, z] = self.features
        return dense.flatten(3).permute(0, 3, 1, 2)

    def convolve_onto(
        self, out: Float[Tensor, "b d y x"], weight: Float[Tensor, "d _c k k"]
    ) -> Float[Tensor, "b d y x"]:
        """``out + conv2d(self.dense(), weight, padding=k // 2)``, computed at the sites alone.

        Args:
            out: as large as the map; cheapest with channels innermost in memory.
            weight: of an odd kernel.
        """
        height, kernel = self.sites.shape[0], weight.shape[-1]
        around = (0, kernel // 2, kernel // 2)
        reached, table = strided_table(self.sites, (height, kernel, kernel), (1, 1, 1), around)
        matrices = weight.unflatten(1, (-1, height)).permute(2, 3, 4, 1, 0).flatten(0, 2)
        rows = sparse_conv(self.features, matrices, table)
        batch, channels, ny, nx = out.shape
        sample, _, y, x = reached.index.unbind(1)
        cells = out.permute(0, 2, 3, 1).reshape(-1, channels)
        cells = cells.index_add(0, (sample * ny + y) * nx + x, rows.to(out.dtype))
        return cells.view(batch, ny, nx, channels).permute(0, 3, 1, 2)
