"""Cross-plane synergy: images say what stands in the plane that they face, LiDAR says where along the depth.

The words are the paper's. The operator is our reading of them: LiDAR features spread over depth what images say.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from voxway.core.grid import VoxelGrid
from voxway.nn.conv_norm import conv3x3, conv3x3x3

View = Literal["ahead", "around"]
"""Where cameras look: along x alone, or all around."""


def softmax_along(logits: Float[Tensor, "b k x y z"], axis: int) -> Float[Tensor, "b k x y z"]:
    """Softmax over one axis (2: x, 3: y, 4: z), in float32 or finer whatever the features are."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32)).softmax(axis)


class Plane(nn.Module):
    """Two times relu(norm(conv 3 x 3)) on a plane of the volume, given and returned as a slab of one cell.

    Args:
        width: channels.
        axis: the one that is missing (2: x, 3: y, 4: z).
    """

    def __init__(self, width: int, axis: int) -> None:
        super().__init__()
        self.axis = axis
        self.layers = nn.Sequential(conv3x3(width, width), conv3x3(width, width))

    def forward(self, slab: Float[Tensor, "b c _x _y _z"]) -> Float[Tensor, "b c _x _y _z"]:
        """Features of the same slab."""
        return self.layers(slab.squeeze(self.axis)).unsqueeze(self.axis)


class Combine(nn.Module):
    """Volumes weighed against each other, voxel by voxel; the weights come from their plain sum (TPV aggregator).

    Args:
        width: channels.
        count: volumes.
    """

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.weigh = nn.Conv3d(width, count, 1, bias=False)

    def forward(self, volumes: list[Float[Tensor, "b c _x _y _z"]]) -> Float[Tensor, "b c x y z"]:
        """Their weighted sum. A volume may be a slab of one cell, which stands for as many equal ones."""
        shares = softmax_along(self.weigh(_sum(volumes)), 1)
        weighed = [volume * share for volume, share in zip(volumes, shares.split(1, 1), strict=True)]
        return _sum(weighed).to(volumes[0].dtype)


def _sum(volumes: list[Tensor]) -> Tensor:
    """The sum of volumes and slabs: that of Python begins with a number."""
    total = volumes[0]
    for volume in volumes[1:]:
        total = total + volume
    return total


class Spread(nn.Module):
    """Image features gathered along one axis by where LiDAR says that something stands, and spread again by the same.

    Args:
        width: channels.
        axis: of depth (2: x, 3: y).
    """

    def __init__(self, width: int, axis: int) -> None:
        super().__init__()
        self.axis = axis
        self.score = nn.Conv3d(width, 1, 1)
        self.plane = Plane(width, axis)

    def forward(
        self, images: Float[Tensor, "b c x y z"], points: Float[Tensor, "b c x y z"]
    ) -> tuple[Float[Tensor, "b c _x _y _z"], Float[Tensor, "b c x y z"]]:
        """The plane, as a slab of one cell, and the volume that it is spread to.

        The volume is the plane times each voxel's share, times the cells of the axis, so that even shares change
        nothing.
        """
        shares = softmax_along(self.score(points), self.axis)
        slab = self.plane((shares * images).sum(self.axis, keepdim=True).to(images.dtype))
        return slab, (slab * (shares * shares.shape[self.axis])).to(slab.dtype)


class CrossPlane(nn.Module):
    """Both volumes joined through the planes of each.

    Cameras that look around see along x and along y: both are taken for the depth, and each voxel weighs the two by
    the squared cosine and sine of its azimuth.

    Args:
        width: channels.
        grid: the working voxels.
        view: where the cameras look.
    """

    along_x: Tensor

    def __init__(self, width: int, grid: VoxelGrid, view: View) -> None:
        super().__init__()
        self.spread = nn.ModuleList(Spread(width, axis) for axis in ((2,) if view == "ahead" else (2, 3)))
        self.pool = nn.Conv3d(width, 2, 1)
        self.from_above, self.from_aside = Plane(width, 4), Plane(width, 3)
        self.combine = Combine(width, 5)
        x, y, _ = grid.centres().unbind(-1)
        self.register_buffer("along_x", x.square() / (x.square() + y.square()).clamp(min=1e-12), persistent=False)

    def forward(
        self, images: Float[Tensor, "b c x y z"], points: Float[Tensor, "b c x y z"]
    ) -> Float[Tensor, "b c x y z"]:
        """The joined volume, from lifted image features and LiDAR features."""
        facing, deep = self._spread(images, points)
        logits = self.pool(points)
        above = (points * softmax_along(logits[:, :1], 4)).sum(4, keepdim=True).to(points.dtype)
        aside = (points * softmax_along(logits[:, 1:], 3)).sum(3, keepdim=True).to(points.dtype)
        return self.combine([points, self.from_above(above), self.from_aside(aside), facing, deep])

    def _spread(self, images: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        found = [spread(images, points) for spread in self.spread]
        if len(found) == 1:
            return found[0]
        (facing, deep), (facing_y, deep_y) = found
        share = self.along_x.to(images)
        return share * facing + (1 - share) * facing_y, share * deep + (1 - share) * deep_y


class ResidualVolume(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))) of volumes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = conv3x3x3(width, width)
        self.second = conv3x3x3(width, width, relu=False)

    def forward(self, x: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b c x y z"]:
        """Features of the same size."""
        return (self.second(self.first(x)) + x).relu()
