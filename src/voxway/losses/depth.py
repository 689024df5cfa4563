"""Supervising a distribution over depth bins with sparse depths (BEVDepth; available in EFFOcc, off in its recipes)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def nearest_bin(
    depth: Float[Tensor, "*n h w"], reduction: int, start: float, step: float, bins: int
) -> Int[Tensor, "*n h2 w2"]:
    """Depth bin of the nearest point in each cell of `reduction` x `reduction` pixels; -1 where there is none.

    Args:
        depth: metres along the optical axis, 0 where unknown.
        reduction: pixels per cell.
        start: metres at which the first bin begins.
        step: metres per bin.
        bins: number of bins; farther points count as none.
    """
    height, width = depth.shape[-2:]
    cells = depth.unflatten(-1, (width // reduction, reduction)).unflatten(-3, (height // reduction, reduction))
    nearest = torch.where(cells > 0, cells, torch.inf).amin((-3, -1))
    index = torch.floor((nearest - (start - step)) / step) - 1
    return torch.where((index >= 0) & (index < bins), index, -1).long()


def depth_cross_entropy(probabilities: Float[Tensor, "*n d h w"], target: Int[Tensor, "*n h w"]) -> Float[Tensor, ""]:
    """Binary cross-entropy of every bin, summed over bins, averaged over cells with a known bin; 0 without any.

    Args:
        probabilities: over bins, which sum to 1.
        target: bin of each cell, -1 where unknown (`nearest_bin`).
    """
    known = target >= 0
    likely = probabilities.movedim(-3, -1)[known].float()
    truth = F.one_hot(target[known], likely.shape[-1]).to(likely)
    return F.binary_cross_entropy(likely, truth, reduction="sum") / known.sum().clamp(min=1)
