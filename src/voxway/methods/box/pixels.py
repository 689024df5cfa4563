"""Which class each feature pixel shows: that of the voxel in which the nearest measured point of the pixel lies."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.task import IGNORE


def padded(depth: Float[Tensor, "m n h w"], reduction: int) -> Float[Tensor, "m n h3 w3"]:
    """Sides that are multiples of it: feature maps are rounded up; what lies beyond the picture was not measured."""
    height, width = depth.shape[-2:]
    return F.pad(depth, (0, -width % reduction, 0, -height % reduction))


def nearest_points(
    depth: Float[Tensor, "m n h w"], cameras: Cameras, reduction: int
) -> tuple[Float[Tensor, "m n h2 w2 3"], Float[Tensor, "m n h2 w2"]]:
    """Ego points (metres) that are nearest in each feature pixel, and their depths; infinite where none was measured.

    Args:
        depth: metres along the optical axis, 0 where unknown; its sides are multiples of `reduction`.
        cameras: (m, n) those that measured depths belong to.
        reduction: image pixels per feature pixel, along each side.
    """
    rows, columns = (side // reduction for side in depth.shape[-2:])
    cells = depth.unflatten(-1, (columns, reduction)).unflatten(-3, (rows, reduction)).transpose(-3, -2).flatten(-2)
    nearest, place = torch.where(cells > 0, cells, torch.inf).min(-1)
    v = torch.arange(rows, device=depth.device)[:, None] * reduction + place // reduction
    u = torch.arange(columns, device=depth.device) * reduction + place % reduction
    pixels = torch.stack([u, v], -1).to(depth).flatten(2, 3)
    metres = torch.where(nearest.isfinite(), nearest, 1.0).flatten(2)
    return cameras.unproject(pixels, metres).unflatten(2, (rows, columns)), nearest


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
        depth: as in `nearest_points`.
        target: classes of voxels, 255 where unknown.
        cameras: as in `nearest_points`.
        grid: of the target.
        reduction: as in `nearest_points`.
        free: class of what is not there.
    """
    points, metres = nearest_points(depth, cameras, reduction)
    index = grid.index(points)
    inside = metres.isfinite() & grid.holds(index)
    flat = torch.where(inside, grid.flat(index), 0)
    classes = target.flatten(1).gather(1, flat.flatten(1)).view_as(flat)
    return torch.where(inside & (classes != free), classes, IGNORE)
