"""Depth from the left image alone: a network that knows its camera (as BEVDepth's), and the context that is lifted."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.methods.vlscene.rig import VECTOR
from voxway.nn.group_norm import GroupNorm
from voxway.ops.deform_conv import deform_conv

_DILATIONS = (1, 6, 12, 18)


def group_norm(channels: int) -> GroupNorm:
    """Two groups, as all group norms of the published depth networks have."""
    return GroupNorm(2, channels)


class CameraGate(nn.Module):
    """Features times a gate per channel, which is made from the numbers that describe the camera."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.describe = nn.Sequential(nn.Linear(VECTOR, width), nn.ReLU(), nn.Linear(width, width))
        self.gate = nn.Sequential(nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1), nn.Sigmoid())

    def forward(self, maps: Float[Tensor, "b c h w"], camera: Float[Tensor, "b v"]) -> Float[Tensor, "b c h w"]:
        """``maps * gate(camera)``."""
        return maps * self.gate(self.describe(camera)[:, :, None, None])


class Reduce(nn.Sequential):
    """relu(norm(conv 3 x 3))."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(nn.Conv2d(channels, width, 3, padding=1), group_norm(width), nn.ReLU())


class ResidualBlock(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))), with batch norms."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Features of the same size."""
        return F.relu(x + self.second_norm(self.second(F.relu(self.first_norm(self.first(x))))))


class DilatedPyramid(nn.Module):
    """Convolutions of several dilations and the image's mean, concatenated and mixed (ASPP)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 1 if d == 1 else 3, padding=0 if d == 1 else d, dilation=d, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            )
            for d in _DILATIONS
        )
        self.whole = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), group_norm(width), nn.ReLU())
        self.mix = nn.Sequential(
            nn.Conv2d((len(_DILATIONS) + 1) * width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Features of the same size."""
        whole = self.whole(x.mean((2, 3), keepdim=True)).expand_as(x)
        return self.dropout(self.mix(torch.cat([*(branch(x) for branch in self.branches), whole], 1)))


class DeformableLayer(nn.Module):
    """A 3 x 3 deformable convolution with four groups, whose offsets a convolution makes from its input."""

    def __init__(self, width: int, groups: int = 4) -> None:
        super().__init__()
        self.groups = groups
        self.offsets = nn.Conv2d(width, 18, 3, padding=1)
        self.weight = nn.Parameter(torch.empty(width, width // groups, 3, 3))
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")
        for parameter in self.offsets.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Features of the same size."""
        return deform_conv(x, self.offsets(x), self.weight, self.groups)


class DepthAndContext(NamedTuple):
    """What `DepthNet` puts out.

    Attributes:
        scores: of the depth bins.
        context: features that are lifted.
    """

    scores: Float[Tensor, "b d h w"]
    context: Float[Tensor, "b c h w"]


class DepthNet(nn.Module):
    """Scores of depth bins, and context, from image features and the camera."""

    def __init__(self, width: int, bins: int, dropout: float) -> None:
        super().__init__()
        self.camera_norm = group_norm(VECTOR)
        self.reduce = Reduce(width, width)
        self.context_gate = CameraGate(width)
        self.context = nn.Conv2d(width, width, 1)
        self.depth_gate = CameraGate(width)
        self.depth = nn.Sequential(
            *(ResidualBlock(width) for _ in range(3)),
            DilatedPyramid(width, dropout),
            DeformableLayer(width),
            nn.Conv2d(width, bins, 1),
        )

    def forward(self, maps: Float[Tensor, "b c h w"], camera: Float[Tensor, "b v"]) -> DepthAndContext:
        """Scores and context of the left image.

        Args:
            maps: its features.
            camera: what describes its camera (`StereoRig.vector`).
        """
        camera, maps = self.camera_norm(camera), self.reduce(maps)
        return DepthAndContext(self.depth(self.depth_gate(maps, camera)), self.context(self.context_gate(maps, camera)))
