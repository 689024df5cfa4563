"""Box networks as pure functions of tensors: what an exported file computes, and what it is to be fed.

Pictures are bytes; LiDAR enters as numbers of points in voxels, all zeros where there is none, and `shown` says which
cameras there are, so that one file serves a rig with any of its sensors switched off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from voxway.core.calibration import Calibration
from voxway.core.sample import Batch
from voxway.methods.box.camera import lifted_cells
from voxway.methods.box.lidar import point_counts
from voxway.methods.box.model import BoxNetwork
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
from voxway.ops.bev_pool import frustum, frustum_points


def graph(network: nn.Module, batches: Sequence[Batch], fixed: Calibration | None) -> BoxGraph:
    """The graph of a network for one frame; see `voxway.methods.contract.Exporter`.

    Args:
        network: a box network, in evaluation mode.
        batches: frames of one sample each, for the size of images.
        fixed: cameras of one frame (1, n) that the graph is made for; None makes calibration an input.

    Raises:
        InputError: the frames' images are of several sizes, or the frames lack images.
        TypeError: another method's network.
    """
    if not isinstance(network, BoxNetwork):
        raise TypeError(f"this makes graphs of box networks, not of {type(network).__name__}")
    return BoxGraph(network, image_size(batches, fixed), fixed)


class BoxGraph(nn.Module):
    """A box network for one frame; `input_names` are its arguments, in order.

    Args:
        network: the network.
        size_px: (height, width) of its images.
        fixed: cameras of one frame that the graph is made for; None makes calibration an input.
    """

    depths: Tensor

    def __init__(self, network: BoxNetwork, size_px: tuple[int, int], fixed: Calibration | None) -> None:
        super().__init__()
        self.network, self.size_px, self.fixed = network, size_px, fixed
        self.input_names = ("images", "shown", "counts", *(CALIBRATION if fixed is None else ()))
        self.output_names = OUTPUTS
        self.ragged: Mapping[str, int] = {}
        camera = network.camera
        self.register_buffer("depths", camera.depths, persistent=False)
        cells = None
        if fixed is not None:
            cameras = fixed.cameras
            cells = lifted_cells(frustum_points(cameras, self._template()), camera.grid)
            for name in CALIBRATION:
                self.register_buffer(name, getattr(cameras, name).float(), persistent=False)
        self.pool = ScatterPool(camera.grid.count, cells)
        self.eval()

    def forward(self, *inputs: Tensor) -> tuple[UInt8[Tensor, "1 x y z"], Float[Tensor, "1 k x y z"]]:
        """Classes and logits, from the inputs in their order."""
        given = dict(zip(self.input_names, inputs, strict=True))
        camera, shown = self.network.camera, given["shown"]
        K, T_cam_ego, T_image = (given[name] if self.fixed is None else getattr(self, name) for name in CALIBRATION)
        probabilities, context, _ = camera.lift(given["images"], (K, T_cam_ego, T_image))
        sight = camera.sight(probabilities, (K, T_cam_ego, T_image), self.size_px, shown)
        cells = None
        if self.fixed is None:
            cells = lifted_cells(lifted_points(K, T_cam_ego, T_image, self._template()), camera.grid)
        rows = self.pool(probabilities * shown[..., None, None, None], context, cells)
        volume = rows.view(1, *camera.grid.shape, -1).permute(0, 4, 1, 2, 3)
        return with_classes(self.network.fuse(camera.as_map(volume), sight, given["counts"], shown))

    def feed(self, batch: Batch) -> dict[str, np.ndarray]:
        """The inputs by name, from a batch of one.

        Raises:
            InputError: the batch lacks images.
        """
        images, grid = batch.need("images"), self.network.task.grid
        counts = torch.zeros(1, *grid.shape[::-1])
        if batch.points is not None:
            counts = point_counts(batch.points, batch.need("point_offsets"), grid)
        tensors = {"images": images, "shown": torch.ones(1, images.shape[1]), "counts": counts}
        if self.fixed is None:
            tensors |= calibration_inputs(batch.need("cameras"))
        return as_arrays(tensors, self.input_names)

    def facts(self) -> Mapping[str, object]:
        """``"calibration"``, and ``"counts"``: how points become numbers of points in voxels."""
        grid = self.network.task.grid
        rule = {"axes": ["z", "y", "x"], "lower_m": list(grid.lower), "cell_m": list(grid.cell)}
        return {"calibration": "free" if self.fixed is None else "fixed", "counts": rule}

    def _template(self) -> Float[Tensor, "d h w 3"]:
        rows, columns = (-(-side // self.network.config.reductions[0]) for side in self.size_px)
        return frustum(self.size_px, (rows, columns), self.depths)
