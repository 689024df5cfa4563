"""Voxel targets at coarser scales."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from voxway.core.task import IGNORE

_MOSTLY_FREE = 0.95
"""A block with more than this share of free and ignored voxels has no class of its own."""


def downscale(target: UInt8[np.ndarray, "x y z"], factor: int, free: int) -> UInt8[np.ndarray, "x2 y2 z2"]:
    """Downscale a target by whole blocks, by the rule of the published preprocessing (LMSCNet, VoxFormer, MonoOcc).

    A block with more than 95 % free or ignored voxels becomes free if free ones are in the majority, else 255; any
    other block takes its most frequent class, the smaller id on a tie.

    Args:
        target: training ids, 255 for no truth.
        factor: voxels per block along each axis.
        free: training id of free space.

    Raises:
        ValueError: the shape is not a multiple of `factor`.
    """
    if any(size % factor for size in target.shape):
        raise ValueError(f"a target of {target.shape} voxels cannot be downscaled by {factor}: not multiples")
    x, y, z = (size // factor for size in target.shape)
    blocks = target.reshape(x, factor, y, factor, z, factor).transpose(0, 2, 4, 1, 3, 5).reshape(-1, factor**3)
    known_free = (blocks == free).sum(1)
    ignored = (blocks == IGNORE).sum(1)
    result = np.where(known_free > ignored, free, IGNORE).astype(np.uint8)
    mixed = np.flatnonzero(known_free + ignored <= _MOSTLY_FREE * factor**3)
    if len(mixed):
        result[mixed] = _most_frequent(blocks[mixed], free)
    return result.reshape(x, y, z)


def _most_frequent(blocks: UInt8[np.ndarray, "n v"], free: int) -> UInt8[np.ndarray, "n"]:
    """Most frequent class of each block, free and 255 left out; the smaller id on a tie."""
    code = (np.arange(len(blocks), dtype=np.int64)[:, None] << 8) | blocks
    count = np.bincount(code.ravel(), minlength=len(blocks) << 8).reshape(len(blocks), 256)
    count[:, [free, IGNORE]] = 0
    return count.argmax(1).astype(np.uint8)
