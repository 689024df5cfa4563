"""Pseudo-labels of pixels, as classes to learn and lifted to voxels.

That voxels of LiDAR learn from pseudo-labels looked up where they project, the paper's reviews say. Rounding, borders
and the guard against what stands in front, are our reading of the paper.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.task import IGNORE, Task
from voxway.methods.occle.lift import nearest_depths, nearest_pixels


def channels_of(task: Task) -> Int[Tensor, "256"]:
    """For every label the channel of its class where free space has none; -1 for free space, sky and unknown."""
    channels = torch.full((256,), -1, dtype=torch.long)
    channels[list(task.occupied)] = torch.arange(len(task.occupied))
    return channels


def as_targets(labels: UInt8[Tensor, "*s"], channels: Int[Tensor, "256"]) -> UInt8[Tensor, "*s"]:
    """Labels as channels, 255 where there is none."""
    return channels.where(channels >= 0, IGNORE)[labels.long()].to(torch.uint8)


def at_cells(labels: UInt8[Tensor, "*b h w"], reduction: int) -> UInt8[Tensor, "*b h2 w2"]:
    """The label of the pixel at the centre of each cell of `reduction` x `reduction` pixels; the last may be cut."""
    half = reduction // 2
    rows, columns = (torch.arange(0, side, reduction, device=labels.device) + half for side in labels.shape[-2:])
    rows, columns = rows.clamp(max=labels.shape[-2] - 1), columns.clamp(max=labels.shape[-1] - 1)
    return labels[..., rows[:, None], columns]


class Hidden:
    """How far away a voxel may be in each pixel before something that LiDAR has hit stands in front of it.

    Args:
        points: metres, ego frame.
        cameras: of one sample (n).
        window: pixels, odd; of the points in a window of so many rows and columns the nearest counts.
        slack_m: how far behind it a voxel still counts as seen.
        slack: the same as a share of its depth; the larger one holds.
    """

    def __init__(
        self, points: Float[Tensor, "p 3"], cameras: Cameras, window: int, slack_m: float, slack: float
    ) -> None:
        height, width = cameras.size_px.amax(0).tolist()
        near = nearest_depths(points, cameras, (height, width), 1)
        nearest = -F.max_pool2d(-near[:, None], window, 1, window // 2)[:, 0]
        self.limit: Float[Tensor, "n h w"] = nearest + (slack * nearest).clamp(min=slack_m)


def lifted_labels(
    centres: Float[Tensor, "v 3"], labels: UInt8[Tensor, "n h w"], cameras: Cameras, hidden: Hidden | None = None
) -> UInt8[Tensor, "v"]:
    """The label of the pixel that shows each voxel, in the camera that is nearest to it; 255 where none does.

    Args:
        centres: of the voxels, metres, ego frame.
        labels: of the pixels.
        cameras: of one sample (n).
        hidden: tells what stands behind something else; None: nothing does.
    """
    pixels, depth, shown = nearest_pixels(cameras, centres.double())
    column, row = pixels.unbind(-1)
    camera = torch.arange(len(labels), device=labels.device)[:, None]
    found = labels[camera, row, column]
    if hidden is not None:
        found = torch.where(depth > hidden.limit[camera, row, column], IGNORE, found)
    near = torch.where(shown, depth, torch.inf)
    nearest = near.argmin(0, keepdim=True)
    return torch.where(shown.any(0), found.gather(0, nearest)[0], IGNORE).to(torch.uint8)
