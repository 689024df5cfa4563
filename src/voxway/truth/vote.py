"""The class of a voxel is the one that most of its points have."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Int64, UInt

from voxway.core.grid import Counts


def majority(
    voxel: Int64[np.ndarray, "p"], label: UInt[np.ndarray, "p"], shape: Counts, empty: int
) -> tuple[UInt[np.ndarray, "x y z"], Bool[np.ndarray, "x y z"]]:
    """The most frequent label among each voxel's points, the smaller id on a tie; every label is a vote.

    Args:
        voxel: flat C-order index of the voxel that each point lies in.
        label: class id of each point, of 8 or 16 bits.
        shape: voxels along x, y, z.
        empty: id of voxels without points.

    Returns:
        the winners, of the dtype of `label`, and whether each voxel has a point at all.

    Raises:
        ValueError: points and labels differ in number, or an index lies outside the volume.
    """
    if len(voxel) != len(label):
        raise ValueError(f"a vote needs a label per point, got {len(voxel)} points, {len(label)} labels")
    count = math.prod(shape)
    winner, hit = np.full(count, empty, label.dtype), np.zeros(count, bool)
    if len(voxel):
        if not 0 <= voxel.min() <= voxel.max() < count:
            raise ValueError(f"flat indices must be 0..{count - 1}, got {voxel.min()}..{voxel.max()}")
        where, best = _winners(voxel, label, count)
        winner[where], hit[where] = best, True
    return winner.reshape(shape), hit.reshape(shape)


def _winners(
    voxel: Int64[np.ndarray, "p"], label: UInt[np.ndarray, "p"], count: int
) -> tuple[Int64[np.ndarray, "v"], Int64[np.ndarray, "v"]]:
    """The voxels that have points, in order, and the label that wins each; at least one point."""
    present = np.zeros(np.iinfo(label.dtype).max + 1, bool)
    present[label] = True
    ids = np.flatnonzero(present)
    code = np.cumsum(present) - 1
    pair = voxel * len(ids) + code[label]
    # A sort by (voxel, class) puts equal pairs together; 32 bits, where they suffice, sort twice as fast.
    pair = np.sort(pair.astype(np.uint32) if count * len(ids) < 2**32 else pair)
    start = np.flatnonzero(np.concatenate([[True], pair[1:] != pair[:-1]]))
    votes = np.diff(start, append=len(pair))
    where, rank = np.divmod(pair[start].astype(np.int64), len(ids))
    # The largest (votes, -rank) of each voxel: most points, then the smaller id.
    score = votes * len(ids) + (len(ids) - 1 - rank)
    first = np.flatnonzero(np.concatenate([[True], where[1:] != where[:-1]]))
    return where[first], ids[len(ids) - 1 - np.maximum.reduceat(score, first) % len(ids)]
