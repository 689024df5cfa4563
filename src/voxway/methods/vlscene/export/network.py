"""VLScene's networks as pure functions of tensors: what an exported file computes, and what it is to be fed.

Of sparse convolutions there are dense ones with masks, of deformable ones samples of a plane, of volumes read at
disparities products with a small matrix. Calibration is an input, or constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from voxway.core.calibration import RECTIFIED, Calibration
from voxway.core.sample import Batch
from voxway.methods.shared.export.frame import (
    CALIBRATION,
    OUTPUTS,
    as_arrays,
    calibration_inputs,
    image_size,
    with_classes,
)
from voxway.methods.shared.export.pool import ScatterPool
from voxway.methods.shared.export.voxel_head import VoxelHeadGraph
from voxway.methods.vlscene.export.awareness import SparseAwarenessGraph
from voxway.methods.vlscene.export.rig import FixedRig, FreeRig, complete
from voxway.methods.vlscene.export.stereo import depth_volume_of_shifts
from voxway.methods.vlscene.model import VLScene
from voxway.methods.vlscene.rig import StereoRig


def graph(network: nn.Module, batches: Sequence[Batch], fixed: Calibration | None) -> VLSceneGraph:
    """The graph of a network for one frame; see `voxway.methods.contract.Exporter`.

    Args:
        network: a VLScene network, in evaluation mode.
        batches: frames of one sample each, for the size of images.
        fixed: the pair that the graph is made for; None makes calibration an input.

    Raises:
        InputError: the frames' images are of several sizes, the frames lack what the network reads, or cameras are no
            rectified pair.
        TypeError: another method's network.
    """
    if not isinstance(network, VLScene):
        raise TypeError(f"this makes graphs of VLScene networks, not of {type(network).__name__}")
    size_px = image_size(batches, fixed)
    for batch in batches:
        StereoRig.of(batch.need("cameras"), batch.need(RECTIFIED), batch.keys)
    return VLSceneGraph(network, size_px, None if fixed is None else complete(fixed))


class VLSceneGraph(nn.Module):
    """A VLScene network for one frame; `input_names` are its arguments, in order.

    Args:
        network: the network.
        size_px: (height, width) of its images.
        fixed: the pair that the graph is made for, with a rectified frame; None makes calibration an input.

    Raises:
        InputError: what is to be fixed is no rectified pair.
    """

    def __init__(self, network: VLScene, size_px: tuple[int, int], fixed: Calibration | None) -> None:
        super().__init__()
        self.network, self.fixed, config = network, fixed, network.config
        rows, columns = (-(-side // config.reductions[0]) for side in size_px)
        self.rig: FixedRig | FreeRig
        if fixed is None or fixed.T_rect_ego is None:
            self.rig, cells = FreeRig(network, size_px, (rows, columns)), None
        else:
            known = StereoRig.of(fixed.cameras, fixed.T_rect_ego, ("rig",))
            self.rig, cells = FixedRig(network, known, columns), network.cells(known, (rows, columns))
        self.pool = ScatterPool(config.working_grid.count, cells)
        self.awareness = SparseAwarenessGraph(network.awareness)
        self.head = VoxelHeadGraph(network.head, config.working_grid.shape)
        self.input_names = ("images", *((*CALIBRATION, RECTIFIED) if fixed is None else ()))
        self.output_names = OUTPUTS
        self.ragged: Mapping[str, int] = {}
        self.eval()

    def forward(self, *inputs: Tensor) -> tuple[UInt8[Tensor, "1 x y z"], Float[Tensor, "1 k x y z"]]:
        """Classes and logits, from the inputs in their order."""
        images, *calibration = inputs
        network, rig = self.network, self.rig(*calibration)
        left, right = network.encode(network.normalise(images)).unbind(1)
        mono = network.depth_net(left, rig.left)
        both = network.stereo.compared(left, right, rig.left, rig.right)
        volume = depth_volume_of_shifts(*both, rig.shares, self.rig.shifts, network.stereo.groups)
        depth = network.interaction(network.stereo.probabilities(volume), mono.scores.softmax(1))
        lifted = self.pool(depth[:, None], mono.context[:, None], rig.cells)
        lifted = lifted.view(1, *network.config.working_grid.shape, -1).permute(0, 4, 1, 2, 3)
        features = network.trunk(self.awareness(lifted))
        return with_classes(self.head(features[0].movedim(0, -1)))

    def feed(self, batch: Batch) -> dict[str, np.ndarray]:
        """The inputs by name, from a batch of one.

        Raises:
            InputError: the batch lacks what the network reads.
        """
        tensors = {"images": batch.need("images"), RECTIFIED: batch.need(RECTIFIED).float()}
        return as_arrays(tensors | calibration_inputs(batch.need("cameras")), self.input_names)

    def facts(self) -> Mapping[str, object]:
        """``"calibration"``."""
        return {"calibration": "free" if self.fixed is None else "fixed"}
