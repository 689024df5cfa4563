"""What each voxel's own pixels say of it: that what they show lies there, or that they look through it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

SIGHTS = 2
"""Numbers about each voxel; see `sight`."""
_NEAR_M = 1e-3
"""Closer to a camera's plane nothing is projected."""


def sight(
    depth: Float[Tensor, "b n d h w"],
    projection: Float[Tensor, "b n 3 4"],
    size_px: tuple[int, int],
    shown: Float[Tensor, "b n"],
    places: Float[Tensor, "p 3"],
    start_m: float,
    step_m: float,
) -> Float[Tensor, "b 2 p"]:
    """Of each place, how likely it is that its pixel's ray ends in the depth bin there, and that it goes on behind it.

    Pixels between feature pixels have what those around them have, by distance. Cameras that see a place count alike;
    where none does, both are 0, as they are behind what is seen for sure.

    Args:
        depth: probability of every depth bin, for feature pixels that are spread as `voxway.ops.bev_pool` has them.
        projection: ego metres to homogeneous pixels of the network's picture.
        size_px: (height, width) of that picture.
        shown: 1, or 0 for cameras that are to say nothing.
        places: x, y, z in ego metres.
        start_m: where the first bin begins, along the optical axis.
        step_m: metres between bins.
    """
    (bins, rows, columns), (height, width) = depth.shape[2:], size_px
    table = torch.stack([depth, 1 - depth.cumsum(2)], -1).flatten(0, 4)
    u, v, metres = (projection[..., :3] @ places.T + projection[..., 3:]).unbind(2)
    metres = metres.clamp(min=_NEAR_M)
    column, row = u / metres * ((columns - 1) / (width - 1)), v / metres * ((rows - 1) / (height - 1))
    bin_ = torch.floor((metres - start_m) / step_m)
    seen = (bin_ >= 0) & (bin_ < bins) & (column >= 0) & (column <= columns - 1) & (row >= 0) & (row <= rows - 1)
    left, top = column.floor().clamp(0, columns - 2), row.floor().clamp(0, rows - 2)
    right, low = column - left, row - top
    weight = seen * shown[..., None]
    corner = (bin_.clamp(0, bins - 1).long() * rows + top.long()) * columns + left.long()
    count = depth.shape[0] * depth.shape[1]
    corner = corner + (torch.arange(count, device=depth.device) * (bins * rows * columns)).view(*depth.shape[:2], 1)
    said = table.new_zeros(())
    for down, share in ((0, 1 - low), (1, low)):
        for along, across in ((0, 1 - right), (1, right)):
            said = said + table[corner + down * columns + along] * (weight * across * share)[..., None]
    return (said.sum(1) / weight.sum(1).clamp(min=1)[..., None]).transpose(1, 2)
