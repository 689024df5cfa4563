"""EFFOcc's networks as pure functions of tensors: what an exported file computes, and what it is to be fed.

Images are bytes; the order of colours and their statistics are part of the graph. LiDAR enters as voxels, for putting
points into voxels is a loop that belongs to the sensor's side (`lidar.voxel_inputs` does it). Calibration is an input,
or constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.sample import Batch
from voxway.methods.effocc.camera import CameraBranch
from voxway.methods.effocc.export.fold import fold_norms
from voxway.methods.effocc.export.lidar import VOXELS, encode_voxels, voxel_inputs, voxel_rule
from voxway.methods.effocc.export.lifted_points import lifted_points
from voxway.methods.effocc.model import EffOcc
from voxway.ops.bev_pool import bev_cells, frustum

CALIBRATION = ("K", "T_cam_ego", "T_image")
"""Inputs of a network with free calibration, float32: fields of `voxway.core.camera.Cameras`."""


def graph(network: nn.Module, batches: Sequence[Batch], fixed: Cameras | None) -> EffOccGraph:
    """The graph of a network for one frame; see `voxway.methods.contract.Exporter`.

    Args:
        network: an EFFOcc or FlashOcc network, in evaluation mode.
        batches: frames of one sample each, for the size of images.
        fixed: cameras of one frame (1, n) that the graph is made for; None makes calibration an input.

    Raises:
        InputError: the frames' images are of several sizes, or the frames lack images.
        TypeError: another method's network.
    """
    if not isinstance(network, EffOcc):
        raise TypeError(f"this makes graphs of EffOcc networks, not of {type(network).__name__}")
    if network.camera is None:
        return EffOccGraph(network)
    return EffOccGraph(network, _image_size(batches), fixed)


def _image_size(batches: Sequence[Batch]) -> tuple[int, int]:
    """(height, width) of all images."""
    sizes = {tuple(size) for batch in batches for size in batch.need("cameras").size_px.flatten(0, 1).tolist()}
    sizes |= {tuple(batch.need("images").shape[-2:]) for batch in batches}
    if len(sizes) > 1:
        raise InputError(
            file="export",
            field="images",
            expected="images that are all of one size",
            found=", ".join(f"{height} x {width}" for height, width in sorted(sizes)),
            remedy="A file is made for one size: read the data with one image_px.",
        )
    height, width = sizes.pop()
    return height, width


class EffOccGraph(nn.Module):
    """An EFFOcc network for one frame; `input_names` are its arguments, in order.

    Args:
        network: the network.
        size_px: (height, width) of its images; not asked for where there are no cameras.
        fixed: cameras of one frame that the graph is made for; None makes calibration an input.
    """

    def __init__(self, network: EffOcc, size_px: tuple[int, int] = (1, 1), fixed: Cameras | None = None) -> None:
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
        most = 0 if network.lidar is None else network.lidar.config.voxels
        self.ragged = {name: most for name in names if name in VOXELS}
        self.fixed = None if network.camera is None else fixed
        self.eval()

    def forward(self, *inputs: Tensor) -> tuple[UInt8[Tensor, "1 x y z"], Float[Tensor, "1 k x y z"]]:
        """Classes and logits, from the inputs in their order."""
        given = dict(zip(self.input_names, inputs, strict=True))
        network, maps = self.network, []
        if network.camera is not None and self.pool is not None:
            probabilities, context = network.camera.lift(network.camera.normalise(given["images"]), given.get("depth"))
            maps.append(self.pool(probabilities, context, tuple(given[name] for name in CALIBRATION if name in given)))
        if network.lidar is not None:
            maps.append(encode_voxels(network.lidar, *(given[name] for name in VOXELS)))
        logits = network.head(network.encode(maps))
        return logits.movedim(1, -1).argmax(-1).to(torch.uint8), logits

    def feed(self, batch: Batch) -> dict[str, np.ndarray]:
        """The inputs by name, from a batch of one.

        Raises:
            InputError: the batch lacks what the network reads.
        """
        arrays: dict[str, Tensor] = {name: batch.need(name) for name in ("images", "depth") if name in self.input_names}
        if CALIBRATION[0] in self.input_names:
            cameras = batch.need("cameras")
            arrays |= {name: getattr(cameras, name).float() for name in CALIBRATION}
        if self.network.lidar is not None:
            arrays |= voxel_inputs(self.network.lidar, batch.need("points"))
        return {name: arrays[name].contiguous().numpy() for name in self.input_names}

    def facts(self) -> Mapping[str, object]:
        """``"calibration"``; with LiDAR ``"voxels"``, how points become voxels (`lidar.voxel_rule`)."""
        lidar = self.network.lidar
        free = "none" if self.network.camera is None else "free"
        calibration = free if self.fixed is None else "fixed"
        return {"calibration": calibration} | ({} if lidar is None else {"voxels": voxel_rule(lidar)})


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
        image = points // (camera.config.depth_bins.count * rows * columns)
        self.register_buffer("points", points, persistent=False)
        self.register_buffer("pixels", image * rows * columns + points % (rows * columns), persistent=False)
        self.register_buffer("cells", cells[points], persistent=False)

    def forward(
        self,
        probabilities: Float[Tensor, "1 n d h w"],
        context: Float[Tensor, "1 n c h w"],
        calibration: tuple[Tensor, ...],
    ) -> Float[Tensor, "1 c y x"]:
        """The map.

        Args:
            probabilities: of every depth bin.
            context: features that are spread over them.
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
