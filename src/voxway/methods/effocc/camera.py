"""Camera branch: images to feature maps to depth distributions to a bird's-eye map (LSS, ECCV 2020; BEVDet)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.methods.shared.depth_bins import DepthBins
from voxway.nn import swin
from voxway.nn.backbone import ImageBackbone, Norm
from voxway.nn.conv_norm import ConvNorm, conv3x3
from voxway.nn.imagenet import WeightSource
from voxway.nn.necks import ConcatenateNeck, TopDownNeck
from voxway.nn.swin import SwinPyramid
from voxway.ops.bev_pool import PoolTable, bev_cells, bev_pool, frustum, frustum_points, pool_table

Sizes = tuple[tuple[int, int], tuple[int, int]]
"""(rows, columns) of the feature map, (height, width) of the image."""
Rig = tuple[Sizes, Tensor, Tensor, Tensor]
"""All that a pool table depends on: sizes, K, T_cam_ego, T_image."""

_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@dataclass(frozen=True, kw_only=True)
class CameraConfig:
    """The published branch of the fusion network with ResNet-18."""

    backbone: str = "resnet18"
    """A timm network with feature maps, or ``"swin-base"``, the published transformer."""
    reductions: tuple[int, ...] = (8, 16, 32)
    """Image pixels per feature pixel of the maps that the neck joins, fine to coarse."""
    norm: Norm = "batch"
    """Normalisation of a timm network."""
    weights: WeightSource = "timm"
    """Where ImageNet weights come from, if any are asked for."""
    neck: Literal["top-down", "concatenate"] = "top-down"
    """How maps are joined into the finest: sums from coarse to fine, or concatenation of the two."""
    width: int = 128
    """Channels of the joined map."""
    context: int = 64
    """Channels that are lifted into the bird's-eye map."""
    depth_bins: DepthBins = field(default_factory=DepthBins)
    """Depths over which context is spread."""
    lidar_depth: bool = True
    """Whether depth is predicted with the help of sparse LiDAR depth images."""
    colours: Literal["published", "rgb"] = "published"
    """Released weights see blue as the first channel, but normalised with the statistics of red; ``"rgb"`` puts
    colours in the order of their statistics."""

    @property
    def reduction(self) -> int:
        """Image pixels per feature pixel of the joined map."""
        return self.reductions[0]


class DepthNet(nn.Module):
    """Scores of depth bins, and context, from image features alone: a 1 x 1 convolution."""

    def __init__(self, config: CameraConfig) -> None:
        super().__init__()
        self.output = nn.Conv2d(config.width, config.depth_bins.count + config.context, 1)

    def forward(self, maps: Float[Tensor, "m c h w"], depth: None) -> Float[Tensor, "m d h w"]:
        """Scores of the depth bins, then context, as one map; no depth images are taken."""
        return self.output(maps)


