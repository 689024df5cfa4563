"""Viewpoints: a few fixed, named cameras around a grid, so that two pictures of it can be laid side by side."""

from __future__ import annotations

from math import cos, radians, sin
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from voxway.core.errors import nearest
from voxway.core.grid import VoxelGrid

VIEWPOINTS = MappingProxyType(
    {
        "behind": (0.0, -38.0),
        "corner": (32.0, -32.0),
        "left": (-90.0, -38.0),
        "right": (90.0, -38.0),
        "above": (0.0, -90.0),
    }
)
"""Name -> yaw and pitch of the viewing direction in degrees; yaw 0 looks forward, pitch -90 straight down."""

_DISTANCE = 1.5
"""Distance from the centre of the grid in half diagonals: near enough for perspective, far enough to be outside."""

_MARGIN = 0.96


def projection(name: str, grid: VoxelGrid, size_px: tuple[int, int]) -> Float[np.ndarray, "3 4"]:
    """Ego metres to homogeneous pixels of an image of (height, width) `size_px` that just holds the whole grid.

    Raises:
        InputError: no viewpoint has that name.
    """
    extrinsics = _extrinsics(name, grid)
    low, high = _frame(extrinsics, grid)
    height, width = size_px
    focal = _MARGIN * min(width / (high[0] - low[0]), height / (high[1] - low[1]))
    centre = np.array([width - 1, height - 1]) / 2 - focal * (low + high) / 2
    return np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]]) @ extrinsics


def slenderness(name: str, grid: VoxelGrid) -> float:
    """Height over width of the whole grid as seen from a viewpoint.

    Raises:
        InputError: no viewpoint has that name.
    """
    low, high = _frame(_extrinsics(name, grid), grid)
    return float((high[1] - low[1]) / (high[0] - low[0]))


def _extrinsics(name: str, grid: VoxelGrid) -> Float[np.ndarray, "3 4"]:
    """Ego to camera axes: x right, y down, z forward, metres."""
    if name not in VIEWPOINTS:
        raise nearest(name, list(VIEWPOINTS), "camera")
    yaw, pitch = (radians(angle) for angle in VIEWPOINTS[name])
    forward = np.array([cos(yaw) * cos(pitch), sin(yaw) * cos(pitch), sin(pitch)])
    right = np.array([sin(yaw), -cos(yaw), 0.0])
    rotation = np.stack([right, np.cross(forward, right), forward])
    lower, upper = np.array(grid.lower), np.array(grid.upper)
    eye = (lower + upper) / 2 - forward * _DISTANCE * np.linalg.norm(upper - lower) / 2
    return np.concatenate([rotation, -(rotation @ eye)[:, None]], 1)


def _frame(extrinsics: np.ndarray, grid: VoxelGrid) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    """Low and high corner of the box around the projected grid, on the image plane one metre before the camera."""
    corners = np.stack(np.meshgrid(*zip(grid.lower, grid.upper), indexing="ij"), -1).reshape(-1, 3)
    seen = corners @ extrinsics[:, :3].T + extrinsics[:, 3]
    plane = seen[:, :2] / seen[:, 2:]
    return plane.min(0), plane.max(0)
