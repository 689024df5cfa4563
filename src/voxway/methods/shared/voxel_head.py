"""Class scores of voxels finer than the features they come from."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.ops.trilinear import resize, resized_squared_length


class VoxelHead(nn.Module):
    """Class scores of voxels `factor` times finer: trilinear upsampling (corners aligned), norm, linear.

    For an upsampled and centred feature u, ``linear(norm(u)) = (W gamma) u / sqrt(|u|^2 / c + eps) + W beta + b``.
    Centring and ``W gamma`` are linear, so they come before the upsampling, on k instead of c channels, and ``|u|^2``
    is interpolated as the quadratic form that it is: the fine volume never exists in all channels.
    """

    def __init__(self, width: int, classes: int, factor: tuple[int, int, int]) -> None:
        super().__init__()
        self.factor = factor
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Linear(width, classes)

    def forward(self, voxels: Float[Tensor, "x2 y2 z2 c"]) -> Float[Tensor, "k x y z"]:
        """Scores of the fine grid."""
        x, y, z = (count * times for count, times in zip(voxels.shape, self.factor))
        with torch.autocast(voxels.device.type, enabled=False):
            centred = voxels.float() if voxels.dtype.itemsize < 4 else voxels
            centred = centred - centred.mean(-1, keepdim=True)
            scores = resize(F.linear(centred, self.classify.weight * self.norm.weight), (x, y, z))
            variance = resized_squared_length(centred, (x, y, z)) / voxels.shape[-1]
            offset = self.classify.weight @ self.norm.bias + self.classify.bias
            scores = scores * (variance + self.norm.eps).rsqrt()[..., None] + offset
        return scores.permute(3, 0, 1, 2)
