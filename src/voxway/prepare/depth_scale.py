"""Are depths in metres? A monocular network's may be off by a factor, and proposals made from them lie elsewhere.

Depths are compared with the LiDAR scan of the frame, or where there is none with a flat road below the car.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.files import Json
from voxway.data.config import DataConfig
from voxway.data.reader import holds
from voxway.prepare.depth import DepthSource, Geometry

TOLERANCE = 0.2
"""How far the median ratio may be from 1."""
_LEAST_PIXELS = 50
_LIDAR_RANGE_M = (3.0, 50.0)
_ROAD_RANGE_M = (3.0, 20.0)


def lidar_ratio(depth: Float32[np.ndarray, "h w"], points: Float[Tensor, "p 3"], camera: Cameras) -> float | None:
    """Median of depth over the LiDAR's, on pixels that points (metres, ego frame) fall into; None if too few."""
    pixels, z = (found[0].numpy() for found in camera.project(points.double()))
    ahead = (z > _LIDAR_RANGE_M[0]) & (z < _LIDAR_RANGE_M[1])
    column, row = np.rint(pixels[ahead]).astype(int).T
    inside = (column >= 0) & (column < depth.shape[1]) & (row >= 0) & (row < depth.shape[0])
    return _median_ratio(depth[row[inside], column[inside]], z[ahead][inside])


def road_ratio(depth: Float32[np.ndarray, "h w"], camera: Cameras, ego_height_m: float) -> float | None:
    """Median of depth over that of a flat road `ego_height_m` below the ego frame, in the picture's lower middle."""
    height, width = depth.shape
    row, column = np.mgrid[3 * height // 4 : height, width // 3 : 2 * width // 3].reshape(2, -1)
    pixels = torch.from_numpy(np.stack([column, row], -1)).double()[None]
    near, far = (camera.unproject(pixels, torch.full(pixels.shape[:2], d).double())[0, :, 2] for d in (0.0, 1.0))
    with np.errstate(divide="ignore"):
        expected = (-ego_height_m - near.numpy()) / (far - near).numpy()
    close = (expected > _ROAD_RANGE_M[0]) & (expected < _ROAD_RANGE_M[1])
    return _median_ratio(depth[row[close], column[close]], expected[close])


def _median_ratio(depth: np.ndarray, expected: np.ndarray) -> float | None:
    known = np.isfinite(depth) & (depth > 0)
    return float(np.median(depth[known] / expected[known])) if known.sum() >= _LEAST_PIXELS else None


class CheckedDepth:
    """A source whose first depth of every drive is compared with the scan or the road.

    Args:
        source: where depths come from.
        data: whose frames.
        factor: what depths are multiplied with.
    """

    def __init__(self, source: DepthSource, data: DataConfig, factor: float = 1.0) -> None:
        self.source, self.geometry, self.factor = source, Geometry(data), factor
        self.checked: set[str] = set()

    def has(self, key: str) -> bool:
        """Whether the source has a depth of that frame."""
        return self.source.has(key)

    def files(self, key: str) -> Sequence[Path]:
        """What the source's depth is read or made from."""
        return self.source.files(key)

    @property
    def settings(self) -> dict[str, Json]:
        """The source's, and the factor."""
        return {**self.source.settings, "depth_scale": self.factor}

    def depth(self, key: str) -> Float32[np.ndarray, "h w"]:
        """The source's depth times the factor.

        Raises:
            InputError: its median is more than 20 % off the LiDAR's. If it is off a flat road's, that is logged only.
        """
        depth = self.source.depth(key) * np.float32(self.factor)
        drive = self.geometry.reader.drive(key)
        if drive not in self.checked:
            self._check(depth, key)
            self.checked.add(drive)
        return depth

    def _check(self, depth: Float32[np.ndarray, "h w"], key: str) -> None:
        reader, camera = self.geometry.reader, self.geometry.cameras(key, (depth.shape[0], depth.shape[1]))
        measured = holds(reader, key, "points")
        if measured:
            points = reader.moment(key, frozenset({"points"}), np.random.default_rng(0)).points
            assert points is not None
            ratio = lidar_ratio(depth, points[:, :3], camera)
        else:
            ratio = road_ratio(depth, camera, reader.benchmark.ego_height_m)
        if ratio is None or abs(ratio - 1) <= TOLERANCE:
            return
        error = InputError(
            file=f"depth of {key}",
            field="scale",
            expected=f"metres, within {TOLERANCE:.0%} of " + ("the LiDAR scan" if measured else "a flat road"),
            found=f"{ratio:.2f} times that in the median",
            remedy=f"Take a network of metric depth outdoors, or correct a constant factor: --depth-scale "
            f"{self.factor / ratio:.3g}.",
        )
        if measured:
            raise error
        logging.getLogger(__name__).warning("%s", error)
