"""Which class each feature pixel shows: that of the voxel in which the nearest measured point of the pixel lies."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.task import IGNORE


def pixel_classes(
    depth: Float[Tensor, "m n h w"],
    target: UInt8[Tensor, "m x y z"],
    cameras: Cameras,
    grid: VoxelGrid,
    reduction: int,
    free: int,
) -> UInt8[Tensor, "m n h2 w2"]:
    """Classes by feature pixel; 255 where nothing was measured, or its voxel is unknown, free, or outside.

    Args:
        depth: metres along the optical axis, 0 where unknown; its sides are multiples of `reduction`.
        target: classes of voxels, 255 where unknown.
        cameras: (m, n) those that measured depths belong to.
        grid: of the target.
        reduction: image pixels per feature pixel, along each side.
        free: class of what is not there.
    """
    rows, columns = (side // reduction for side in depth.shape[-2:])
    cells = depth.unflatten(-1, (columns, reduction)).unflatten(-3, (rows, reduction)).transpose(-3, -2).flatten(-2)
    nearest, place = torch.where(cells > 0, cells, torch.inf).min(-1)
    measured = nearest.isfinite().flatten(2)
    v = torch.arange(rows, device=depth.device)[:, None] * reduction + place // reduction
    u = torch.arange(columns, device=depth.device) * reduction + place % reduction
    pixels = torch.stack([u, v], -1).to(depth).flatten(2, 3)
    index = grid.index(cameras.unproject(pixels, torch.where(measured, nearest.flatten(2), 1.0)))
    measured &= grid.holds(index)
    flat = torch.where(measured, grid.flat(index), 0)
    classes = target.flatten(1).gather(1, flat.flatten(1)).view_as(flat)
    known = measured & (classes != free)
    return torch.where(known, classes, IGNORE).view(*depth.shape[:2], rows, columns)
