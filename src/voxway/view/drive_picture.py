"""A drive from above, before and after what moves was taken out."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8

from voxway.view.render import PAPER

_MOVING = (230, 20, 20)
_GAP_PX = 12
_LOW, _HIGH = 0.02, 0.98
"""Shares of the returns between whose heights colours change."""


def drive_picture(
    points: Float[np.ndarray, "p 3"], moving: Bool[np.ndarray, "p"], side_px: int = 700
) -> UInt8[np.ndarray, "h w 3"]:
    """All returns of a drive from above, what moves in red; beside it, without these.

    Args:
        points: in the world, metres, z up.
        moving: which come from something that moves.
        side_px: length of the longer side of each map.

    Returns:
        RGB; x to the right, y upwards.
    """
    low, high = (points[:, :2].min(0), points[:, :2].max(0)) if len(points) else (np.zeros(2), np.ones(2))
    scale = side_px / max(float((high - low).max()), 1e-3)
    width, height = np.maximum(np.ceil((high - low) * scale).astype(int), 1)
    column, row = np.minimum(((points[:, :2] - low) * scale).astype(int), (width - 1, height - 1)).T
    row = height - 1 - row
    order = np.argsort(points[:, 2], kind="stable")  # what is higher hides what is lower
    shade = _shades(points[:, 2])
    maps = []
    for kept, red in ((order, np.flatnonzero(moving)), (order[~moving[order]], np.zeros(0, int))):
        picture = np.empty((height, width, 3), np.uint8)
        picture[:] = PAPER
        picture[row[kept], column[kept]] = shade[kept]
        picture[row[red], column[red]] = _MOVING
        maps.append(picture)
    gap = np.empty((height, _GAP_PX, 3), np.uint8)
    gap[:] = PAPER
    return np.concatenate([maps[0], gap, maps[1]], 1)


def _shades(height: Float[np.ndarray, "p"]) -> UInt8[np.ndarray, "p 3"]:
    """From light grey, low, to dark blue, high."""
    low, high = np.quantile(height, (_LOW, _HIGH)) if len(height) else (0.0, 1.0)
    share = ((height - low) / max(high - low, 1e-3)).clip(0, 1)[:, None]
    return np.round((1 - share) * (205, 205, 200) + share * (20, 40, 90)).astype(np.uint8)
