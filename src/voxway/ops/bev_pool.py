"""Lift-splat pooling: image features, spread over depth, summed into the cells of a bird's-eye map or of a volume
(ECCV 2020).

`frustum_points` says where each pixel's depth bins stand, `bev_cells` or `volume_cells` in which cell, `bev_pool` sums.
The first two depend on calibration alone; `pool_table` keeps their result for a fixed rig.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid


def frustum(
    size_px: tuple[int, int], feature_size: tuple[int, int], depths: Float[Tensor, "d"]
) -> Float[Tensor, "d h w 3"]:
    """Pixel (u, v) and depth (metres) of every feature pixel and depth bin.

    As published, feature pixels spread evenly from the first image pixel to the last, both included; they are not the
    centres of what they cover.

    Args:
        size_px: (height, width) of the image.
        feature_size: (h, w) of the feature map.
        depths: metres along the optical axis.
    """
    (height, width), (rows, columns) = size_px, feature_size
    v = torch.linspace(0, height - 1, rows, dtype=depths.dtype, device=depths.device)
    u = torch.linspace(0, width - 1, columns, dtype=depths.dtype, device=depths.device)
    shape = (len(depths), rows, columns)
    return torch.stack(
        [u.expand(shape), v[:, None].expand(shape), depths[:, None, None].expand(shape)],
        -1,
    )


def frustum_points(cameras: Cameras, template: Float[Tensor, "d h w 3"]) -> Float[Tensor, "*b n d h w 3"]:
    """Ego points (metres) of a frustum template in every camera, in the precision of the template.

    The order of operations is the published one: cells are cut off by integer conversion, so that a point on a border
    falls to the side on which the rounding leaves it.
    """
    undo = torch.linalg.inv(cameras.T_image[..., :2, :2].to(template))
    shift = cameras.T_image[..., :2, 2].to(template)
    T_ego_cam = torch.linalg.inv(cameras.T_cam_ego).to(template)
    lift = T_ego_cam[..., :3, :3] @ torch.linalg.inv(cameras.K.to(template))
    pixels = _apply(undo, template[..., :2] - shift[..., None, None, None, :])
    depth = template[..., 2:].expand(*pixels.shape[:-1], 1)
    return _apply(lift, torch.cat([pixels * depth, depth], -1)) + T_ego_cam[..., None, None, None, :3, 3]


def _apply(matrix: Float[Tensor, "*b c c"], points: Float[Tensor, "*b d h w c"]) -> Float[Tensor, "*b d h w c"]:
    return (matrix[..., None, None, None, :, :] @ points[..., None])[..., 0]


def bev_cells(points: Float[Tensor, "b n d h w 3"], grid: VoxelGrid) -> Int[Tensor, "b n d h w"]:
    """Cell ``(sample * ny + y) * nx + x`` of every point; ``b * ny * nx``, one past the last, for points outside.

    Positions are truncated towards zero, not floored, as released weights need: up to one cell below the lower
    bound counts as inside. With one slab of 6.4 m that lets in points as far as 7.4 m under the ego origin.

    Args:
        points: ego metres.
        grid: cells of the map, with all their height in one slab.
    """
    (x, y, _), inside = _truncated(points, grid)
    nx, ny, _ = grid.shape
    samples = len(points)
    return torch.where(inside, (_sample(points) * ny + y) * nx + x, samples * ny * nx)


def volume_cells(points: Float[Tensor, "b n d h w 3"], grid: VoxelGrid) -> Int[Tensor, "b n d h w"]:
    """Cell ``((sample * nx + x) * ny + y) * nz + z`` of every point; one past the last for points outside.

    Truncated towards zero along all axes, as in `bev_cells`.

    Args:
        points: ego metres.
        grid: the volume's cells.
    """
    (x, y, z), inside = _truncated(points, grid)
    nx, ny, nz = grid.shape
    return torch.where(inside, ((_sample(points) * nx + x) * ny + y) * nz + z, len(points) * grid.count)


def _truncated(points: Float[Tensor, "b n d h w 3"], grid: VoxelGrid) -> tuple[tuple[Tensor, ...], Tensor]:
    """Position of every point along x, y and z in whole cells, and whether it counts as inside."""
    # The bound in cells is compared as a float: beyond the range of integers conversion is undefined.
    position = (points - points.new_tensor(grid.lower)) / points.new_tensor(grid.cell)
    inside = ((position > -1) & (position < points.new_tensor(grid.shape))).all(-1)
    return position.nan_to_num(0).clamp(-1, max(grid.shape)).long().unbind(-1), inside


def _sample(points: Float[Tensor, "b n d h w 3"]) -> Int[Tensor, "b 1 1 1 1"]:
    return torch.arange(len(points), device=points.device)[:, None, None, None, None]


@dataclass(frozen=True, kw_only=True)
class PoolTable:
    """Lifted points in the order of the cells that they fall into; points outside are left out.

    Attributes:
        points: flat index of every point within (b, n, d, h, w).
        pixels: flat index of its feature pixel within (b, n, h, w).
        starts: where each cell's points begin.
        size: samples, then cells of the map (y, x) or of the volume (x, y, z).
    """

    points: Int[Tensor, "p"]
    pixels: Int[Tensor, "p"]
    starts: Int[Tensor, "cells"]
    size: tuple[int, ...]


def pool_table(cells: Int[Tensor, "b n d h w"], size: tuple[int, ...]) -> PoolTable:
    """Sort points by cell, once for a fixed rig.

    Args:
        cells: from `bev_cells` or `volume_cells`.
        size: rows (y) and columns (x) of the map, or cells (x, y, z) of the volume.
    """
    samples, count = len(cells), len(cells) * math.prod(size)
    ordered, points = cells.flatten().to(torch.int32).sort(stable=True)
    starts = torch.searchsorted(ordered, torch.arange(count + 1, dtype=torch.int32, device=cells.device))
    points = points[: int(starts[-1])]
    pixels_per_image = cells.shape[3] * cells.shape[4]
    image = points // (cells.shape[2] * pixels_per_image)
    return PoolTable(
        points=points,
        pixels=image * pixels_per_image + points % pixels_per_image,
        starts=starts[:-1],
        size=(samples, *size),
    )


def bev_pool(
    depth: Float[Tensor, "b n d h w"], context: Float[Tensor, "b n c h w"], table: PoolTable
) -> Float[Tensor, "b c *cells"]:
    """Sum of depth times context over the points of every cell; zero where there are none.

    A weighted sum of feature rows, so the lifted features (d times the context) are never stored.

    Args:
        depth: weight of every depth bin.
        context: features.
        table: which point falls where.
    """
    rows = context.movedim(2, -1).flatten(0, 3)
    weights = depth.to(rows.dtype).flatten()[table.points]
    summed = F.embedding_bag(table.pixels, rows, table.starts, mode="sum", per_sample_weights=weights)
    return summed.view(*table.size, rows.shape[1]).movedim(-1, 1)
