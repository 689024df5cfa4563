"""Are depths in metres? A monocular network's may be off by a factor, and proposals made from them lie elsewhere.

Depths are compared with the LiDAR scan of the frame, or where there is none with a flat road below the car.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from voxway.core.errors import InputError
from voxway.data.semantickitti.layout import Calibration, SequenceFiles, read_scan
from voxway.prepare.depth import DepthSource, calibration

TOLERANCE = 0.2
"""How far the median ratio may be from 1."""
LIDAR_HEIGHT_M = 1.73
"""KITTI's LiDAR above the road."""
_LEAST_PIXELS = 50
_LIDAR_RANGE_M = (3.0, 50.0)
_ROAD_RANGE_M = (3.0, 20.0)


def lidar_ratio(
    depth: Float32[np.ndarray, "h w"], points: Float[np.ndarray, "p 3"], known: Calibration
) -> float | None:
    """Median of depth over the LiDAR's, on pixels that points (metres, velodyne frame) fall into; None if too few."""
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], 1)
    u, v, z = known.P2 @ known.T_cam_velo @ homogeneous.T
    ahead = (z > _LIDAR_RANGE_M[0]) & (z < _LIDAR_RANGE_M[1])
    column, row = (np.rint(axis[ahead] / z[ahead]).astype(int) for axis in (u, v))
    inside = (column >= 0) & (column < depth.shape[1]) & (row >= 0) & (row < depth.shape[0])
    return _median_ratio(depth[row[inside], column[inside]], z[ahead][inside])


def road_ratio(depth: Float32[np.ndarray, "h w"], known: Calibration) -> float | None:
    """Median of depth over that of a flat road `LIDAR_HEIGHT_M` below the LiDAR, in the lower middle of the picture."""
    height, width = depth.shape
    row, column = np.mgrid[3 * height // 4 : height, width // 3 : 2 * width // 3].reshape(2, -1)
    pixels = np.stack([column, row, np.ones_like(row)]).astype(float)
    K, offset = known.P2[:, :3], known.P2[:, 3]
    # A point of depth z is z * ray + centre in the frame of camera 0, and R^T (that - t) in the LiDAR's.
    ray, centre = np.linalg.solve(K, pixels), -np.linalg.solve(K, offset)
    up = known.T_cam_velo[:3, 2]
    with np.errstate(divide="ignore"):
        expected = (-LIDAR_HEIGHT_M - up @ (centre - known.T_cam_velo[:3, 3])) / (up @ ray)
    near = (expected > _ROAD_RANGE_M[0]) & (expected < _ROAD_RANGE_M[1])
    return _median_ratio(depth[row[near], column[near]], expected[near])


def _median_ratio(depth: np.ndarray, expected: np.ndarray) -> float | None:
    known = np.isfinite(depth) & (depth > 0)
    return float(np.median(depth[known] / expected[known])) if known.sum() >= _LEAST_PIXELS else None


class CheckedDepth:
    """A source whose first depth of every sequence is compared with the scan or the road.

    Args:
        source: where depths come from.
        root: folder that holds `sequences/`.
        factor: what depths are multiplied with.
    """

    def __init__(self, source: DepthSource, root: Path, factor: float = 1.0) -> None:
        self.source, self.root, self.factor = source, root, factor
        self.checked: set[str] = set()

    def has(self, sequence: str, frame: int) -> bool:
        """As the source."""
        return self.source.has(sequence, frame)

    def depth(self, sequence: str, frame: int) -> Float32[np.ndarray, "h w"]:
        """The source's depth times the factor.

        Raises:
            InputError: its median is more than 20 % off the LiDAR's. If it is off a flat road's, that is logged only.
        """
        depth = self.source.depth(sequence, frame) * np.float32(self.factor)
        if sequence not in self.checked:
            self._check(depth, sequence, frame)
            self.checked.add(sequence)
        return depth

    def _check(self, depth: Float32[np.ndarray, "h w"], sequence: str, frame: int) -> None:
        scan, known = SequenceFiles(self.root, sequence).scan(frame), calibration(self.root, sequence)
        measured = scan.exists()
        ratio = lidar_ratio(depth, read_scan(scan)[:, :3], known) if measured else road_ratio(depth, known)
        if ratio is None or abs(ratio - 1) <= TOLERANCE:
            return
        error = InputError(
            file=f"depth of {sequence}/{frame:06d}",
            field="scale",
            expected=f"metres, within {TOLERANCE:.0%} of " + ("the LiDAR scan" if measured else "a flat road"),
            found=f"{ratio:.2f} times that in the median",
            remedy=f"Take a network of metric depth outdoors, or correct a constant factor: --depth-scale "
            f"{self.factor / ratio:.3g}.",
        )
        if measured:
            raise error
        logging.getLogger(__name__).warning("%s", error)
