"""Bird's-eye encoders: two small convolutional networks over (y, x) maps, and the join of camera and LiDAR."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.conv_norm import ConvNorm, conv3x3
from voxway.nn.necks import ConcatenateNeck

_EPS, _MOMENTUM = 1e-3, 0.01


@dataclass(frozen=True, kw_only=True)
class SecondConfig:
    """Encoder of LiDAR and fused maps (SECOND, Sensors 2018): two levels, enlarged and concatenated."""

    widths: tuple[int, int] = (128, 256)
    """Channels of the level at the map's resolution and of the one at half of it."""
    layers: int = 5
    """Convolutions per level after its first."""
    level_channels: int = 256
    """Channels that each level contributes; the output has twice as many."""

    @property
    def channels(self) -> int:
        """Channels of the output."""
        return 2 * self.level_channels

    def build(self, channels: int) -> Second:
        """The encoder of maps of `channels`."""
        return Second(self, channels)


@dataclass(frozen=True, kw_only=True)
class ResidualConfig:
    """Encoder of camera maps (BEVDet): three residual levels, of which the first and the last are joined."""

    widths: tuple[int, int, int] = (128, 256, 512)
    """Channels at 1/2, 1/4 and 1/8 of the map's resolution."""
    channels: int = 256
    """Channels of the output; the neck has twice as many inside."""

    def build(self, channels: int) -> Residual:
        """The encoder of maps of `channels`."""
        return Residual(self, channels)


class Second(nn.Module):
    """Concatenation of the two levels, each brought to the map's resolution."""

    def __init__(self, config: SecondConfig, channels: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        for i, width in enumerate(config.widths):
            first = conv3x3(channels, width, stride=i + 1, eps=_EPS, momentum=_MOMENTUM)
            rest = (conv3x3(width, width, eps=_EPS, momentum=_MOMENTUM) for _ in range(config.layers))
            self.levels.append(nn.Sequential(first, *rest))
            channels = width
        near, far = config.widths
        self.near = ConvNorm(nn.Conv2d(near, config.level_channels, 1, bias=False), _EPS, _MOMENTUM)
        enlarge = nn.ConvTranspose2d(far, config.level_channels, 2, stride=2, bias=False)
        self.far = ConvNorm(enlarge, _EPS, _MOMENTUM)

    def forward(self, bev: Float[Tensor, "b c y x"]) -> Float[Tensor, "b d y x"]:
        """The encoded map, as large as the given one."""
        near = self.levels[0](bev)
        far = self.far(self.levels[1](near))
        return torch.cat([self.near(near), far[..., : near.shape[-2], : near.shape[-1]]], 1)


class ResidualBlock(nn.Module):
    """relu(shortcut(x) + norm(conv(relu(norm(conv(x)))))); a strided block's shortcut is a bare 3 x 3 convolution."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = conv3x3(channels, width, stride)
        self.second = ConvNorm(nn.Conv2d(width, width, 3, padding=1, bias=False), relu=False)
        self.shortcut = nn.Conv2d(channels, width, 3, stride, padding=1) if stride > 1 else nn.Identity()

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h2 w2"]:
        """The block's output; a stride of 2 halves the map."""
        return F.relu(self.second(self.first(x)) + self.shortcut(x), inplace=True)


class Residual(nn.Module):
    """``output(up(neck(level 1, level 3)))``, back at the map's resolution."""

    def __init__(self, config: ResidualConfig, channels: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        for width in config.widths:
            self.levels.append(nn.Sequential(ResidualBlock(channels, width, 2), ResidualBlock(width, width, 1)))
            channels = width
        inner = 2 * config.channels
        self.neck = ConcatenateNeck((config.widths[0], config.widths[2]), inner)
        self.enlarged = conv3x3(inner, config.channels)
        self.output = nn.Conv2d(config.channels, config.channels, 1)

    def forward(self, bev: Float[Tensor, "b c y x"]) -> Float[Tensor, "b d y x"]:
        """The encoded map, as large as the given one."""
        maps = []
        x = bev
        for level in self.levels:
            x = level(x)
            maps.append(x)
        joined = self.neck([maps[0], maps[2]])
        joined = F.interpolate(joined, bev.shape[-2:], mode="bilinear", align_corners=True)
        return self.output(self.enlarged(joined))
