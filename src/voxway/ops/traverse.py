"""Which voxels straight lines cross, exactly (Amanatides and Woo, A Fast Voxel Traversal Algorithm, 1987).

Unlike `voxway.ops.raycast`, which bundles all sight lines of a volume, this follows each line by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from voxway.core.grid import Counts

_BATCH = 32768
"""Lines that are followed together: enough to keep numpy busy, few enough for the cache."""
_NOTHING = 1e-9
"""Share of a line that counts as none."""


def crossed(
    origin: Float64[np.ndarray, "p 3"],
    end: Float64[np.ndarray, "p 3"],
    shape: Counts,
    blocks: Bool[np.ndarray, "x y z"] | None = None,
) -> Bool[np.ndarray, "x y z"]:
    """Voxels that at least one line crosses, from border to border, on its way from `origin` to `end`.

    Args:
        origin: where each line starts, in voxels (voxel i spans i to i + 1 along an axis); may lie outside the volume.
        end: where it ends, likewise.
        shape: voxels along x, y, z.
        blocks: where lines stop; such voxels are still crossed. None stops no line.

    Raises:
        ValueError: origins and ends differ in shape or are not finite, or `blocks` has another shape.
    """
    if origin.shape != end.shape or origin.ndim != 2 or origin.shape[1] != 3:
        raise ValueError(f"lines need origins and ends of one shape (p, 3), got {origin.shape} and {end.shape}")
    if not (np.isfinite(origin).all() and np.isfinite(end).all()):
        raise ValueError("origins and ends of lines must be finite, got infinity or NaN")
    if blocks is not None and blocks.shape != shape:
        raise ValueError(f"what blocks lines must have the shape {shape}, got {blocks.shape}")
    seen = np.zeros(math.prod(shape), bool)
    stops = np.zeros_like(seen) if blocks is None else blocks.reshape(-1)
    for start in range(0, len(end), _BATCH):
        lines = _enter(origin[start : start + _BATCH], end[start : start + _BATCH], shape)
        _follow(lines, seen, stops)
    return seen.reshape(shape)


@dataclass(frozen=True)
class _Lines:
    """Lines at the first voxel of the volume that they cross. Shares of a line are 0 at its origin and 1 at its end."""

    voxel: Int64[np.ndarray, "p"]
    """Flat index."""
    leave: Float64[np.ndarray, "p"]
    """Share at which the line ends or leaves the volume."""
    border: Float64[np.ndarray, "p 3"]
    """Share at which it meets the voxel's border along each axis."""
    step: Float64[np.ndarray, "p 3"]
    """Share from one border to the next."""
    hop: Int64[np.ndarray, "p 3"]
    """Change of the flat index at a border."""


def _enter(origin: Float64[np.ndarray, "p 3"], end: Float64[np.ndarray, "p 3"], counts: Counts) -> _Lines:
    """The lines that meet the volume."""
    shape = np.asarray(counts)
    way = end - origin
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = -origin / way, (shape - origin) / way
    still = way == 0
    outside = still & ((origin < 0) | (origin >= shape))
    low, high = np.where(still, -np.inf, low), np.where(still, np.inf, high)
    enter = np.maximum(np.minimum(low, high).max(1), 0)
    leave = np.minimum(np.maximum(low, high).min(1), 1)
    enters = np.flatnonzero((enter < leave) & ~outside.any(1))
    origin, way, enter, leave = origin[enters], way[enters], enter[enters], leave[enters]
    voxel = np.clip(np.floor(origin + way * enter[:, None]), 0, shape - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        border = np.where(way == 0, np.inf, (voxel + (way > 0) - origin) / way)
        step = np.where(way == 0, np.inf, 1 / np.abs(way))
    stride = np.array([shape[1] * shape[2], shape[2], 1])
    hop = (np.sign(way) * stride).astype(np.int64)
    # Borders add up with rounding; a crossing so close to the end is the end.
    return _Lines(voxel.astype(np.int64) @ stride, leave - _NOTHING, border, step, hop)


def _follow(lines: _Lines, seen: Bool[np.ndarray, "v"], stops: Bool[np.ndarray, "v"]) -> None:
    """Mark in `seen` (changed) what the lines cross, all of them one voxel at a time."""
    voxel, leave = lines.voxel, lines.leave
    # One array per axis: several times faster than picking columns.
    (bx, by, bz), (sx, sy, sz), (hx, hy, hz) = (
        np.ascontiguousarray(rows.T) for rows in (lines.border, lines.step, lines.hop)
    )
    while len(voxel):
        seen[voxel] = True
        ahead = np.minimum(np.minimum(bx, by), bz)
        on = (ahead < leave) & ~stops[voxel]
        along_x = bx == ahead
        along_y = ~along_x & (by == ahead)
        along_z = ~(along_x | along_y)
        voxel = voxel + np.where(along_x, hx, np.where(along_y, hy, hz))
        bx, by, bz = np.where(along_x, bx + sx, bx), np.where(along_y, by + sy, by), np.where(along_z, bz + sz, bz)
        voxel, leave, bx, by, bz = voxel[on], leave[on], bx[on], by[on], bz[on]
        sx, sy, sz, hx, hy, hz = sx[on], sy[on], sz[on], hx[on], hy[on], hz[on]
