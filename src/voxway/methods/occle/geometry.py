"""The geometric branch: which voxels are free and which occupied, from images and the LiDAR of several frames.

Known from the paper and its reviews: images and LiDAR are joined "in cross-plane synergy", LiDAR is voxelised as in
VoxelNet and read by a sparse 3D encoder, the branch is trained semi-supervised. All else is our reading of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from voxway.core.grid import Counts, VoxelGrid
from voxway.methods.occle.cross_plane import CrossPlane, ResidualVolume, View
from voxway.methods.occle.head import OccupancyHead
from voxway.methods.occle.lidar import SparseEncoder
from voxway.methods.occle.lift import Marker
from voxway.methods.occle.points import COLUMNS
from voxway.methods.occle.voxels import VoxelConfig, VoxelEncoder
from voxway.nn.conv_norm import conv3x3x3
from voxway.ops.sparse_volume import to_volume


@dataclass(frozen=True, kw_only=True)
class GeometryConfig:
    """The geometric branch. All of it is our reading of the paper.

    Raises:
        ValueError: widths and groups that do not fit each other.
    """

    voxels: VoxelConfig = field(
        default_factory=lambda: VoxelConfig(widths=(16,), max_points=5, training_voxels=120_000, voxels=240_000)
    )
    """How points become voxels; each width of the encoder beyond the first halves them towards the working grid."""
    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of the sparse encoder, fine to coarse."""
    groups: int = 4
    """Groups of the norms at its ends."""
    join: Literal["cross-plane", "concat", "image", "lidar"] = "cross-plane"
    """How the two volumes become one: through their planes, by a convolution of both, or one of them alone."""
    view: View = "ahead"
    """Where the cameras look."""
    blocks: int = 2
    """Residual blocks after the join."""
    detach: bool = False
    """Whether the branch leaves the image network, which both branches share, to the other one's losses."""
    head_width: int = 32
    """Channels inside the head."""
    head_groups: int = 8
    """Groups of its norm."""

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or self.head_width % self.head_groups:
            raise ValueError(
                f"widths must be two numbers or more, and head_width a multiple of head_groups, got {self.widths}, "
                f"{self.head_width} and {self.head_groups}"
            )
        first, last = self.widths[0], self.widths[-1]
        if first % self.groups or last % self.groups or first == self.groups:
            raise ValueError(
                f"the first and last width must be multiples of {self.groups} groups, and more than one value in each, "
                f"which the norm would take away; got {first} and {last}"
            )


class GeometryBranch(nn.Module):
    """Lifted image features and points to a volume, and from that to free and occupied.

    Args:
        config: of which parts.
        grid: the working voxels.
        image_channels: of lifted features.
        width: channels of the volume.
    """

    def __init__(self, config: GeometryConfig, grid: VoxelGrid, image_channels: int, width: int) -> None:
        super().__init__()
        self.config = config
        if config.join != "lidar":
            self.enter = nn.Conv2d(image_channels, width, 1)
            self.marker = Marker(width)
        if config.join != "image":
            fine = grid.refine(2 ** (len(config.widths) - 1))
            self.voxels = VoxelEncoder(COLUMNS + 1, config.voxels, fine)
            self.encoder = SparseEncoder(self.voxels.channels, config.widths, config.groups)
            self.leave = nn.Identity() if config.widths[-1] == width else nn.Conv3d(config.widths[-1], width, 1)
        if config.join == "cross-plane":
            self.join = CrossPlane(width, grid, config.view)
        elif config.join == "concat":
            self.join = conv3x3x3(2 * width, width)
        self.blocks = nn.Sequential(*(ResidualVolume(width) for _ in range(config.blocks)))
        self.head = OccupancyHead(width, config.head_width, config.head_groups, 2)

    @property
    def sees(self) -> bool:
        """Whether it takes anything from images."""
        return self.config.join != "lidar"

    def look(self, maps: Float[Tensor, "b n c h w"]) -> Float[Tensor, "b n d h w"]:
        """The branch's own features of images, from the network that it shares."""
        maps = maps.detach() if self.config.detach else maps
        return self.enter(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])

    def read_points(self, points: Float[Tensor, "p _c"], offsets: Int[Tensor, "b1"]) -> Float[Tensor, "b c x y z"]:
        """The volume of LiDAR features; zero where no point is near."""
        return self.leave(to_volume(*self.encoder(*self.voxels(points, offsets))))

    def forward(
        self,
        lifted: Float[Tensor, "b c x y z"] | None,
        seen: Bool[Tensor, "b x y z"] | None,
        points: Float[Tensor, "p _c"],
        offsets: Int[Tensor, "b1"],
    ) -> Float[Tensor, "b c x y z"]:
        """The branch's volume.

        Args:
            lifted: features from `look` in the working voxels, if it sees.
            seen: which of them any image shows, if it sees.
            points: of all frames.
            offsets: where each sample's points begin.
        """
        images = None if lifted is None or seen is None else self.marker(lifted, seen)
        cloud = None if self.config.join == "image" else self.read_points(points, offsets)
        if images is None or cloud is None:
            joined = cloud if images is None else images
        elif self.config.join == "concat":
            joined = self.join(torch.cat([images, cloud], 1))
        else:
            joined = self.join(images, cloud)
        return self.blocks(joined)

    def score(self, volume: Float[Tensor, "b c x y z"], shape: Counts) -> Float[Tensor, "b 2 _x _y _z"]:
        """Scores of free and occupied of the fine voxels."""
        return self.head(volume, shape)[1]
