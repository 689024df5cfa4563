"""Lift-splat pooling by one scatter, of which every runtime is capable."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn


class ScatterPool(nn.Module):
    """Sum of lifted features over cells: `voxway.ops.bev_pool.bev_pool` for exports.

    Where cells are fixed, points that fall outside are left out beforehand.

    Args:
        count: cells of the map or of the volume.
        fixed: cell of every point, `count` outside; None makes cells an input.
    """

    points: Tensor
    pixels: Tensor
    cells: Tensor

    def __init__(self, count: int, fixed: Int[Tensor, "1 n d h w"] | None = None) -> None:
        super().__init__()
        self.count, self.fixed = count, fixed is not None
        if fixed is None:
            return
        pixels, cells = fixed.shape[3] * fixed.shape[4], fixed.flatten()
        points = (cells < count).nonzero()[:, 0]
        points = points[cells[points].argsort(stable=True)]
        image = points // (fixed.shape[2] * pixels)
        self.register_buffer("points", points, persistent=False)
        self.register_buffer("pixels", image * pixels + points % pixels, persistent=False)
        self.register_buffer("cells", cells[points], persistent=False)

    def forward(
        self,
        probabilities: Float[Tensor, "1 n d h w"],
        context: Float[Tensor, "1 n c h w"],
        cells: Int[Tensor, "1 n d h w"] | None = None,
    ) -> Float[Tensor, "_cells c"]:
        """Features of every cell, zero where no point fell.

        Args:
            probabilities: of every depth bin.
            context: features that are spread over them.
            cells: of every point, unless they are fixed.
        """
        rows = context.movedim(2, -1)
        if cells is None:
            place = self.cells
            weights = probabilities.flatten().index_select(0, self.points)
            lifted = weights[:, None] * rows.flatten(0, 3).index_select(0, self.pixels)
        else:
            place = cells.flatten()
            lifted = (probabilities[..., None] * rows[:, :, None]).flatten(0, 4)
        empty = lifted.new_zeros(self.count + 1, rows.shape[-1])
        return empty.index_put((place,), lifted, accumulate=True)[: self.count]
