"""Cameras to a map: features of each picture, spread over depths that its calibration helps to tell, summed; and what
each voxel's own pixels say of it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.methods.box.blocks import ConvGroup, Residual
from voxway.methods.box.config import BoxConfig
from voxway.methods.box.geometry import FACTS, HINTS, RAYS, camera_facts, height_hints, ray_facts
from voxway.methods.box.sight import SIGHTS, sight
from voxway.nn.backbone import ImageBackbone
from voxway.nn.necks import TopDownNeck
from voxway.ops.bev_pool import bev_pool, frustum, frustum_points, pool_table

Calibrated = tuple[Tensor, Tensor, Tensor]
"""K, T_cam_ego and T_image (b, n, ...), float32."""
_BELIEF = (2.0, 1.0, -4.0, -1.0)
"""In each of `height_hints`, before anything is learnt."""
_FAINT = 0.05
"""Pixels' worth of what is lifted into a cell that counts for little."""
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


class Look(NamedTuple):
    """What the camera branch makes of pictures, for every feature pixel."""

    depth: Float[Tensor, "b n d h w"]
    """Probability of every depth bin."""
    context: Float[Tensor, "b n c h w"]
    """What is spread over them: context, the probability of each class, and a channel of ones."""
    shows: Float[Tensor, "b n k h w"]
    """Scores of the class that it shows."""


class DepthNet(nn.Module):
    """Scores of depth bins, classes, and context, from features, rays and the camera's facts, which gate the channels.

    Each pixel says besides how much it believes what the height of a point over a flat road hints at. All begin with
    believing that rays end at the road or above it.
    """

    def __init__(self, config: BoxConfig) -> None:
        super().__init__()
        width = config.width
        self.first = ConvGroup(width + RAYS, width)
        self.gate = nn.Sequential(nn.Linear(FACTS, 32), nn.ReLU(), nn.Linear(32, width))
        self.second = Residual(width, width)
        self.parts = (config.depth_bins.count, HINTS, config.context, len(config.task.classes))
        self.output = nn.Conv2d(width, sum(self.parts), 1)
        self.belief = nn.Parameter(torch.tensor(_BELIEF))

    def forward(
        self,
        maps: Float[Tensor, "m c h w"],
        rays: Float[Tensor, "m r h w"],
        facts: Float[Tensor, "m f"],
        hints: Float[Tensor, "m k d h w"],
    ) -> tuple[Float[Tensor, "m d h w"], Float[Tensor, "m c2 h w"], Float[Tensor, "m classes h w"]]:
        """Scores of the depth bins, context, and scores of the class that each pixel shows; float32."""
        gate = self.gate(facts).sigmoid()[:, :, None, None]
        mixed = self.second(self.first(torch.cat([maps, rays.to(maps.dtype)], 1)) * gate)
        bins, belief, context, shows = self.output(mixed).float().split(self.parts, 1)
        belief = belief + self.belief[:, None, None]
        return bins + (belief[:, :, None] * hints).sum(1), context, shows


