"""Targets on a grid that is coarser by a whole factor."""

from __future__ import annotations

import torch
from jaxtyping import UInt8
from torch import Tensor

from voxway.core.task import IGNORE


def shrink_target(target: UInt8[Tensor, "b x y z"], ratio: int, free: int = 0) -> UInt8[Tensor, "b x2 y2 z2"]:
    """The target for logits whose voxels are `ratio` times larger, as OpenOccupancy makes it.

    A block without anything is free. Otherwise its most frequent label wins, 255 being a label and the smaller of two
    winning a tie, but every free voxel of the block counts as a label of its own; if one of those wins, as in a block
    of a single occupied voxel, the block is unknown (255).

    Args:
        target: training ids, 255 where unknown.
        ratio: fine voxels per coarse one and axis; 1 changes nothing.
        free: training id of free space.
    """
    if ratio == 1:
        return target
    blocks = target
    for axis in (1, 3, 5):
        blocks = blocks.unflatten(axis, (-1, ratio))
    blocks = blocks.permute(0, 1, 3, 5, 2, 4, 6).flatten(4)
    most = torch.zeros(blocks.shape[:-1], dtype=torch.long, device=target.device)
    shrunk = torch.full_like(most, free, dtype=torch.uint8)
    for label in blocks.unique().tolist():
        if label != free:
            count = (blocks == label).sum(-1)
            shrunk[count > most] = label
            most = torch.maximum(most, count)
    # Each free voxel, a label of its own below all others, ties with labels that occur once, and wins.
    shrunk[(most == 1) & (blocks == free).any(-1)] = IGNORE
    return shrunk
