"""EFFOcc's networks as pure functions of tensors: what an exported file computes, and what it is to be fed.

Images are bytes; the order of colours and their statistics are part of the graph. LiDAR enters as voxels, for putting
points into voxels is a loop that belongs to the sensor's side (`lidar.voxel_inputs` does it). Calibration is an input,
or constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from voxway.core.calibration import Calibration
from voxway.core.sample import Batch
from voxway.methods.effocc.camera import CameraBranch
from voxway.methods.effocc.export.fold import fold_norms
from voxway.methods.effocc.export.lidar import VOXELS, encode_voxels, voxel_inputs, voxel_rule
from voxway.methods.effocc.model import EffOcc
from voxway.methods.shared.export.frame import (
    CALIBRATION,
    OUTPUTS,
    as_arrays,
    calibration_inputs,
    image_size,
    with_classes,
)
from voxway.methods.shared.export.lifted_points import lifted_points
from voxway.methods.shared.export.pool import ScatterPool
from voxway.ops.bev_pool import bev_cells, frustum


def graph(network: nn.Module, batches: Sequence[Batch], fixed: Calibration | None) -> EffOccGraph:
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
    return EffOccGraph(network, image_size(batches, fixed), fixed)


class EffOccGraph(nn.Module):
    """An EFFOcc network for one frame; `input_names` are its arguments, in order.

    Args:
        network: the network.
        size_px: (height, width) of its images; not asked for where there are no cameras.
        fixed: cameras of one frame that the graph is made for; None makes calibration an input.
    """

    def __init__(self, network: EffOcc, size_px: tuple[int, int] = (1, 1), fixed: Calibration | None = None) -> None:
        super().__init__()
        self.network = fold_norms(network)
        self.lift = None if network.camera is None else LiftGraph(network.camera, size_px, fixed)
        names: list[str] = []
        if network.camera is not None:
            names += ["images", *(["depth"] if "depth" in network.inputs else [])]
            names += [] if fixed is not None else CALIBRATION
        if network.lidar is not None:
            names += VOXELS
        self.input_names = tuple(names)
        self.output_names = OUTPUTS
        most = 0 if network.lidar is None else network.lidar.config.voxels
        self.ragged = {name: most for name in names if name in VOXELS}
        self.fixed = None if network.camera is None else fixed
        self.eval()

    def forward(self, *inputs: Tensor) -> tuple[UInt8[Tensor, "1 x y z"], Float[Tensor, "1 k x y z"]]:
        """Classes and logits, from the inputs in their order."""
        given = dict(zip(self.input_names, inputs, strict=True))
        network, maps = self.network, []
        if network.camera is not None and self.lift is not None:
            probabilities, context = network.camera.lift(network.camera.normalise(given["images"]), given.get("depth"))
            maps.append(self.lift(probabilities, context, tuple(given[name] for name in CALIBRATION if name in given)))
        if network.lidar is not None:
            maps.append(encode_voxels(network.lidar, *(given[name] for name in VOXELS)))
        return with_classes(network.head(network.encode(maps)))

    def feed(self, batch: Batch) -> dict[str, np.ndarray]:
        """The inputs by name, from a batch of one.

        Raises:
            InputError: the batch lacks what the network reads.
        """
        tensors: dict[str, Tensor] = {
            name: batch.need(name) for name in ("images", "depth") if name in self.input_names
        }
        if CALIBRATION[0] in self.input_names:
            tensors |= calibration_inputs(batch.need("cameras"))
        if self.network.lidar is not None:
            tensors |= voxel_inputs(self.network.lidar, batch.need("points"))
        return as_arrays(tensors, self.input_names)

    def facts(self) -> Mapping[str, object]:
        """``"calibration"``; with LiDAR ``"voxels"``, how points become voxels (`lidar.voxel_rule`)."""
        lidar = self.network.lidar
        free = "none" if self.network.camera is None else "free"
        calibration = free if self.fixed is None else "fixed"
        return {"calibration": calibration} | ({} if lidar is None else {"voxels": voxel_rule(lidar)})


class LiftGraph(nn.Module):
    """From depth and context of every pixel to the map, with the cells from calibration, or constant."""

    depths: Tensor

    def __init__(self, camera: CameraBranch, size_px: tuple[int, int], fixed: Calibration | None) -> None:
        super().__init__()
        self.size_px, self.grid = size_px, camera.grid
        self.register_buffer("depths", camera.depths, persistent=False)
        rows, columns = (-(-side // camera.config.reduction) for side in size_px)
        cells = None if fixed is None else camera.cells(fixed.cameras, size_px, (rows, columns))
        self.pool = ScatterPool(camera.grid.shape[0] * camera.grid.shape[1], cells)

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
        cells = None
        if not self.pool.fixed:
            template = frustum(self.size_px, (context.shape[-2], context.shape[-1]), self.depths)
            cells = bev_cells(lifted_points(*calibration, template), self.grid)
        nx, ny, _ = self.grid.shape
        return self.pool(probabilities, context, cells).view(1, ny, nx, -1).permute(0, 3, 1, 2)
