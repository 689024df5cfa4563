"""The semantic branch: what is seen, told by image and LiDAR each by itself, and joined in one volume.

Known from reviews of the paper: a 2D U-Net with a header for the image, a sparse 3D U-Net with a header for LiDAR, both
supervised by pseudo-labels. How the two become one volume of features, is our reading of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from voxway.core.grid import VoxelGrid
from voxway.methods.occle.lidar import Levels, SparseUNet
from voxway.methods.occle.lift import Marker
from voxway.methods.occle.points import COLUMNS
from voxway.methods.occle.unet2d import ImageConfig, UNet2D
from voxway.methods.occle.voxels import VoxelConfig, VoxelEncoder
from voxway.nn.conv_norm import conv3x3, conv3x3x3
from voxway.ops.sparse_conv import Sites
from voxway.ops.sparse_volume import to_volume


@dataclass(frozen=True, kw_only=True)
class SemanticConfig:
    """The semantic branch. All of it is our reading of the paper.

    Raises:
        ValueError: fewer than three resolutions: the second one's features become the volume.
    """

    image: ImageConfig = field(default_factory=ImageConfig)
    """Encoder and decoder of images."""
    voxels: VoxelConfig = field(default_factory=VoxelConfig)
    """How points become voxels, two for a working voxel along each axis."""
    frames: Literal["key", "all"] = "key"
    """Whose points: of the key frame, or of the earlier frames, too."""
    widths: tuple[int, ...] = (16, 32, 64, 64)
    """Channels of the sparse U-Net, fine to coarse."""
    header: int = 32
    """Channels inside the header of voxels."""

    def __post_init__(self) -> None:
        if len(self.widths) < 3:
            raise ValueError(f"widths of the sparse U-Net must be three numbers or more, got {self.widths}")


@dataclass(frozen=True)
class VoxelScores:
    """What LiDAR alone says.

    Attributes:
        scores: of every voxel that holds points, without a class for free space.
        sites: where these voxels are, on the fine grid; axes x, y, z.
        volume: features of the working grid.
    """

    scores: Float[Tensor, "v k"]
    sites: Sites
    volume: Float[Tensor, "b c x y z"]


class SemanticBranch(nn.Module):
    """Images and points to class scores of pixels and of voxels, and to a volume.

    Args:
        config: of which parts.
        grid: the working voxels.
        classes: to score, free space not among them.
        width: channels of the volume.
        columns: of a point, its age among them if earlier frames' points are read.
        pretrained: start the image encoder from ImageNet weights.
    """

    def __init__(
        self, config: SemanticConfig, grid: VoxelGrid, classes: int, width: int, pretrained: bool = False
    ) -> None:
        super().__init__()
        seen = config.image.width
        self.image = UNet2D(config.image, pretrained=pretrained)
        self.image_header = nn.Sequential(conv3x3(seen, seen), nn.Conv2d(seen, classes, 1))
        columns = COLUMNS + (config.frames == "all")
        self.voxels = VoxelEncoder(columns, config.voxels, grid.refine(2))
        self.unet = SparseUNet(self.voxels.channels, config.widths)
        self.voxel_header = nn.Sequential(
            nn.Linear(config.widths[0], config.header), nn.ReLU(), nn.Linear(config.header, classes)
        )
        self.marker = Marker(seen)
        self.join = conv3x3x3(seen + config.widths[1], width)

    def look(self, images: Float[Tensor, "b n 3 h w"]) -> Float[Tensor, "b n c h2 w2"]:
        """Features of normalised images."""
        (maps,) = self.image(images.flatten(0, 1))
        return maps.unflatten(0, images.shape[:2])

    def score_pixels(self, maps: Float[Tensor, "b n c h w"]) -> Float[Tensor, "b n k h w"]:
        """Class scores of the images' pixels, free space not among the classes."""
        return self.image_header(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])

    def read_points(self, points: Float[Tensor, "p _c"], offsets: Int[Tensor, "b1"]) -> VoxelScores:
        """Class scores and features from points."""
        rows, sites = self.voxels(points, offsets)
        levels = Levels.of(sites, len(self.unet.widths) - 1)
        fine, half, *_ = self.unet(rows, levels)
        return VoxelScores(self.voxel_header(fine), sites, to_volume(half, levels.sites[1]))

    def forward(
        self, lifted: Float[Tensor, "b c x y z"], seen: Bool[Tensor, "b x y z"], volume: Float[Tensor, "b d x y z"]
    ) -> Float[Tensor, "b e x y z"]:
        """The branch's volume, from lifted image features and LiDAR's."""
        return self.join(torch.cat([self.marker(lifted, seen), volume.to(lifted)], 1))
