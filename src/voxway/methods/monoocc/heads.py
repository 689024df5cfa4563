"""The two heads of MonoOcc: class scores of voxels, and of image pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.ops.trilinear import resize, resized_squared_length


class SemanticDecoder(nn.Module):
    """2D semantic head: image features to class scores at four times their resolution. A training aid.

    The published upsampling is a transposed convolution of kernel 1 and stride 2: even pixels carry the image, all
    others only the bias. The last 3 x 3 convolution spreads one pixel in 16 to its neighbours.
    """

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.up = nn.ModuleList(_Doubling(width, dropout) for _ in range(2))
        self.spread = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h4 w4"]:
        """Class scores of every camera's image."""
        for double in self.up:
            maps = double(maps)
        return self.classify(self.dropout(F.relu(self.norm(self.spread(maps)))))


class _Doubling(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.place = nn.ConvTranspose2d(width, width, 1, stride=2, output_padding=1, groups=width)
        self.mix = nn.Conv2d(width, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        return self.dropout(F.relu(self.norm(self.mix(self.place(maps)))))


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
