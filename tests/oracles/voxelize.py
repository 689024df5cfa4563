"""Slow obvious twin of `voxway.ops.voxelize`."""

import math

import numpy as np


def voxelize_loop(points, grid, max_points, max_voxels):
    """One sample, point by point: {(z, y, x): points}, in the order of first appearance."""
    voxels = {}
    for point in points.numpy():
        position = (point[:3] - np.float32(grid.lower)) / np.float32(grid.cell)
        if not np.isfinite(position).all():
            continue
        cell = tuple(math.floor(p) for p in position)
        if not all(0 <= c < n for c, n in zip(cell, grid.shape)):
            continue
        key = cell[::-1]
        if key not in voxels and len(voxels) == max_voxels:
            continue
        kept = voxels.setdefault(key, [])
        if len(kept) < max_points:
            kept.append(point)
    return voxels
