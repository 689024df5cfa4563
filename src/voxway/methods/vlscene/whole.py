"""Neighbours in whole volumes, for evaluation where most voxels are active: dense convolutions, with masks.

Behind a camera, three quarters of the voxels near its frustum are active. Dense convolutions multiply a third more,
but gather nothing and keep to the processor's rate; the results at active voxels are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from voxway.methods.vlscene.neighbours import KERNELS, Levels

_SHARE, _LEAST = 0.35, 2**15
"""Share of active voxels, and number of all, from which on dense convolutions are faster."""


def pays(active: Bool[Tensor, "b x y z"]) -> bool:
    """Whether dense convolutions are faster than those of the active voxels alone."""
    return active.numel() >= _LEAST and float(active.float().mean()) >= _SHARE


@dataclass(frozen=True)
class InWhole:
    """Neighbours among all voxels, of which features are rows, channels innermost. What stands in voxels that are not
    active means nothing, and is overwritten.

    Attributes:
        inputs: which voxels of the input are active.
        outputs: which of the output are.
        stride: cells from output to output.
        back: whether this is the transposed convolution.
    """

    inputs: Bool[Tensor, "b _x _y _z"]
    outputs: Bool[Tensor, "b _u _v _w"]
    stride: int = 1
    back: bool = False

    def convolve(self, x: Float[Tensor, "_s c"], weight: Float[Tensor, "kx ky kz c d"]) -> Float[Tensor, "_t d"]:
        """Rows of all outputs."""
        x.view(*self.inputs.shape, -1).masked_fill_(~self.inputs[..., None], 0)
        volume = x.view(*self.inputs.shape, -1).movedim(-1, 1)
        out = convolved(volume, weight, self.stride, self.outputs.shape[1:] if self.back else None)
        return out.movedim(1, -1).reshape(-1, out.shape[1])

    def transposed(self) -> InWhole:
        """Back onto the inputs."""
        return InWhole(self.outputs, self.inputs, self.stride, not self.back)


def convolved(
    volume: Float[Tensor, "b c _x _y _z"],
    weight: Float[Tensor, "kx ky kz c d"],
    stride: int,
    onto: Sequence[int] | None = None,
) -> Float[Tensor, "b d _u _v _w"]:
    """A convolution of volumes with weights as sparse ones have them, or its transpose onto volumes of a size."""
    padding = [cells // 2 for cells in weight.shape[:3]]
    if onto is None:
        return F.conv3d(volume, weight.permute(4, 3, 0, 1, 2), None, stride, padding)
    more = [fine - stride * (coarse - 1) - 1 for coarse, fine in zip(volume.shape[2:], onto)]
    return F.conv_transpose3d(volume, weight.permute(3, 4, 0, 1, 2), None, stride, padding, more)


def whole_levels(active: Bool[Tensor, "b x y z"]) -> Levels:
    """Neighbours at three resolutions: a coarser voxel is active wherever its kernel touches an active one."""
    half = _halved(active)
    quarter = _halved(half)
    fine, coarse, deep = (
        {kernel: InWhole(own, own) for kernel in kernels} for own, kernels in zip((active, half, quarter), KERNELS)
    )
    return Levels((fine, coarse, deep), (InWhole(active, half, stride=2), InWhole(half, quarter, stride=2)))


def _halved(active: Bool[Tensor, "b x y z"]) -> Bool[Tensor, "b x2 y2 z2"]:
    return F.max_pool3d(active[:, None].float(), 3, stride=2, padding=1)[:, 0] > 0
