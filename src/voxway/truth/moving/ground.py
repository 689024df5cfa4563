"""Which returns of a scan are ground: those hardly higher than the lowest ones around, from the vehicle outwards.

The lowest return of each cell of 1 m is ground if the slope from the ground nearer to the vehicle allows it; where it
does not, as under a parked car, the ground is taken to go on.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

_CELL_M = 1.0
_SLOPE = 0.25
_STEP_M = 0.15
"""What a kerb, or the lowest return of a cell, may be higher than the slope allows."""
_BEGIN_M = 4.0
"""Around the vehicle the ground is level, but for a slope of the road."""
_CELLS = 5
"""With returns it takes around the vehicle to tell that height."""
_NEIGHBOURS = 2
"""Cells on either side that tell how high the ground is."""
_LOW = 0.05
"""Share of the lowest returns that may be noise."""


def ground(
    points: Float64[np.ndarray, "p 3"], origin: Float64[np.ndarray, "3"], above_m: float, reach_m: float
) -> Bool[np.ndarray, "p"]:
    """Whether each return lies on the ground.

    Args:
        points: metres, in a frame with z up.
        origin: of the sensor, same frame.
        above_m: how much higher than the ground around a return of it may be.
        reach_m: returns farther off along x or y are taken for no ground.
    """
    near = points - origin
    half = int(np.ceil(reach_m / _CELL_M))
    cell = np.floor(near[:, :2] / _CELL_M).astype(np.int64) + half
    inside = ((cell >= 0) & (cell < 2 * half)).all(1)
    found = np.zeros(len(points), bool)
    if not inside.any():
        return found
    lowest = np.full((2 * half, 2 * half), np.inf)
    np.minimum.at(lowest, tuple(cell[inside].T), near[inside, 2])
    height = _heights(lowest, _first_height(lowest, near))
    x, y = cell[inside].T
    found[inside] = near[inside, 2] < height[x, y] + above_m
    return found


def _first_height(lowest: Float64[np.ndarray, "n n"], near: Float64[np.ndarray, "p 3"]) -> float:
    """Of the ground around the vehicle, or else of what lies nearest."""
    around = lowest[_around(len(lowest) // 2)]
    if np.isfinite(around).sum() >= _CELLS:
        return float(np.median(around[np.isfinite(around)]))
    far = np.hypot(near[:, 0], near[:, 1])
    return float(np.quantile(near[far <= np.quantile(far, 0.1), 2], _LOW))


def _around(half: int) -> tuple[slice, slice]:
    """Cells around the vehicle."""
    span = slice(half - int(_BEGIN_M / _CELL_M), half + int(_BEGIN_M / _CELL_M))
    return span, span


def _heights(lowest: Float64[np.ndarray, "n n"], first: float) -> Float64[np.ndarray, "n n"]:
    """Height of the ground in every cell, ring by ring outwards."""
    half, pad = len(lowest) // 2, _NEIGHBOURS
    height = np.full((len(lowest) + 2 * pad,) * 2, np.nan)
    inner = height[pad:-pad, pad:-pad]
    begin = int(_BEGIN_M / _CELL_M)
    around = _around(half)
    inner[around] = np.where(np.abs(lowest[around] - first) <= _SLOPE * _CELL_M + _STEP_M, lowest[around], first)
    for ring in range(begin, half):
        x, y = _ring(half, ring)
        windows = np.stack([height[x + i, y + j] for i in range(2 * pad + 1) for j in range(2 * pad + 1)])
        predicted = np.nanmean(windows, 0)
        own = lowest[x, y]
        inner[x, y] = np.where(np.abs(own - predicted) <= _SLOPE * _CELL_M + _STEP_M, own, predicted)
    return inner


def _ring(half: int, ring: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells of the square ring that is so many cells off the middle."""
    low, high = half - ring - 1, half + ring
    along = np.arange(low, high + 1)
    x = np.concatenate([along, along, np.full(len(along) - 2, low), np.full(len(along) - 2, high)])
    y = np.concatenate([np.full(len(along), low), np.full(len(along), high), along[1:-1], along[1:-1]])
    return x, y
