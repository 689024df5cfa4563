"""From voxel features to those that classes are read from: a convolution, then the semantic diffusion block."""

from __future__ import annotations

from functools import reduce

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.group_norm import GroupNorm

_SIZES = (3, 5, 7)
_DILATIONS = (1, 2, 4)


class AxisMixing(nn.Module):
    """Multi-path atrous convolution along one axis after another: ``relu(x + along_x(along_y(along_z(x))))``.

    Each adds up kernels of three sizes by weights per voxel that come from the block's input.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weights = nn.Conv3d(width, 9, 1, bias=False)
        self.axes = nn.ModuleList(nn.ModuleList(_along(width, axis, size) for size in _SIZES) for axis in range(3))

    def forward(self, x: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b c x y z"]:
        """Features of the same size."""
        shares = self.weights(x).unflatten(1, (3, 3)).softmax(2)
        y = x
        for axis in (2, 1, 0):
            parts = (shares[:, axis, k, None] * F.relu_(conv(y)) for k, conv in enumerate(self.axes[axis]))  # ty: ignore
            y = reduce(Tensor.add_, parts)
        return F.relu_(y.add_(x))


def _along(width: int, axis: int, size: int) -> nn.Conv3d:
    kernel, padding = ((size, 1, 1), (1, size, 1), (1, 1, size))[axis], ((1, 0, 0), (0, 1, 0), (0, 0, 1))[axis]
    x, y, z = (side * (size // 2) for side in padding)
    return nn.Conv3d(width, width, kernel, padding=(x, y, z))


class DilatedVolume(nn.Module):
    """Convolutions of three dilations on half the channels, concatenated and mixed."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.reduce = nn.Conv3d(width, half, 1)
        self.branches = nn.ModuleList(nn.Conv3d(half, half, 3, padding=d, dilation=d) for d in _DILATIONS)
        self.mix = nn.Conv3d(len(_DILATIONS) * half, width, 1)

    def forward(self, x: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b c x y z"]:
        """Features of the same size."""
        x = self.reduce(x)
        return F.relu_(self.mix(torch.cat([branch(x) for branch in self.branches], 1)))


class Diffusion(nn.Module):
    """Semantic diffusion block."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.enter = nn.Conv3d(channels, width, 3, padding=1)
        self.blocks = nn.Sequential(AxisMixing(width), AxisMixing(width))
        self.dilated = DilatedVolume(width)

    def forward(self, x: Float[Tensor, "b d x y z"]) -> Float[Tensor, "b d x y z"]:
        """Features of the same size, from what `enter` gave."""
        return self.dilated(self.blocks(x))


class Trunk(nn.Module):
    """relu(norm(conv 3 x 3 x 3)), then diffusion."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, 2 * width, 3, padding=1, bias=False)
        self.norm = GroupNorm(32 if width % 16 == 0 else 2, 2 * width)
        self.diffuse = Diffusion(2 * width, width)

    def forward(self, volume: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b d x y z"]:
        """Features of the same size."""
        return self.diffuse(self.narrowed(volume))

    def narrowed(self, volume: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b d x y z"]:
        """All up to the first convolution of the diffusion block, after which nothing is as large any more."""
        return self.diffuse.enter(F.relu_(self.norm.replacing(self.conv(volume))))
