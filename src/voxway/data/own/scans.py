"""Scans of several LiDARs and times as one, with the columns that networks of a dataset know."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64

from voxway.data.files.scans import move
from voxway.data.own.rig import LidarEntry

Scan = tuple[LidarEntry, Float32[np.ndarray, "_p _c"], Float64[np.ndarray, "4 4"], float]
"""Which LiDAR's, its points, the LiDAR's frame to the one wanted, and the scan's age in seconds."""


def merged(scans: Sequence[Scan], columns: int, highest_intensity: float) -> Float32[np.ndarray, "p c"]:
    """Points of all scans in the frame wanted.

    Args:
        scans: at least one.
        columns: how many: x, y, z, intensity, age, and 0 in more.
        highest_intensity: what full intensity is among them; a LiDAR that says its own is scaled to it.
    """
    parts = []
    for lidar, points, T, age_s in scans:
        part = np.zeros((len(points), max(columns, 3)), np.float32)
        own = min(part.shape[1], points.shape[1], 4)
        part[:, :own] = points[:, :own]
        if lidar.nearest_m:
            part = part[np.hypot(part[:, 0], part[:, 1]) >= lidar.nearest_m]
        if lidar.highest_intensity is not None and part.shape[1] > 3:
            part[:, 3] *= np.float32(highest_intensity / lidar.highest_intensity)
        if part.shape[1] > 4:
            part[:, 4] = age_s
        parts.append(part if np.array_equal(T, np.eye(4)) else move(part, T))
    return np.concatenate(parts)
