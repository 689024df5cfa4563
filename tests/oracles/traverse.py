"""The slow, obvious twin of `voxway.ops.traverse`: cut a line at every border and look where the pieces lie."""

from __future__ import annotations

import itertools
import math

import numpy as np

Voxel = tuple[int, ...]


def line(
    origin: np.ndarray, end: np.ndarray, shape: tuple[int, int, int], blocks: np.ndarray | None = None
) -> list[Voxel]:
    """Voxels on a line (in voxels), from the shares at which it meets any border, in order, as far as one blocks."""
    shares = {0.0, 1.0}
    for axis, count in enumerate(shape):
        if end[axis] != origin[axis]:
            shares |= {(border - origin[axis]) / (end[axis] - origin[axis]) for border in range(count + 1)}
    found: list[Voxel] = []
    for before, after in itertools.pairwise(sorted(share for share in shares if 0 <= share <= 1)):
        if after - before < 1e-9:
            continue
        place = tuple(math.floor(v) for v in origin + (before + after) / 2 * (end - origin))
        if not all(0 <= place[axis] < shape[axis] for axis in range(3)):
            continue
        found.append(place)
        if blocks is not None and blocks[place]:
            break
    return found


def crossed(
    origin: np.ndarray, end: np.ndarray, shape: tuple[int, int, int], blocks: np.ndarray | None = None
) -> np.ndarray:
    """All lines, one after the other."""
    seen = np.zeros(shape, bool)
    for start, stop in zip(origin, end):
        for place in line(start, stop, shape, blocks):
            seen[place] = True
    return seen
