"""MonoOcc's networks as pure functions of tensors: what an exported file computes, and what it is to be fed.

Proposals are an input: a volume of flags, as prepared. Calibration is an input, or constant. A network of several
frames is fed their pictures in a row, the key frame's first, each with a camera that sees the key frame's points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from voxway.core.calibration import Calibration
from voxway.core.errors import InputError
from voxway.core.sample import Batch
from voxway.methods.monoocc.export.attention import for_export
from voxway.methods.monoocc.model import MonoOcc
from voxway.methods.shared.export.frame import (
    CALIBRATION,
    OUTPUTS,
    as_arrays,
    calibration_inputs,
    image_size,
    with_classes,
)
from voxway.methods.shared.frames import views_of


def graph(network: nn.Module, batches: Sequence[Batch], fixed: Calibration | None) -> MonoOccGraph:
    """The graph of a network for one frame; see `voxway.methods.contract.Exporter`.

    Args:
        network: a MonoOcc network, in evaluation mode.
        batches: frames of one sample each, for the size of images.
        fixed: cameras of one frame (1, n) that the graph is made for; None makes calibration an input.

    Raises:
        InputError: the frames' images are of several sizes, the frames lack images, or cameras of several frames are to
            be fixed.
        TypeError: another method's network.
    """
    if not isinstance(network, MonoOcc):
        raise TypeError(f"this makes graphs of MonoOcc networks, not of {type(network).__name__}")
    if fixed is not None and network.config.frames > 1:
        raise InputError(
            file="export",
            field="calibration",
            expected="free, for a network of several frames: what an earlier one sees depends on the motion since",
            found="fixed",
            remedy="Export with --calibration free.",
        )
    return MonoOccGraph(network, image_size(batches, fixed), fixed)


class MonoOccGraph(nn.Module):
    """A MonoOcc network for one frame; `input_names` are its arguments, in order.

    Args:
        network: the network.
        size_px: (height, width) of its images.
        fixed: cameras of one frame that the graph is made for; None makes calibration an input.
    """

    def __init__(self, network: MonoOcc, size_px: tuple[int, int], fixed: Calibration | None) -> None:
        super().__init__()
        self.network = for_export(network)
        self.views = ViewsGraph(network, size_px, fixed)
        self.input_names: tuple[str, ...] = ("images", *(CALIBRATION if fixed is None else ()), "proposals")
        self.output_names = OUTPUTS
        self.ragged: Mapping[str, int] = {}
        self.fixed = fixed
        self.eval()

    def forward(self, *inputs: Tensor) -> tuple[UInt8[Tensor, "1 x y z"], Float[Tensor, "1 k x y z"]]:
        """Classes and logits, from the inputs in their order."""
        given, network = dict(zip(self.input_names, inputs, strict=True)), self.network
        maps = network.encode_normalised(network.normalise(given["images"][0]))
        if network.cross_view is not None:
            maps = network.cross_view(maps)
        views = self.views((maps.shape[-2], maps.shape[-1]), *(given[name] for name in CALIBRATION if name in given))
        return with_classes(network.head(network.attend(maps, *views, network.coarse(given["proposals"][0]))))

    def feed(self, batch: Batch) -> dict[str, np.ndarray]:
        """The inputs by name, from a batch of one.

        Raises:
            InputError: the batch lacks what the network reads.
        """
        images, cameras = views_of(batch, self.network.config.frames)
        tensors = {"images": images, "proposals": batch.need("proposals")} | calibration_inputs(cameras)
        return as_arrays(tensors, self.input_names)

    def facts(self) -> Mapping[str, object]:
        """``"calibration"``."""
        return {"calibration": "free" if self.fixed is None else "fixed"}


class ViewsGraph(nn.Module):
    """Where voxels lie on the feature maps, and which views see them: `MonoOcc.references` from inputs, or constant."""

    centres: Tensor
    reference_px: Tensor
    seen: Tensor

    def __init__(self, network: MonoOcc, size_px: tuple[int, int], fixed: Calibration | None) -> None:
        super().__init__()
        self.size_px = size_px
        if fixed is None:
            centres = network.working_grid.centres().flatten(0, 2)
            self.register_buffer("centres", centres, persistent=False)
            return
        rows, columns = (-(-side // network.config.reduction) for side in size_px)
        reference_px, seen = network.references(fixed.cameras[0], (rows, columns))
        self.register_buffer("reference_px", reference_px, persistent=False)
        self.register_buffer("seen", seen, persistent=False)

    def forward(
        self, size: tuple[int, int], *calibration: Tensor
    ) -> tuple[Float[Tensor, "n v 2"], Bool[Tensor, "n v"]]:
        """Positions in pixels of feature maps of `size`, and what is seen.

        Args:
            size: (rows, columns) of the maps.
            calibration: K, T_cam_ego and T_image, unless it is fixed.
        """
        if not calibration:
            return self.reference_px, self.seen
        K, T_cam_ego, T_image = (one[0] for one in calibration)
        projection = T_image @ K @ T_cam_ego[:, :3]
        # Spelt out: a product with a constant would pass for a layer with weights.
        x, y, z = self.centres.unbind(-1)
        first, second, third, last = projection[..., None].unbind(-2)
        image = first * x + second * y + third * z + last
        depth = image[:, 2]
        pixels = image[:, :2] / depth.clamp(min=1e-5)[:, None]
        share = torch.stack([pixels[:, 0] / self.size_px[1], pixels[:, 1] / self.size_px[0]], -1)
        seen = (depth > 1e-5) & ((share > 0) & (share < 1)).all(-1)
        on_map = [share[..., 0] * size[1] - 0.5, share[..., 1] * size[0] - 0.5]
        return torch.stack(on_map, -1), seen
