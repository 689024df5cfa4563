"""Pseudo points: depth maps of a frame and of those before it as occupied voxels, the input of the proposal network.

As the published preparation of VoxFormer and MonoOcc makes them: depth to points in the ego frame, ten sweeps put
together with poses, one bit per voxel of the full grid. The published code also casts rays to mark free voxels, but
keeps only the occupied ones.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.transforms import invert, transform_points
from voxway.data.config import DataConfig
from voxway.data.job import JobOptions
from voxway.prepare.depth import DepthSource, Geometry, depth_source
from voxway.prepare.depth_scale import CheckedDepth
from voxway.prepare.makers import Making

logger = logging.getLogger(__name__)

SWEEPS = 10
_TOLD = 5
"""Frames with fewer than asked for that are told one by one."""
_HIGHEST_M = 80.0


def from_depth(data: DataConfig, options: JobOptions) -> Making:
    """Voxels with pseudo points of `options.sweeps` frames put together, as far as the source has them.

    Raises:
        InputError: a factor of depths that is not positive; see also `depth_source`.
    """
    if not 0 < options.depth_scale < float("inf"):
        raise InputError(
            file="prepare",
            field="--depth-scale",
            expected="a positive number",
            found=options.depth_scale,
            remedy="See `voxway prepare --help` for examples.",
        )
    checked = CheckedDepth(depth_source(data, options), data, options.depth_scale)
    return from_source(data, checked, options.sweeps or SWEEPS)


def from_source(data: DataConfig, source: DepthSource, sweeps: int = SWEEPS) -> Making:
    """The same from any source of depths."""
    geometry = Geometry(data)
    grid = geometry.reader.benchmark.grid

    def points_of(key: str) -> Float32[np.ndarray, "p 3"]:
        depth, known = source.depth(key), geometry.projection(key)
        if known is not None:
            return pseudo_points(depth, *known)
        rows, columns = np.nonzero(np.isfinite(depth) & (depth > 0))
        pixels = torch.from_numpy(np.stack([columns, rows], -1)).double()
        cameras = geometry.cameras(key, (depth.shape[0], depth.shape[1]))
        return cameras.unproject(pixels[None], torch.from_numpy(depth[rows, columns]).double()[None])[0].float().numpy()

    told: list[str] = []

    def wanted_of(key: str) -> list[str]:
        before = [geometry.reader.before(key, back) for back in reversed(range(1, sweeps))]
        return [other for other in dict.fromkeys(before) if other != key]

    def frames_of(key: str) -> list[str]:
        return [*(other for other in wanted_of(key) if source.has(other)), key]

    def sources(key: str) -> list[Path]:
        frames = frames_of(key)
        return [*(path for frame in frames for path in source.files(frame)), *geometry.files(frames)]

    def make(key: str) -> np.ndarray:
        wanted, frames = [*wanted_of(key), key], frames_of(key)
        if len(frames) < len(wanted):
            lacking = next(other for other in wanted if other not in frames)
            _tell(told, f"{key}: points of {len(frames)} frames of {len(wanted)}, nothing is there of {lacking}")
        flags = torch.zeros(grid.shape, dtype=torch.bool)
        for number in frames:
            points = torch.from_numpy(points_of(number))
            if number != key:
                T_key_sweep = invert(geometry.pose(key)) @ geometry.pose(number)
                points = transform_points(T_key_sweep, points.double()).float()
            flags |= holding(points, grid)
        return flags.numpy()

    return Making(make=make, sources=sources, settings={"sweeps": sweeps, **source.settings})


def _tell(told: list[str], line: str) -> None:
    """Say a line, unless many like it were said."""
    told.append(line)
    if len(told) <= _TOLD:
        logger.warning("%s%s", line, "; further ones are not told" if len(told) == _TOLD else "")


def pseudo_points(
    depth: Float32[np.ndarray, "h w"], P: Float64[np.ndarray, "3 4"], T_rect_ego: Float64[np.ndarray, "4 4"]
) -> Float32[np.ndarray, "p 3"]:
    """Points (metres, ego frame) of all pixels whose depth is known; those behind the sensor are dropped.

    ``x = (u - cx) d / fx - P[0, 3] / fx``, ``y`` likewise, ``z = d`` in the frame of camera 0, then the inverse of
    `T_rect_ego`. The third entry of P's last column (millimetres) is left out, as published; `Cameras.unproject` has
    it.

    Args:
        depth: metres along the optical axis of the left colour camera.
        P: KITTI's projection of that camera.
        T_rect_ego: ego (velodyne) to rectified camera 0.
    """
    rows, columns = np.nonzero(np.isfinite(depth) & (depth > 0))
    d = depth[rows, columns].astype(np.float64)
    x = ((columns - P[0, 2]) * d - P[0, 3]) / P[0, 0]
    y = ((rows - P[1, 2]) * d - P[1, 3]) / P[1, 1]
    T_ego_rect = invert(torch.from_numpy(T_rect_ego))
    points = transform_points(T_ego_rect, torch.from_numpy(np.stack([x, y, d], -1))).numpy()
    return points[(points[:, 0] >= 0) & (points[:, 2] < _HIGHEST_M)].astype(np.float32)


def holding(points: Float[Tensor, "p 3"], grid: VoxelGrid) -> Bool[Tensor, "x y z"]:
    """Voxels that hold a point (metres, ego frame) strictly inside the grid's bounds."""
    inside = ((points > points.new_tensor(grid.lower)) & (points < points.new_tensor(grid.upper))).all(-1)
    index = grid.index(points[inside])
    flags = torch.zeros(grid.count, dtype=torch.bool)
    flags[grid.flat(index[grid.holds(index)])] = True
    return flags.view(grid.shape)
