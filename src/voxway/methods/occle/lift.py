"""Image features in voxels: each voxel's centre looks up the pixel that it projects to, in every image that shows it.

No depth is estimated: every voxel along a ray gets the ray's features. A review of the same first author's sibling
paper (DSOcc) says so of that one; that OccLE does the same, is our reading of the paper.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.ops.draw import draw_depth


def lift(
    maps: Float[Tensor, "b n c h w"],
    cameras: Cameras,
    grid: VoxelGrid,
    reduction: int,
    depths: Float[Tensor, "b n h w"] | None = None,
) -> tuple[Float[Tensor, "b c x y z"], Bool[Tensor, "b x y z"]]:
    """Mean over the images that show a voxel of their features at its centre, bilinear; and whether any shows it.

    Args:
        maps: features of every image.
        cameras: (b, n) of these.
        grid: the voxels.
        reduction: image pixels per pixel of the maps.
        depths: from `nearest_depths`, where features are to fade with the metres between a voxel and what LiDAR hits in
            its pixel: by ``exp(-|z - d|)``, as DSOcc does with estimated depths. None fades nothing.
    """
    centres = grid.centres(maps.device).flatten(0, 2).expand(len(maps), -1, -1)
    pixels, depth = cameras.project(centres)
    seen = cameras.visible(pixels, depth)
    # Image pixel i covers i - 0.5 to i + 0.5, so the map's borders lie at -0.5 and at its size times the reduction.
    span = pixels.new_tensor([maps.shape[-1], maps.shape[-2]]) * reduction
    place = (2 * pixels + 1) / span - 1
    total = place.new_zeros(len(maps), maps.shape[2], centres.shape[1])
    for i in range(maps.shape[1]):  # one image at a time: all of them at once would need n times the volume
        # Places keep all digits, whatever autocast made of the maps.
        at = F.grid_sample(maps[:, i].to(place), place[:, i, None], padding_mode="border", align_corners=False)
        share = seen[:, i] if depths is None else seen[:, i] * _near(depths[:, i], pixels[:, i], depth[:, i], reduction)
        total = total + at[:, :, 0] * share[:, None]
    count = seen.sum(1)
    mean = total / count.clamp(min=1)[:, None]
    return mean.unflatten(2, grid.shape), (count > 0).unflatten(1, grid.shape)


def _near(
    depths: Float[Tensor, "b h w"], pixels: Float[Tensor, "b p 2"], depth: Float[Tensor, "b p"], reduction: int
) -> Float[Tensor, "b p"]:
    """How near each voxel lies to what LiDAR hits in its pixel, 1..0; 1 where it hits nothing."""
    rows, columns = depths.shape[-2:]
    cell = ((pixels + 0.5) / reduction).floor().nan_to_num().clamp(min=0)
    column, row = cell[..., 0].clamp(max=columns - 1).long(), cell[..., 1].clamp(max=rows - 1).long()
    hit = depths.flatten(1).gather(1, row * columns + column)
    return torch.where(hit.isinf(), 1.0, (-(depth - hit).abs()).exp())


def nearest_depths(
    points: Float[Tensor, "p 3"], cameras: Cameras, size: tuple[int, int], reduction: int
) -> Float[Tensor, "n h w"]:
    """Metres along the optical axis to the nearest point in each cell of the images; infinite where there is none.

    Args:
        points: metres, ego frame.
        cameras: of one sample (n).
        size: rows and columns of cells.
        reduction: image pixels per cell.
    """
    depth = draw_depth(points, cameras, border="rounded")
    near = torch.where(depth > 0, depth, torch.inf)
    rows, columns = (cells * reduction - side for cells, side in zip(size, near.shape[-2:]))
    near = F.pad(near, (0, columns, 0, rows), value=torch.inf)
    return -F.max_pool2d(-near[:, None], reduction)[:, 0]


class Marker(nn.Module):
    """A learnt feature for voxels that no image shows."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.feature = nn.Parameter(torch.zeros(width))

    def forward(self, lifted: Float[Tensor, "b c x y z"], seen: Bool[Tensor, "b x y z"]) -> Float[Tensor, "b c x y z"]:
        """The lifted features where there are any, the learnt one elsewhere."""
        return torch.where(seen[:, None], lifted, self.feature[:, None, None, None].to(lifted))


def nearest_pixels(
    cameras: Cameras, points: Float[Tensor, "*b p 3"]
) -> tuple[Int[Tensor, "*b n p 2"], Float[Tensor, "*b n p"], Bool[Tensor, "*b n p"]]:
    """Column and row of the pixel that shows each point in each camera, its depth in metres, and whether one does.

    Pixel centres lie at whole numbers, so that pixel is the rounded one, as in MonoScene's code; it counts if the image
    has it. Where none does, column and row are 0.

    Args:
        cameras: whose images.
        points: metres, ego frame; projected in their own precision.
    """
    pixels, depth = cameras.project(points)
    size = cameras.size_px.to(pixels).flip(-1)[..., None, :]
    rounded = pixels.round()
    shown = (depth > 0) & ((rounded >= 0) & (rounded < size)).all(-1)
    return torch.where(shown[..., None], rounded, 0).long(), depth, shown
