"""Necks: feature maps of several resolutions joined into the finest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.conv_norm import conv3x3


class TopDownNeck(nn.Module):
    """Feature pyramid (CVPR 2017) of which only the finest level is put out: ``output(sum of up(lateral_i(x_i)))``.

    Args:
        channels: of each map, fine to coarse.
        width: of the output.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.output = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, maps: Sequence[Float[Tensor, "b _c _h _w"]]) -> Float[Tensor, "b d h w"]:
        joined = None
        for lateral, x in zip(reversed(self.lateral), reversed(maps)):
            level = lateral(x)
            joined = level if joined is None else level + F.interpolate(joined, level.shape[-2:])
        return self.output(joined)


class ConcatenateNeck(nn.Module):
    """Two maps, the coarse one enlarged to the fine one's size, concatenated and mixed by two 3 x 3 convolutions.

    Args:
        channels: of the fine and of the coarse map.
        width: of the output.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.first = conv3x3(sum(channels), width)
        self.second = conv3x3(width, width)

    def forward(self, maps: Sequence[Float[Tensor, "b _c _h _w"]]) -> Float[Tensor, "b d h w"]:
        fine, coarse = maps
        coarse = F.interpolate(coarse, fine.shape[-2:], mode="bilinear", align_corners=True)
        return self.second(self.first(torch.cat([fine, coarse], 1)))
