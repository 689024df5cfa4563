"""EFFOcc's networks as pure functions of tensors: what an exported file computes, and what it is to be fed.

Images are bytes; the order of colours and their statistics are part of the graph. LiDAR enters as voxels, for putting
points into voxels is a loop that belongs to the sensor's side (`voxel_inputs` does it). Calibration is an input, or
constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from voxway.core.camera import Cameras
from voxway.core.sample import Batch
from voxway.export.fold import fold_norms
from voxway.export.geometry import lifted_points
from voxway.export.sparse_tables import neighbours, scatter_columns, sorted_sites, strided_sites
from voxway.methods.effocc.camera import CameraBranch
from voxway.methods.effocc.lidar import LidarBranch, downsampling
from voxway.methods.effocc.model import EffOcc
from voxway.ops.bev_pool import bev_cells, frustum
from voxway.ops.voxelize import voxelize

CALIBRATION = ("K", "T_cam_ego", "T_image")
"""Inputs of a network with free calibration, float32: fields of `voxway.core.camera.Cameras`."""
VOXELS = ("voxel_features", "voxel_coordinates")
"""Inputs of a network with LiDAR."""
_SAME = ((3, 3, 3), (1, 1, 1), (1, 1, 1))


class EffOccGraph(nn.Module):
    """An EFFOcc network for one frame; `input_names` are its arguments, in order.

    Args:
        network: the network.
        size_px: (height, width) of its images.
        fixed: cameras of one frame that the graph is made for; None makes calibration an input.
    """

    def __init__(self, network: EffOcc, size_px: tuple[int, int], fixed: Cameras | None = None) -> None:
        super().__init__()
        self.network = fold_norms(network)
        self.pool = None if network.camera is None else PoolGraph(network.camera, size_px, fixed)
        names: list[str] = []
        if network.camera is not None:
            names += ["images", *(["depth"] if "depth" in network.inputs else [])]
            names += [] if fixed is not None else CALIBRATION
        if network.lidar is not None:
            names += VOXELS
        self.input_names = tuple(names)
        self.output_names = ("classes", "logits")
        self.eval()

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Classes uint8 (1, x, y, z) and logits (1, k, x, y, z)."""
        given = dict(zip(self.input_names, inputs, strict=True))
        network, maps = self.network, []
        if network.camera is not None and self.pool is not None:
            probabilities, context = network.camera.lift(network.camera.normalise(given["images"]), given.get("depth"))
            maps.append(self.pool(probabilities, context, tuple(given[name] for name in CALIBRATION if name in given)))
        if network.lidar is not None:
            maps.append(encode_voxels(network.lidar, *(given[name] for name in VOXELS)))
        logits = network.head(network.encode(maps))
        return logits.movedim(1, -1).argmax(-1).to(torch.uint8), logits


class PoolGraph(nn.Module):
    """Sum of lifted features over the cells of the map, by one scatter.

    With fixed calibration cells are constant, and points that fall outside the map are left out beforehand.
    """

    depths: Tensor
    points: Tensor
    pixels: Tensor
    cells: Tensor

    def __init__(self, camera: CameraBranch, size_px: tuple[int, int], fixed: Cameras | None) -> None:
        super().__init__()
        self.size_px, self.grid, self.fixed = size_px, camera.grid, fixed is not None
        self.register_buffer("depths", camera.depths, persistent=False)
        if fixed is None:
            return
        rows, columns = (-(-side // camera.config.reduction) for side in size_px)
        cells = camera.cells(fixed, size_px, (rows, columns)).flatten()
        points = (cells < self.grid.shape[0] * self.grid.shape[1]).nonzero()[:, 0]
        points = points[cells[points].argsort(stable=True)]
        image = points // (camera.config.bins * rows * columns)
        self.register_buffer("points", points, persistent=False)
        self.register_buffer("pixels", image * rows * columns + points % (rows * columns), persistent=False)
        self.register_buffer("cells", cells[points], persistent=False)

    def forward(self, probabilities: Tensor, context: Tensor, calibration: tuple[Tensor, ...]) -> Tensor:
        """The map (1, c, y, x).

        Args:
            probabilities: (1, n, d, h, w) of every depth bin.
            context: (1, n, c, h, w) features.
            calibration: K, T_cam_ego and T_image, unless it is fixed.
        """
        channels = context.shape[2]
        rows = context.movedim(2, -1)
        if self.fixed:
            cells = self.cells
            weights = probabilities.flatten().index_select(0, self.points)
            lifted = weights[:, None] * rows.flatten(0, 3).index_select(0, self.pixels)
        else:
            template = frustum(self.size_px, (context.shape[-2], context.shape[-1]), self.depths)
            cells = bev_cells(lifted_points(*calibration, template), self.grid).flatten()
            lifted = (probabilities[..., None] * rows[:, :, None]).flatten(0, 4)
        nx, ny, _ = self.grid.shape
        summed = lifted.new_zeros(nx * ny + 1, channels).index_put((cells,), lifted, accumulate=True)
        return summed[: nx * ny].view(1, ny, nx, channels).permute(0, 3, 1, 2)


def encode_voxels(lidar: LidarBranch, features: Tensor, coordinates: Tensor) -> Tensor:
    """The LiDAR branch from voxels on, tables included: the map (1, c, y, x).

    Args:
        lidar: with folded norms.
        features: (v, f) means of the voxels' points.
        coordinates: (v, 3) integers z, y, x, in any order, without repetition.
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


def voxel_inputs(lidar: LidarBranch, points: Tensor) -> Mapping[str, Tensor]:
    """What a network with LiDAR is fed for the points (p, c) of one frame.

    ``voxel_features`` float32 (v, f) are the means of the voxels' points, ``voxel_coordinates`` int32 (v, 3) their
    cells z, y, x; see `voxway.ops.voxelize`.
    """
    config = lidar.config
    offsets = torch.tensor([0, len(points)])
    voxels = voxelize(points[:, : config.point_features], offsets, lidar.grid, config.max_points, config.voxels)
    return {"voxel_features": voxels.mean, "voxel_coordinates": voxels.index[:, 1:].int()}


def voxel_rule(lidar: LidarBranch) -> dict[str, Any]:
    """How `voxel_inputs` makes voxels, as plain values: arguments of ``examples/run_onnx.py``."""
    grid, config = lidar.grid, lidar.config
    return {
        "lower": list(grid.lower),
        "cell": list(grid.cell),
        "shape": list(grid.shape),
        "per_voxel": config.max_points,
        "most": config.voxels,
    }


def feed(network: EffOcc, names: tuple[str, ...], batch: Batch) -> dict[str, np.ndarray]:
    """The named inputs of an exported network, from a batch of one.

    Raises:
        InputError: the batch lacks what the network reads.
    """
    arrays: dict[str, Tensor] = {name: batch.need(name) for name in ("images", "depth") if name in names}
    if CALIBRATION[0] in names:
        cameras = batch.need("cameras")
        arrays |= {name: getattr(cameras, name).float() for name in CALIBRATION}
    if VOXELS[0] in names and network.lidar is not None:
        arrays |= voxel_inputs(network.lidar, batch.need("points"))
    return {name: arrays[name].contiguous().numpy() for name in names}
