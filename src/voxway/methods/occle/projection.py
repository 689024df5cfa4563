"""Scatter-accumulated projection: what predicted voxels show in the images, compared with pseudo-labels of pixels.

The name and the purpose are the paper's: labels of images are to supervise the prediction where no voxel is labelled.
The definition is our reading of them. With q_j the class probabilities of voxel j, cell u of an image shows

    S_c(u) = sum over the voxels j on u of w_j q_jc,       P_c(u) = S_c(u) / (sum over c' of S_c'(u) + 1e-6)

over the classes other than free space, with w_j = 1 (``"sum"``) or the chance that all nearer voxels on u are free
(``"visible"``). A table says which voxels fall on which cell, the nearest first; it depends on calibration alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.task import SKY
from voxway.methods.occle.lift import nearest_pixels

Mode = Literal["sum", "visible"]
"""How voxels on one cell share it: each counts fully, or only as far as the nearer ones let it be seen."""
_EPSILON = 1e-6
_LEAST = 0.05
"""Of the sum over classes, below which a cell shows too little to be compared."""


@dataclass(frozen=True, kw_only=True)
class ProjectionTable:
    """Which voxels fall on which cell of which image: cell by cell, the nearest first.

    Attributes:
        voxels: flat index of every entry's voxel within (b, x, y, z).
        cells: flat index of its cell within (b, n, h, w), ascending.
        starts: where each cell's entries begin.
        size: (b, n, h, w).
    """

    voxels: Int[Tensor, "e"]
    cells: Int[Tensor, "e"]
    starts: Int[Tensor, "u"]
    size: tuple[int, int, int, int]

    @classmethod
    def sort(
        cls,
        voxels: Int[Tensor, "e"],
        cells: Int[Tensor, "e"],
        depth: Float[Tensor, "e"],
        size: tuple[int, int, int, int],
    ) -> ProjectionTable:
        """The table from its entries in any order; of equal depths the lower voxel comes first."""
        order = voxels.argsort()
        order = order[depth[order].argsort(stable=True)]
        order = order[cells[order].argsort(stable=True)]
        every = torch.arange(math.prod(size), device=cells.device)
        starts = torch.searchsorted(cells[order], every)
        return cls(voxels=voxels[order], cells=cells[order], starts=starts, size=size)

    @classmethod
    def of(cls, cameras: Cameras, grid: VoxelGrid, size_px: tuple[int, int], reduction: int) -> ProjectionTable:
        """The table of cameras, to be made once for a fixed rig.

        Args:
            cameras: (b, n).
            grid: the voxels, which fall where their centres do.
            size_px: (height, width) of the images.
            reduction: image pixels per cell.
        """
        samples, count = cameras.K.shape[:2]
        rows, columns = (-(-side // reduction) for side in size_px)
        centres = grid.centres(cameras.K.device, torch.float64).flatten(0, 2).expand(samples, -1, -1)
        pixels, depth, shown = nearest_pixels(cameras, centres)
        sample, camera, voxel = shown.nonzero(as_tuple=True)
        column, row = (pixels[shown] // reduction).unbind(-1)
        cells = ((sample * count + camera) * rows + row) * columns + column
        return cls.sort(sample * grid.count + voxel, cells, depth[shown], (samples, count, rows, columns))


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the cells of images show.

    Attributes:
        classes: S of every class but free space; 0 where no voxel falls.
        occupied: sum of the chances that a voxel is occupied.
        count: voxels on the cell.
    """

    classes: Float[Tensor, "u k"]
    occupied: Float[Tensor, "u"]
    count: Int[Tensor, "u"]


def accumulate(log_probs: Float[Tensor, "b k x y z"], free: int, table: ProjectionTable, mode: Mode) -> Shown:
    """Sum up what voxels say over the cells that they fall on.

    Args:
        log_probs: logarithms of class probabilities.
        free: the class of free space.
        table: which voxel falls where.
        mode: how voxels share a cell.
    """
    rows = log_probs.movedim(1, -1).flatten(0, -2)
    empty = rows[:, free]
    semantic = torch.cat([rows[:, :free], rows[:, free + 1 :]], 1).exp()
    weights = _transmittance(empty[table.voxels], table) if mode == "visible" else None
    count = torch.diff(table.starts, append=table.starts.new_tensor([len(table.voxels)]))
    classes = F.embedding_bag(table.voxels, semantic, table.starts, mode="sum", per_sample_weights=weights)
    occupied = F.embedding_bag(table.voxels, -torch.expm1(empty)[:, None], table.starts, mode="sum")[:, 0]
    return Shown(classes=classes, occupied=occupied, count=count)


def _transmittance(log_free: Float[Tensor, "e"], table: ProjectionTable) -> Float[Tensor, "e"]:
    """The chance that all nearer voxels on the same cell are free: products as sums of logarithms, in float64."""
    exact = log_free.double()
    before = exact.cumsum(0) - exact
    first = table.starts[table.cells]
    return (before - before[first]).exp().to(log_free.dtype)


def compared(
    shown: Shown, labels: UInt8[Tensor, "u"], channels: Int[Tensor, "256"]
) -> tuple[Float[Tensor, "m"], Float[Tensor, "s"]]:
    """What every cell with something to compare loses: where a class is labelled, and where the sky is.

    Args:
        shown: from `accumulate`.
        labels: of the cells: class ids, 254 sky, 255 unknown.
        channels: which of the classes' columns a label names, -1 none.

    Returns:
        ``-log P`` of the labelled class, and the mean chance that the voxels on a cell of the sky are occupied.
    """
    total = shown.classes.sum(1)
    column = channels[labels.long()]
    counts = (column >= 0) & (shown.count > 0) & (total > _LEAST)
    own = shown.classes[counts].gather(1, column[counts, None])[:, 0]
    sky = (labels == SKY) & (shown.count > 0)
    return -(own / (total[counts] + _EPSILON) + _EPSILON).log(), shown.occupied[sky] / shown.count[sky]