class CameraBranch(nn.Module):
    """Pictures to a map, the same in whichever order the cameras come: what is lifted into slabs, and `sight`."""

    image_mean: Tensor
    image_std: Tensor
    depths: Tensor
    places: Tensor

    def __init__(self, config: BoxConfig) -> None:
        super().__init__()
        self.config = config
        self.grid: VoxelGrid = config.lifted
        layers = config.task.grid.coarsen((config.cell, config.cell, 1))
        self.layers = layers.shape[::-1]
        self.spread = config.context + len(config.task.classes)
        # One channel more: how much was lifted into a cell.
        self.channels = (self.spread + 1) * config.slabs
        self.backbone = ImageBackbone(
            config.backbone, config.reductions, config.norm, pretrained=config.pretrained, weights=config.weights
        )
        self.neck = TopDownNeck(self.backbone.channels, config.width)
        self.depth_net = DepthNet(config)
        self.register_buffer("image_mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("image_std", torch.tensor(_STD)[:, None, None], persistent=False)
        self.register_buffer("depths", config.depth_bins.depths(), persistent=False)
        self.register_buffer("places", layers.centres().permute(2, 1, 0, 3).reshape(-1, 3), persistent=False)

    def forward(
        self, images: UInt8[Tensor, "b n 3 h w"], cameras: Cameras, shown: Float[Tensor, "b n"]
    ) -> tuple[Float[Tensor, "b c y x"], Float[Tensor, "b 2 z y x"], Look]:
        """The map of what is lifted, what voxels' own pixels say of them, and what both come from.

        Args:
            images: all of one size, without padding.
            cameras: theirs.
            shown: 1, or 0 for cameras that are to add nothing.
        """
        look = self.look(images, cameras)
        return *self.placed(look, cameras, (images.shape[-2], images.shape[-1]), shown), look

    def placed(
        self, look: Look, cameras: Cameras, size_px: tuple[int, int], shown: Float[Tensor, "b n"]
    ) -> tuple[Float[Tensor, "b c y x"], Float[Tensor, "b 2 z y x"]]:
        """What pictures of (height, width) `size_px` show, where it is: lifted, and as voxels' own pixels say it."""
        template = frustum(size_px, (look.depth.shape[-2], look.depth.shape[-1]), self.depths)
        table = pool_table(lifted_cells(frustum_points(cameras, template), self.grid), self.grid.shape)
        weights = look.depth * shown[..., None, None, None]
        lifted = self.as_map(bev_pool(weights, look.context, table))
        return lifted, self.sight(look.depth, _matrices(cameras), size_px, shown)

    def nothing(self, samples: int) -> tuple[Float[Tensor, "b c y x"], Float[Tensor, "b 2 z y x"]]:
        """What no picture lets see."""
        lifted = self.depths.new_zeros(samples, self.channels, *self.layers[1:])
        return lifted, self.depths.new_zeros(samples, SIGHTS, *self.layers)

    def look(self, images: UInt8[Tensor, "b n 3 h w"], cameras: Cameras) -> Look:
        """What every feature pixel shows, before anything is lifted."""
        return self.lift(images, _matrices(cameras))

    def lift(self, images: UInt8[Tensor, "b n 3 h w"], calibration: Calibrated) -> Look:
        """The same, of matrices."""
        count, size_px = images.shape[:2], (images.shape[-2], images.shape[-1])
        normal = (images.flatten(0, 1) - self.image_mean) / self.image_std
        maps = self.neck(self.backbone(normal))
        pixels = frustum(size_px, (maps.shape[-2], maps.shape[-1]), self.depths[:1])[0, :, :, :2]
        with torch.autocast(images.device.type, enabled=False):
            rays = ray_facts(*calibration, pixels, self.config.road_m).flatten(0, 1)
            facts = camera_facts(*calibration, size_px, self.config.road_m).flatten(0, 1)
            hints = height_hints(*calibration, pixels, self.depths, self.config.road_m).flatten(0, 1)
        bins, context, shows = self.depth_net(maps, rays, facts, hints)
        context = torch.cat([context, shows.softmax(1), torch.ones_like(context[:, :1])], 1)
        return Look(*(one.unflatten(0, count) for one in (bins.softmax(1), context, shows)))

    def sight(
        self,
        depth: Float[Tensor, "b n d h w"],
        calibration: Calibrated,
        size_px: tuple[int, int],
        shown: Float[Tensor, "b n"],
    ) -> Float[Tensor, "b 2 z y x"]:
        """`voxway.methods.box.sight` of the voxels in each of the map's cells, layer by layer."""
        (K, T_cam_ego, T_image), bins = calibration, self.config.depth_bins
        with torch.autocast(depth.device.type, enabled=False):
            projection = T_image @ K @ T_cam_ego[..., :3, :]
            said = sight(depth, projection, size_px, shown, self.places, bins.start, bins.step)
        return said.unflatten(2, self.layers)

    def as_map(self, volume: Float[Tensor, "b c x y z"]) -> Float[Tensor, "b c2 y x"]:
        """Slabs as channels: the average of what was lifted into each cell, and how much that was, on a scale that near
        cells, in which hundreds of pixels end, share with far ones, in which a tenth of one does."""
        context, ones = volume.split([self.spread, 1], 1)
        joined = torch.cat([context / (ones + _FAINT), (ones / _FAINT).log1p() / 3], 1)
        return joined.permute(0, 1, 4, 3, 2).flatten(1, 2)


def _matrices(cameras: Cameras) -> Calibrated:
    return cameras.K.float(), cameras.T_cam_ego.float(), cameras.T_image.float()


def lifted_cells(points: Float[Tensor, "b n d h w 3"], grid: VoxelGrid) -> Int[Tensor, "b n d h w"]:
    """Cell ``sample * count + (x * ny + y) * nz + z`` of every point, one past the last for points outside."""
    index = grid.index(points)
    sample = torch.arange(len(points), device=points.device)[:, None, None, None, None]
    return torch.where(grid.holds(index), sample * grid.count + grid.flat(index), len(points) * grid.count)
