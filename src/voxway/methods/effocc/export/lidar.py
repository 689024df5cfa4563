"""The LiDAR branch of an exported network: from voxels on inside the file, and what it is to be fed."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from voxway.methods.effocc.export.sparse_tables import neighbours, scatter_columns, sorted_sites, strided_sites
from voxway.methods.effocc.lidar import LidarBranch, downsampling
from voxway.ops.voxelize import voxelize

VOXELS = ("voxel_features", "voxel_coordinates")
"""Inputs of a network with LiDAR."""
_SAME = ((3, 3, 3), (1, 1, 1), (1, 1, 1))


def encode_voxels(
    lidar: LidarBranch, features: Float[Tensor, "v f"], coordinates: Int[Tensor, "v 3"]
) -> Float[Tensor, "1 c y x"]:
    """The LiDAR branch from voxels on, tables included: the map.

    Args:
        lidar: with folded norms.
        features: means of the voxels' points.
        coordinates: z, y, x, in any order, without repetition.
    """
    sites, order = sorted_sites(coordinates.long(), lidar.shape, lidar.config.voxels)
    same = neighbours(sites, sites.index, *_SAME)
    x = lidar.stem(features.index_select(0, order), same)
    for blocks, down, step in zip(lidar.blocks, lidar.down, downsampling(len(lidar.config.widths))):
        for block in blocks:  # ty: ignore[not-iterable]  # a list of lists
            x = block(x, same)
        coarser = strided_sites(sites, *step)
        x = down(x, neighbours(sites, coarser.index, *step))
        sites, same = coarser, neighbours(coarser, coarser.index, *_SAME)
    return scatter_columns(x, sites)


def voxel_inputs(lidar: LidarBranch, points: Float[Tensor, "p c"]) -> dict[str, Tensor]:
    """What a network with LiDAR is fed for the points of one frame (x, y, z in metres, then the data's own columns).

    ``voxel_features`` float32 (v, f) are the means of the voxels' points, ``voxel_coordinates`` int32 (v, 3) their
    cells z, y, x; see `voxway.ops.voxelize`.
    """
    config = lidar.config
    offsets = torch.tensor([0, len(points)])
    voxels = voxelize(points[:, : config.point_features], offsets, lidar.grid, config.max_points, config.voxels)
    return {"voxel_features": voxels.mean, "voxel_coordinates": voxels.index[:, 1:].int()}


def voxel_rule(lidar: LidarBranch) -> dict[str, object]:
    """How `voxel_inputs` makes voxels, as plain values: arguments of ``examples/run_onnx.py``."""
    grid, config = lidar.grid, lidar.config
    return {
        "lower": list(grid.lower),
        "cell": list(grid.cell),
        "shape": list(grid.shape),
        "per_voxel": config.max_points,
        "most": config.voxels,
    }
