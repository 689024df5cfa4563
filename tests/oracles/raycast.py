"""The slow, obvious twin of `voxway.ops.raycast`: follow every sight line voxel by voxel."""

from __future__ import annotations

import math

import numpy as np


def sees(occupied: np.ndarray, voxel: tuple[int, int, int], origin: np.ndarray) -> bool:
    """Whether the centre of `voxel` sees `origin` (in voxels), own voxel and the origin's not counting."""
    line = [origin[axis] - (voxel[axis] + 0.5) for axis in range(3)]
    step = [1 if part > 0 else -1 for part in line]
    between = [abs(1 / part) if part else math.inf for part in line]
    crossing = [0.5 * part for part in between]
    place, end = list(voxel), [math.floor(part) for part in origin]
    while True:
        axis = min(range(3), key=lambda a: crossing[a])
        if crossing[axis] > 1:
            return True
        place[axis] += step[axis]
        crossing[axis] += between[axis]
        if place == end or not all(0 <= place[a] < occupied.shape[a] for a in range(3)):
            return True
        if occupied[tuple(place)]:
            return False


def visible_from(occupied: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """All voxels of a small grid against all `origins` (n, 3), in voxels."""
    seen = [any(sees(occupied, voxel, origin) for origin in origins) for voxel in np.ndindex(occupied.shape)]
    return np.array(seen).reshape(occupied.shape)
