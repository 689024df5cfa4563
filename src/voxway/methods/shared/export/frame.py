"""What goes into a graph and what comes out, as far as it is the same for all methods with cameras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from voxway.core.calibration import Calibration
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.sample import Batch

CALIBRATION = ("K", "T_cam_ego", "T_image")
"""Inputs of a network with free calibration, float32: fields of `voxway.core.camera.Cameras`."""
OUTPUTS = ("classes", "logits")


def image_size(batches: Sequence[Batch], fixed: Calibration | None) -> tuple[int, int]:
    """(height, width) of all images.

    Args:
        batches: frames of one sample each.
        fixed: calibration that they are to be seen with.

    Raises:
        InputError: images are of several sizes, the frames lack them, or the calibration has another number of cameras.
    """
    cameras = [batch.need("cameras") for batch in batches] + ([] if fixed is None else [fixed.cameras])
    sizes = {tuple(size) for one in cameras for size in one.size_px.flatten(0, 1).tolist()}
    sizes |= {tuple(batch.need("images").shape[-2:]) for batch in batches}
    if len(sizes) > 1:
        raise InputError(
            file="export",
            field="images",
            expected="images that are all of one size",
            found=", ".join(f"{height} x {width}" for height, width in sorted(sizes)),
            remedy="A file is made for one size: read the data with one image_px, or name frames of one size.",
        )
    counts = {one.count for one in cameras}
    if len(counts) > 1:
        raise InputError(
            file="export",
            field="cameras",
            expected="as many in all frames, and in the rig",
            found=" and ".join(map(str, sorted(counts))),
            remedy="Name the rig of the vehicle that took the frames.",
        )
    height, width = sizes.pop()
    return height, width


def calibration_inputs(cameras: Cameras) -> dict[str, Tensor]:
    """The inputs of a network with free calibration."""
    return {name: getattr(cameras, name).float() for name in CALIBRATION}


def as_arrays(tensors: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, np.ndarray]:
    """Tensors of these names as a file is fed them."""
    return {name: tensors[name].contiguous().numpy() for name in names}


def with_classes(logits: Float[Tensor, "1 k x y z"]) -> tuple[UInt8[Tensor, "1 x y z"], Float[Tensor, "1 k x y z"]]:
    """The outputs of a graph: the most likely class of every voxel, and the logits."""
    return logits.movedim(1, -1).argmax(-1).to(torch.uint8), logits
