"""Raster: the nearest face behind every pixel, on the CPU, in numpy. No display, no GL."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from voxway.core.grid import VoxelGrid
from voxway.view.surface import Faces

_NEAR = 0.3
"""Metres before the camera within which faces are left out; nothing has to be clipped then."""

_CANDIDATES = 1 << 21
"""Pairs of face and pixel looked at together; bounds memory, does not change the image."""

_OVERLAP = 1e-3
"""Share of a cell by which faces overlap, so that rounding leaves no gaps between neighbours."""


@dataclass(frozen=True, kw_only=True)
class Rays:
    """Rays of a pinhole camera through pixel centres (u, v): ``origin + depth * (directions @ (u, v, 1))``, ego metres.

    Attributes:
        projection: ego metres to homogeneous pixels.
        origin: optical centre.
        directions: inverse of the left part of the projection, so that depth is measured along the optical axis.
    """

    projection: Float[np.ndarray, "3 4"]
    origin: Float[np.ndarray, "3"]
    directions: Float[np.ndarray, "3 3"]

    @classmethod
    def of(cls, projection: Float[np.ndarray, "3 4"]) -> Rays:
        """The rays of a camera given by its projection."""
        directions = np.linalg.inv(projection[:, :3])
        return cls(projection=projection, origin=-directions @ projection[:, 3], directions=directions)

    def along(self, axis: int, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Component of the ray directions along one ego axis at pixels (u, v)."""
        a, b, c = self.directions[axis].astype(np.float32)
        return a * u + b * v + c


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What each pixel sees: row of `Faces`, -1 for the background; depth in metres along the optical axis, or inf."""

    face: Int[np.ndarray, "h w"]
    depth: Float[np.ndarray, "h w"]


def rasterise(faces: Faces, grid: VoxelGrid, rays: Rays, size_px: tuple[int, int]) -> Picture:
    """Find the nearest face behind every pixel of an image of (height, width) `size_px`.

    Every face whose front is seen marks the pixels of its bounding box as candidates; the ray through the pixel is cut
    with the plane of the face, and the nearest cut that lies within the face wins. Ties go to the lower row of `faces`.
    """
    height, width = size_px
    nearest = np.full(height * width, np.iinfo(np.uint64).max, np.uint64)
    for axis in range(3):
        rows = np.flatnonzero((faces.direction // 2 == axis) & _fronts(faces, grid, rays))
        boxes = _boxes(_corners(faces, rows, axis, grid), rays, size_px)
        seen = (boxes[:, 2] > 0) & (boxes[:, 3] > 0)
        rows, boxes = rows[seen], boxes[seen]
        ends = np.cumsum(boxes[:, 2] * boxes[:, 3])
        cuts = np.searchsorted(ends, np.arange(_CANDIDATES, ends[-1] if len(ends) else 0, _CANDIDATES))
        for part in np.split(np.arange(len(rows)), np.unique(cuts)):
            _mark(nearest, faces, rows[part], boxes[part], axis, grid, rays, width)
    empty = nearest == np.iinfo(np.uint64).max
    face = np.where(empty, -1, (nearest & np.uint64(0xFFFFFFFF)).astype(np.int64))
    depth = np.where(empty, np.float32(np.inf), (nearest >> np.uint64(32)).astype(np.uint32).view(np.float32))
    return Picture(face=face.reshape(size_px), depth=depth.reshape(size_px))


def _planes(faces: Faces, rows: np.ndarray, axis: int, grid: VoxelGrid) -> Float[np.ndarray, "f"]:
    """Where faces of one axis lie on it, metres."""
    return grid.lower[axis] + (faces.index[rows, axis] + faces.direction[rows] % 2) * grid.cell[axis]


def _fronts(faces: Faces, grid: VoxelGrid, rays: Rays) -> Bool[np.ndarray, "f"]:
    """Whether the camera stands on the open side of each face."""
    rows, axes = np.arange(len(faces)), faces.direction // 2
    outward = faces.direction.astype(np.int64) % 2
    plane = np.array(grid.lower)[axes] + (faces.index[rows, axes] + outward) * np.array(grid.cell)[axes]
    return (rays.origin[axes] - plane) * (2 * outward - 1) > 0


def _corners(faces: Faces, rows: np.ndarray, axis: int, grid: VoxelGrid) -> Float[np.ndarray, "f 4 3"]:
    first, second = (axis + 1) % 3, (axis + 2) % 3
    low = np.array(grid.lower) + faces.index[rows] * np.array(grid.cell)
    corners = np.repeat(low[:, None], 4, 1)
    corners[..., axis] = _planes(faces, rows, axis, grid)[:, None]
    corners[:, 1::2, first] += grid.cell[first]
    corners[:, 2:, second] += grid.cell[second]
    return corners


def _boxes(corners: Float[np.ndarray, "f 4 3"], rays: Rays, size_px: tuple[int, int]) -> Int[np.ndarray, "f 4"]:
    """Left, top, width, height in pixels of the box around each face, cut to the image; no size behind the camera."""
    seen = corners @ rays.projection[:, :3].T + rays.projection[:, 3]
    ahead = seen[..., 2].min(1, keepdims=True) >= _NEAR
    pixels = seen[..., :2] / np.maximum(seen[..., 2:], _NEAR)
    height, width = size_px
    limit = np.array([width, height])
    low = np.clip(np.ceil(pixels.min(1)), 0, limit).astype(np.int64)
    high = np.clip(np.floor(pixels.max(1)) + 1, 0, limit).astype(np.int64)
    spans = np.where(ahead, np.maximum(high - low, 0), 0)
    return np.concatenate([low, spans], 1)


def _mark(
    nearest: np.ndarray,
    faces: Faces,
    rows: np.ndarray,
    boxes: np.ndarray,
    axis: int,
    grid: VoxelGrid,
    rays: Rays,
    width: int,
) -> None:
    """Enter faces of one axis into `nearest`: depth in the high 32 bits, row in the low ones."""
    if not len(rows):
        return
    areas = boxes[:, 2] * boxes[:, 3]
    item = np.repeat(np.arange(len(rows), dtype=np.int32), areas)
    within = np.arange(len(item), dtype=np.int32) - np.repeat((np.cumsum(areas) - areas).astype(np.int32), areas)
    left, top, wide = (boxes[:, column].astype(np.int32)[item] for column in range(3))
    down = within // wide
    column, row = left + within - down * wide, top + down
    u, v = column.astype(np.float32), row.astype(np.float32)
    reach = (_planes(faces, rows, axis, grid) - rays.origin[axis]).astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = reach[item] / rays.along(axis, u, v)
        inside = depth > 0
        for other in ((axis + 1) % 3, (axis + 2) % 3):
            middle = grid.lower[other] + (faces.index[rows, other] + 0.5) * grid.cell[other] - rays.origin[other]
            distance = np.abs(depth * rays.along(other, u, v) - middle.astype(np.float32)[item])
            inside &= distance <= np.float32(grid.cell[other] * (0.5 + _OVERLAP))
    item, depth, pixel = item[inside], depth[inside], (row * width + column)[inside]
    # Bits of positive floats are ordered as the floats are, so one integer minimum decides depth and then row.
    key = (depth.view(np.uint32).astype(np.uint64) << np.uint64(32)) | rows[item].astype(np.uint64)
    np.minimum.at(nearest, pixel, key)
