"""Depth from the pair: a correlation volume over disparities (GwcNet, CVPR 2019), warped to depths and aggregated."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from voxway.methods.vlscene.depth import CameraGate, Reduce, group_norm
from voxway.nn.group_norm import GroupNorm

_BINS = 16
"""Depth bins that are correlated at a time."""


class ConvNorm(nn.Sequential):
    """norm(conv) in 3D."""

    def __init__(self, channels: int, width: int, stride: int = 1, kernel: int = 3) -> None:
        conv = nn.Conv3d(channels, width, kernel, stride=stride, padding=kernel // 2, bias=False)
        super().__init__(conv, group_norm(width))

    def forward(self, input: Float[Tensor, "b c d h w"]) -> Float[Tensor, "b e _d _h _w"]:
        """Features of one size, or of one reduced by the stride."""
        conv, norm = self
        assert isinstance(norm, GroupNorm)
        return norm.replacing(conv(input))


class Doubling(nn.Module):
    """norm(transposed conv) onto twice the size, or onto one less where the map that it joins has that size."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose3d(channels, width, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm3d(width)

    def forward(
        self, x: Float[Tensor, "b c d h w"], like: Float[Tensor, "b e d2 h2 w2"]
    ) -> Float[Tensor, "b e d2 h2 w2"]:
        """Features as large as `like`."""
        return self.norm(self.conv(x, output_size=like.shape[2:]))


class Hourglass(nn.Module):
    """Two halvings and two doublings with shortcuts."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.halve = ConvNorm(width, 2 * width, stride=2)
        self.at_half = ConvNorm(2 * width, 2 * width)
        self.quarter = ConvNorm(2 * width, 4 * width, stride=2)
        self.at_quarter = ConvNorm(4 * width, 4 * width)
        self.to_half = Doubling(4 * width, 2 * width)
        self.to_whole = Doubling(2 * width, width)
        self.keep_half = ConvNorm(2 * width, 2 * width, kernel=1)
        self.keep_whole = ConvNorm(width, width, kernel=1)

    def forward(self, x: Float[Tensor, "b c d h w"]) -> Float[Tensor, "b c d h w"]:
        """Features of the same size."""
        half = F.relu_(self.at_half(F.relu_(self.halve(x))))
        deep = F.relu_(self.at_quarter(F.relu_(self.quarter(half))))
        half = F.relu_(self.to_half(deep, half).add_(self.keep_half(half)))
        return F.relu_(self.to_whole(half, x).add_(self.keep_whole(x)))


class StereoNet(nn.Module):
    """Probability of every depth bin from the features of both images."""

    def __init__(self, channels: int, features: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.reduce = Reduce(channels, channels)
        self.gate = CameraGate(channels)
        self.features = nn.Conv2d(channels, features, 1)
        relu = nn.ReLU(inplace=True)
        self.first = nn.Sequential(ConvNorm(groups, groups), relu, ConvNorm(groups, groups), relu)
        self.second = nn.Sequential(ConvNorm(groups, groups), relu, ConvNorm(groups, groups))
        self.hourglasses = nn.Sequential(*(Hourglass(groups) for _ in range(3)))
        self.last = nn.Sequential(ConvNorm(groups, groups), relu)
        self.score = nn.Conv3d(groups, 1, 3, padding=1, bias=False)

    def forward(
        self,
        left: Float[Tensor, "b c h w"],
        right: Float[Tensor, "b c h w"],
        left_camera: Float[Tensor, "b v"],
        right_camera: Float[Tensor, "b v"],
        steps: Float[Tensor, "b d"],
    ) -> Float[Tensor, "b d h w"]:
        """Probabilities, over the left image.

        Args:
            left: features of the left image.
            right: features of the right one.
            left_camera: what describes the left camera.
            right_camera: what describes the right one.
            steps: disparity of every bin in pixels of the features (`StereoRig.steps`).
        """
        both = self.compared(left, right, left_camera, right_camera)
        return self.probabilities(depth_volume(*both, steps, self.groups))

    def compared(
        self,
        left: Float[Tensor, "b c h w"],
        right: Float[Tensor, "b c h w"],
        left_camera: Float[Tensor, "b v"],
        right_camera: Float[Tensor, "b v"],
    ) -> tuple[Float[Tensor, "b e h w"], Float[Tensor, "b e h w"]]:
        """Features of both images that are correlated; arguments as in `forward`."""
        cameras = torch.cat([left_camera, right_camera])
        first, second = self.features(self.gate(self.reduce(torch.cat([left, right])), cameras)).chunk(2)
        return first, second

    def probabilities(self, volume: Float[Tensor, "b g d h w"]) -> Float[Tensor, "b d h w"]:
        """Probabilities from the correlation of every bin."""
        volume = self.first(volume)
        volume = self.second(volume).add_(volume)
        for hourglass in self.hourglasses:
            volume = hourglass(volume)
        return self.score(self.last(volume))[:, 0].softmax(1)


def depth_volume(
    left: Float[Tensor, "b c h w"],
    right: Float[Tensor, "b c h w"],
    steps: Float[Tensor, "b d"],
    groups: int,
) -> Float[Tensor, "b g d h w"]:
    """Correlation of the left features with the right ones where they would be at the disparity of each depth bin.

    Entry d of the published volume correlates ``left(x)`` with ``right(x - d)``, group by group, for as many pixels d
    of the features as there are bins; it is read at every bin's disparity by linear interpolation, 0 beyond. Only those
    entries that are read are computed.

    Args:
        left: features.
        right: features.
        steps: disparity of every bin, in pixels of the features.
        groups: groups of channels, each of which gives one mean of products.
    """
    # Channels innermost, as convolutions of volumes are fastest with them.
    volumes = torch.stack([_of_pair(*pair, groups) for pair in zip(left, right, steps, strict=True)])
    return volumes.movedim(-1, 1)


def _of_pair(
    left: Float[Tensor, "c h w"], right: Float[Tensor, "c h w"], at: Float[Tensor, "d"], groups: int
) -> Float[Tensor, "d h w g"]:
    width, low = left.shape[-1], at.floor()
    share = (at - low).to(left.dtype)
    near, far = (maps.permute(1, 2, 0) for maps in (left, right))
    nothing = far.new_zeros(len(far), 1, far.shape[-1])
    far = torch.cat([far, nothing], 1)  # its last column stands for all that lies beyond the picture or the volume

    def column(shift: Int[Tensor, "d"]) -> Int[Tensor, "d w"]:
        place = torch.arange(width, device=at.device) - shift[:, None]
        return place.masked_fill((place < 0) | (shift >= len(at))[:, None], width)

    planes = []
    for shift, part in zip(low.long().split(_BINS), share.split(_BINS)):
        # Correlation is linear in the right features, so those are read between two pixels.
        part = part[:, None, None]
        moved = (1 - part) * far[:, column(shift)] + part * far[:, column(shift + 1)]
        planes.append((near[:, None] * moved).unflatten(-1, (groups, -1)).mean(-1).transpose(0, 1))
    return torch.cat(planes)