class LidarDepthNet(nn.Module):
    """The same from image features and sparse depth images, which a few strided convolutions spread and reduce."""

    def __init__(self, config: CameraConfig) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            ConvNorm(nn.Conv2d(1, 8, 1)),
            ConvNorm(nn.Conv2d(8, 32, 5, stride=4, padding=2)),
            ConvNorm(nn.Conv2d(32, 64, 5, stride=config.reduction // 4, padding=2)),
        )
        self.mix = nn.Sequential(
            conv3x3(config.width + 64, config.width, bias=True), conv3x3(config.width, config.width, bias=True)
        )
        self.output = nn.Conv2d(config.width, config.depth_bins.count + config.context, 1)

    def forward(self, maps: Float[Tensor, "m c h w"], depth: Float[Tensor, "m h8 w8"]) -> Float[Tensor, "m d h w"]:
        """Scores of the depth bins, then context, as one map.

        Args:
            maps: image features.
            depth: metres along the optical axis at image resolution, 0 where unknown.
        """
        points = self.stem(depth[:, None].to(maps.dtype))
        return self.output(self.mix(torch.cat([maps, points], 1)))


class CameraBranch(nn.Module):
    """Images to a map of `channels`, with the depth distribution that lifted them."""

    image_mean: Tensor
    image_std: Tensor
    depths: Tensor

    def __init__(self, config: CameraConfig, grid: VoxelGrid, pretrained: bool) -> None:
        super().__init__()
        self.config = config
        self.grid = grid
        self.channels = config.context
        self.backbone = build_pyramid(config, pretrained)
        joined = TopDownNeck if config.neck == "top-down" else ConcatenateNeck
        self.neck = joined(self.backbone.channels, config.width)
        self.depth_net = LidarDepthNet(config) if config.lidar_depth else DepthNet(config)
        self.register_buffer("image_mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("image_std", torch.tensor(_STD)[:, None, None], persistent=False)
        self.register_buffer("depths", config.depth_bins.depths(), persistent=False)
        self._rig: tuple[Rig, PoolTable] | None = None

    def forward(
        self,
        images: UInt8[Tensor, "b n 3 h w"],
        cameras: Cameras,
        depth: Float[Tensor, "b n h w"] | None,
    ) -> tuple[Float[Tensor, "b c y x"], Float[Tensor, "b n d h2 w2"]]:
        """The map, and the probability of every depth bin.

        Args:
            images: all of one size, without padding.
            cameras: theirs.
            depth: metres along the optical axis, 0 where unknown; None if the network predicts depth without.
        """
        probabilities, context = self.lift(self.normalise(images), depth)
        height, width = images.shape[-2:]
        return self.splat(probabilities, context, cameras, (height, width)), probabilities

    def normalise(self, images: UInt8[Tensor, "b n 3 h w"]) -> Float[Tensor, "b n 3 h w"]:
        """Images as the backbone expects them; see `CameraConfig.colours`."""
        colours = images.flip(2) if self.config.colours == "published" else images
        return (colours - self.image_mean) / self.image_std

    def lift(
        self, images: Float[Tensor, "b n 3 h w"], depth: Float[Tensor, "b n h w"] | None
    ) -> tuple[Float[Tensor, "b n d h2 w2"], Float[Tensor, "b n c h2 w2"]]:
        """Probability of every depth bin, and the features to spread over them, from normalised images."""
        count = images.shape[:2]
        maps = self.neck(self.backbone(images.flatten(0, 1)))
        scores = self.depth_net(maps, None if depth is None else depth.flatten(0, 1)).float()
        bins, context = scores.split([self.config.depth_bins.count, self.config.context], 1)
        return bins.softmax(1).unflatten(0, count), context.unflatten(0, count)

    def splat(
        self,
        probabilities: Float[Tensor, "b n d h w"],
        context: Float[Tensor, "b n c h w"],
        cameras: Cameras,
        size_px: tuple[int, int],
    ) -> Float[Tensor, "b c y x"]:
        """Sum lifted features over the cells of the map. The table of the last cameras is kept: rigs seldom change."""
        size = (context.shape[-2], context.shape[-1])
        rig = ((size, size_px), cameras.K, cameras.T_cam_ego, cameras.T_image)
        if self._rig is None or not _same(self._rig[0], rig):
            self._rig = rig, pool_table(self.cells(cameras, size_px, size), (self.grid.shape[1], self.grid.shape[0]))
        return bev_pool(probabilities, context, self._rig[1])

    def cells(self, cameras: Cameras, size_px: tuple[int, int], size: tuple[int, int]) -> Tensor:
        """Cell of every feature pixel and depth bin; see `voxway.ops.bev_pool.bev_cells`."""
        return bev_cells(frustum_points(cameras, frustum(size_px, size, self.depths)), self.grid)


def _same(one: Rig, other: Rig) -> bool:
    (sizes, *tensors), (other_sizes, *other_tensors) = one, other
    pairs = zip(tensors, other_tensors)
    return sizes == other_sizes and all(a.device == b.device and torch.equal(a, b) for a, b in pairs)


def build_pyramid(config: CameraConfig, pretrained: bool) -> ImageBackbone | SwinPyramid:
    """The backbone that a configuration names.

    Raises:
        ValueError: ImageNet weights were asked for, and there are none to download for the transformer.
    """
    if config.backbone not in swin.VARIANTS:
        return ImageBackbone(
            config.backbone, config.reductions, config.norm, pretrained=pretrained, weights=config.weights
        )
    if pretrained:
        raise ValueError(f"{config.backbone} has no weights to download; load a published checkpoint")
    return SwinPyramid(swin.VARIANTS[config.backbone], config.reductions)
