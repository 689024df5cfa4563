"""Sparse awareness for exports: dense convolutions of the whole volume, whose inputs are masked.

Most voxels in front of a camera are active, so that dense convolutions multiply little in vain; and their lengths do
not depend on the input, as those of tables would.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.methods.vlscene.awareness import SparseAwareness
from voxway.methods.vlscene.neighbours import KERNELS, Levels
from voxway.methods.vlscene.whole import convolved
from voxway.ops.sparse_conv import Triple

Mask = Float[Tensor, "1 1 _x _y _z"]
"""1 where a voxel is active, 0 elsewhere."""


class SparseAwarenessGraph(nn.Module):
    """`SparseAwareness` on a dense volume.

    A voxel is active if its features are not all zero. Runtimes whose convolutions leave rounding where nothing came
    near (as fast transforms do) would make more of them so; what lies beyond the reach of any lifted feature is zero
    here by the mask, too.
    """

    def __init__(self, awareness: SparseAwareness) -> None:
        super().__init__()
        self.propagate, self.interact = awareness.propagate, awareness.interact
        spread = self.propagate.spread
        self.reach = 0 if spread is None else spread.kernel_size[0] // 2 + 1

    def forward(self, volume: Float[Tensor, "1 c x y z"]) -> Float[Tensor, "1 d x y z"]:
        """Features of all voxels; zero where nothing came near."""
        near = self.propagate(volume) * widened(_active(volume), self.reach)
        if self.interact is None:
            return near
        mask = _active(near)
        return self.interact(near.flatten(2), dense_levels(mask)).unflatten(2, mask.shape[2:]) * mask


def _active(volume: Float[Tensor, "1 c x y z"]) -> Mask:
    return (volume.abs().sum(1, keepdim=True) > 0).to(volume.dtype)


def widened(mask: Mask, reach: int) -> Mask:
    """The mask and all voxels up to `reach` cells from it, along each axis."""
    for axis in range(3) if reach else ():
        kernel, padding = [1, 1, 1], [0, 0, 0]
        kernel[axis], padding[axis] = 2 * reach + 1, reach
        mask = F.max_pool3d(mask, kernel, stride=1, padding=padding)
    return mask


@dataclass(frozen=True)
class InVolume:
    """Neighbours in the whole volume, of which features are channels; see `voxway.methods.vlscene.neighbours`.

    Attributes:
        inputs: what counts of the input.
        outputs: what is active of the output.
        stride: cells from output to output.
        back: whether this is the transposed convolution.
    """

    inputs: Mask
    outputs: Mask
    stride: int = 1
    back: bool = False

    def convolve(self, x: Float[Tensor, "1 c s"], weight: Float[Tensor, "kx ky kz c d"]) -> Float[Tensor, "1 d t"]:
        """The convolution; what stands in voxels that are not active means nothing."""
        volume = x.unflatten(2, self.inputs.shape[2:]) * self.inputs
        return convolved(volume, weight, self.stride, self.outputs.shape[2:] if self.back else None).flatten(2)

    def transposed(self) -> InVolume:
        """Back onto the inputs."""
        return InVolume(self.outputs, self.inputs, self.stride, not self.back)


def dense_levels(mask: Mask) -> Levels:
    """Neighbours at three resolutions: a coarser voxel is active wherever its kernel touches an active one."""
    half = F.max_pool3d(mask, 3, stride=2, padding=1)
    quarter = F.max_pool3d(half, 3, stride=2, padding=1)
    fine, coarse, deep = (_same(own, kernels) for own, kernels in zip((mask, half, quarter), KERNELS))
    return Levels((fine, coarse, deep), (InVolume(mask, half, stride=2), InVolume(half, quarter, stride=2)))


def _same(mask: Mask, kernels: tuple[Triple, ...]) -> dict[Triple, InVolume]:
    return {kernel: InVolume(mask, mask) for kernel in kernels}
