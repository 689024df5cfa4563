"""A picture of voxel labels: the volume from behind, from above and cut along the road, with what nobody knows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from PIL import Image

from voxway.core.occupancy import Occupancy
from voxway.core.task import IGNORE, Colour, Task
from voxway.core.voxel_labels import UNKNOWN, VoxelLabels
from voxway.view.render import PAPER, render
from voxway.view.shade import display_colours

_UNKNOWN: tuple[Colour, Colour] = ((214, 216, 222), (196, 199, 208))
"""Stripes of what nobody knows."""
_CLASSLESS: Colour = (90, 90, 90)
_MOVING: Colour = (255, 0, 0)
_GAP_PX = 12


def label_picture(labels: VoxelLabels, width_px: int = 1200) -> UInt8[np.ndarray, "h w 3"]:
    """The volume from behind; beside it from above, ahead upwards; below, the cut straight ahead. What is unknown is
    striped, what is free white, what moves red, and what is occupied without a class dark grey.

    Args:
        labels: of one key frame.
        width_px: width of the picture; its height follows.

    Returns:
        RGB.
    """
    coloured = _coloured(labels)
    half = (width_px - 3 * _GAP_PX) // 2
    above = _scaled(_from_above(labels, coloured)[::-1, ::-1], half)
    behind = render(_drawable(labels), size_px=(above.shape[0], half))
    middle = int(np.clip(-labels.task.grid.lower[1] // labels.task.grid.cell[1], 0, labels.task.grid.shape[1] - 1))
    cut = coloured[:, middle].transpose(1, 0, 2)[::-1]
    cut = _scaled(cut, width_px - 2 * _GAP_PX)
    page = np.empty((above.shape[0] + cut.shape[0] + 3 * _GAP_PX, width_px, 3), np.uint8)
    page[:] = PAPER
    for picture, row, column in (
        (behind, _GAP_PX, _GAP_PX),
        (above, _GAP_PX, 2 * _GAP_PX + half),
        (cut, above.shape[0] + 2 * _GAP_PX, _GAP_PX),
    ):
        page[row : row + picture.shape[0], column : column + picture.shape[1]] = picture
    return page


def _drawable(labels: VoxelLabels) -> Occupancy:
    """The occupied voxels, those without a class as one more class."""
    task, classes = labels.task, labels.label.copy()
    more = Task(
        name=task.name,
        grid=task.grid,
        classes=(*task.classes, "occupied, no class", "what moves"),
        free=task.free,
        palette=(*task.palette, _CLASSLESS, _MOVING),
    )
    classes[labels.occupied & (classes == IGNORE)] = len(task.classes)
    classes[labels.moving] = len(task.classes) + 1
    return replace(Occupancy.unknown(more), classes=torch.from_numpy(classes), labelled=True)


def _coloured(labels: VoxelLabels) -> UInt8[np.ndarray, "x y z 3"]:
    """A colour for each voxel."""
    drawn = _drawable(labels)
    table = np.full((256, 3), 255, np.uint8)
    table[: len(drawn.task.classes)] = display_colours(drawn.task)
    table[drawn.task.free] = 255
    colours = table[drawn.classes.numpy()]
    unknown = labels.state == UNKNOWN
    stripes = np.add.outer(np.add.outer(*map(np.arange, labels.state.shape[:2])), np.arange(labels.state.shape[2]))
    for parity, colour in enumerate(_UNKNOWN):
        colours[unknown & (stripes // 3 % 2 == parity)] = colour
    return colours


def _from_above(labels: VoxelLabels, coloured: UInt8[np.ndarray, "x y z 3"]) -> UInt8[np.ndarray, "x y 3"]:
    """The highest occupied voxel of each column; where there is none, free if any voxel is."""
    chosen = np.where(labels.occupied.any(2), _highest(labels.occupied), _highest(labels.known))
    return np.take_along_axis(coloured, chosen[..., None, None], 2)[:, :, 0]


def _highest(flags: Bool[np.ndarray, "x y z"]) -> np.ndarray:
    return flags.shape[2] - 1 - flags[..., ::-1].argmax(2)


def _scaled(picture: UInt8[np.ndarray, "h w 3"], width: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    height = max(round(picture.shape[0] * width / picture.shape[1]), 1)
    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize((width, height), Image.Resampling.NEAREST))
