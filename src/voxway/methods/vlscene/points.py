"""Supervision by labelled points, in training alone: classes read off the volume and the image where a point lies."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

PointAxes = Literal["released", "intended"]


class PointHead(nn.Module):
    """Class scores of points from the voxel features and the left image's features around them.

    Args:
        channels: of the volume.
        image_channels: of the image's features.
        classes: to score.
        axes: the released code looks x up along z and z along x; ``"intended"`` puts that right.
    """

    def __init__(self, channels: int, image_channels: int, classes: int, axes: PointAxes) -> None:
        super().__init__()
        self.axes = axes
        self.project = nn.Linear(image_channels, channels)
        self.weigh = nn.Sequential(nn.Linear(channels, image_channels), nn.ReLU(), nn.Linear(image_channels, 2))
        self.classify = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.Linear(channels, classes))

    def forward(
        self,
        volume: Float[Tensor, "c x y z"],
        maps: Float[Tensor, "d h w"],
        position: Float[Tensor, "p 3"],
        pixel: Float[Tensor, "p 3"],
    ) -> Float[Tensor, "p k"]:
        """Scores of every point.

        Args:
            volume: voxel features.
            maps: features of the image.
            position: x, y, z within the grid, -1..1 from border to border.
            pixel: u, v within the image, -1..1 from edge to edge, and metres along the optical axis.
        """
        # `grid_sample` takes the last axis first. Positions keep their digits, whatever autocast left of the features.
        volume, maps = (x.float() if x.dtype.itemsize < 4 else x for x in (volume, maps))
        order = (position if self.axes == "released" else position.flip(-1)).to(volume.dtype)
        around = F.grid_sample(volume[None], order[None, :, None, None], align_corners=False)[0, :, :, 0, 0].T
        seen = F.grid_sample(maps[None], pixel[None, :, None, :2].to(maps.dtype), align_corners=False)[0, :, :, 0].T
        valid = (pixel[:, 2] > 1e-5) & (pixel[:, :2].abs() < 1).all(-1)
        seen = self.project(seen * valid[:, None])
        share = self.weigh(around).softmax(-1)
        return self.classify(share[:, :1] * around + share[:, 1:] * seen)
