"""Blocks of the box network. Norms are of groups: what a batch holds differs too much from rig to rig for its own."""

from __future__ import annotations

from math import gcd

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.group_norm import GroupNorm

_GROUPS = 8


def norm(width: int) -> GroupNorm:
    """Group norm of eight groups, or as many as divide the width."""
    return GroupNorm(gcd(_GROUPS, width), width)


class ConvGroup(nn.Sequential):
    """``relu(norm(conv(x)))``; a square kernel, padded."""

    def __init__(self, channels: int, width: int, kernel: int = 3, stride: int = 1) -> None:
        conv = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False)
        super().__init__(conv, norm(width), nn.ReLU())


class Residual(nn.Module):
    """``relu(shortcut(x) + norm(conv(relu(norm(conv(x))))))``."""

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.first = ConvGroup(channels, width, 3, stride)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = norm(width)
        same = channels == width and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels, width, stride, stride)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        """The block's output; a stride of 2 halves the map."""
        return F.relu(self.norm(self.second(self.first(x))) + self.shortcut(x))
