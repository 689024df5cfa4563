"""The slow, obvious twin of `voxway.metrics.rays`: one ray after the other, in the scalars of Python and NumPy."""

from __future__ import annotations

import math

import numpy as np

from voxway.core.grid import VoxelGrid

End = tuple[int, tuple[int, int, int], np.float32]
"""Class, voxel and distance in metres."""


def ray(volume: np.ndarray, origin: np.ndarray, direction: np.ndarray, grid: VoxelGrid, free: int) -> End:
    """Where one ray ends in one volume."""
    cell = float(np.float32(grid.cell[0]))
    start = [float(np.float32((float(origin[a]) - grid.lower[a]) / cell)) for a in range(3)]
    far = [float(np.float32((float(direction[a]) + float(origin[a]) - grid.lower[a]) / cell)) for a in range(3)]
    way = [far[a] - start[a] for a in range(3)]
    length = math.sqrt(way[0] * way[0] + way[1] * way[1] + way[2] * way[2])
    way = [one / length for one in way]
    voxel = [math.trunc(one) for one in start]
    step = [1 if one >= 0 else -1 for one in way]
    border, between = [math.inf] * 3, [math.inf] * 3
    for a in range(3):
        if way[a] != 0:
            border[a] = (voxel[a] + (step[a] > 0) - start[a]) / way[a]
            between[a] = step[a] / way[a]
    last: tuple[tuple[int, int, int], float] | None = None
    for _ in range(1001):
        if border[0] < border[1]:
            axis = 0 if border[0] < border[2] else 2
        else:
            axis = 1 if border[1] < border[2] else 2
        x, y, z = voxel
        if all(0 <= voxel[a] < grid.shape[a] for a in range(3)):
            last = (x, y, z), border[axis]
            if volume[x, y, z] != free:
                break
        elif last is not None:
            break
        voxel[axis] += step[axis]
        border[axis] += between[axis]
    place, distance = ((0, 0, 0), -1.0) if last is None else last
    return int(volume[place]), place, np.float32(distance) * np.float32(grid.cell[0])


def counts(
    truths: np.ndarray,
    guesses: np.ndarray,
    distances: np.ndarray,
    free: int,
    classes: int,
    thresholds: tuple[float, ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rays by class in truth, in prediction, and right at each threshold.

    Args:
        truths: class of each ray in the truth (n).
        guesses: in the prediction.
        distances: (2, n) float32 metres, in truth and prediction.
        free: id of free space.
        classes: how many.
        thresholds: metres.
    """
    gt, pred, tp = np.zeros(classes, int), np.zeros(classes, int), np.zeros((len(thresholds), classes), int)
    for truth, guess, near, far in zip(truths, guesses, *distances, strict=True):
        if truth == free:
            continue
        if truth < classes:
            gt[truth] += 1
        if guess < classes:
            pred[guess] += 1
        for number, limit in enumerate(thresholds):
            if truth == guess and truth < classes and abs(near - far) < limit:
                tp[number, truth] += 1
    return gt, pred, tp
