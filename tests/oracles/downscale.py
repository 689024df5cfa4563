"""The slow, obvious twin of `voxway.truth.downscale`: the published rule, block by block."""

from __future__ import annotations

import numpy as np


def downscale(target: np.ndarray, factor: int, free: int) -> np.ndarray:
    """Training ids (x, y, z), 255 for no truth, in blocks of `factor` voxels along each axis."""
    result = np.zeros([size // factor for size in target.shape], np.uint8)
    for index in np.ndindex(result.shape):
        block = target[tuple(slice(i * factor, (i + 1) * factor) for i in index)].ravel()
        empty, ignored = np.sum(block == free), np.sum(block == 255)
        if empty + ignored > 0.95 * block.size:
            result[index] = free if empty > ignored else 255
        else:
            result[index] = np.bincount(block[(block != free) & (block != 255)]).argmax()
    return result
