"""The walk of rays through voxels, all rays in lockstep and several volumes at once: the path does not depend on them.

Bit for bit the published walk, whose rounding is part of the definition. A ray runs from float32(start) to
float32(start + direction), in voxels of float32(cell); from there on everything is float64 (Amanatides and Woo, A Fast
Voxel Traversal Algorithm, 1987):

* The start voxel is the start truncated towards zero, not floored. A start less than one voxel below the grid thereby
  lies in the lowest layer, and the border behind it has a negative distance.
* Borders are met at (border - start) / direction and then by repeated addition. On ties z goes before x and y, and y
  before x; a voxel that is crossed along an edge only is visited, too.
* A hit is the first visited voxel that is not free, the start voxel included. Its distance is that at which the ray
  leaves it, in float32 and then times float32(cell). Without a hit it is the last voxel inside the grid.
* A ray that never enters the grid ends in voxel (0, 0, 0) at minus one cell, whatever lies there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int32, Int64, UInt8

from voxway.core.grid import VoxelGrid

_ORIGINS = 8
"""Origins whose rays are followed together: enough to keep NumPy busy, few enough for the cache."""
_FINISHED = 0.15
"""Share of rays from which on those that have finished are taken out."""
_MOST_STEPS = 1001
_OUTSIDE = 0x80
"""Flag of the layer of voxels around the grid; the lower bits say in which volume a voxel is not free."""
_STANDS = 32
"""Octant of a ray that has finished."""


@dataclass(frozen=True)
class Hits:
    """Where rays end: in every volume v, of all rays n; origins one after the other, each with all its directions.

    Attributes:
        classes: id of the voxel; free where nothing was met.
        voxel: its flat index in the grid, C order.
        distance_m: from the origin to where the ray leaves it; negative where a ray never enters, or starts below.
        entered: whether the ray enters the grid at all.
    """

    classes: UInt8[np.ndarray, "v n"]
    voxel: Int32[np.ndarray, "v n"]
    distance_m: Float32[np.ndarray, "v n"]
    entered: Bool[np.ndarray, "n"]

    def stored_short(self) -> Hits:
        """With distances as files of the challenge of 2024 hold them, float16: steps of 0.03 m beyond 32 m."""
        return replace(self, distance_m=self.distance_m.astype(np.float16).astype(np.float32))


def cast(
    volumes: Sequence[UInt8[np.ndarray, "x y z"]],
    origins: Float64[np.ndarray, "o 3"],
    directions: Float32[np.ndarray, "r 3"],
    grid: VoxelGrid,
    free: int,
    precision: Literal["float64", "float32"] = "float64",
) -> Hits:
    """Cast every direction from every origin.

    Args:
        volumes: up to seven, class ids; what is not `free` blocks rays, ids beyond all classes too.
        origins: metres, ego frame; anywhere, finite.
        directions: unit vectors, ego frame.
        grid: of the volumes, with cubic cells. The published walk gives up after 1,001 steps, which an origin hundreds
            of metres above or below the grid needs; here those outside are counted.
        free: id of free space.
        precision: in what start and far point are computed before they are rounded to float32; the challenge of 2024
            does it in float32.

    Raises:
        ValueError: volumes of another shape, none or too many, cells that are no cubes, or origins that are not finite.
    """
    if not 0 < len(volumes) < 8 or any(volume.shape != grid.shape for volume in volumes):
        shapes = [volume.shape for volume in volumes]
        raise ValueError(f"rays are cast through 1 to 7 volumes of {grid.shape}, got {shapes}")
    if len(set(grid.cell)) != 1:
        raise ValueError(f"distances along rays need cubic voxels, got {grid.cell} m")
    if not np.isfinite(origins).all():
        raise ValueError("origins of rays must be finite, got infinity or NaN")
    count = len(origins) * len(directions)
    ends, distance = np.zeros((len(volumes), count), np.int64), np.full((len(volumes), count), -1.0)
    entered = np.zeros(count, bool)
    flags = _flags(volumes, free)
    for first in range(0, len(origins), _ORIGINS):
        rays = _Rays.of(origins[first : first + _ORIGINS].astype(precision), directions, grid)
        inside = rays.enter(grid.shape)
        place = first * len(directions) + inside
        entered[place] = True
        _follow(rays if len(inside) == rays.count else rays.kept(inside), flags, place, ends, distance)
    voxel = np.where(entered, _unpadded(grid.shape).take(ends), np.int32(0))
    classes = np.stack([volume.reshape(-1).take(found) for volume, found in zip(volumes, voxel, strict=True)])
    metres = distance.astype(np.float32) * np.float32(grid.cell[0])
    return Hits(classes, voxel, metres, entered)


def _flags(volumes: Sequence[UInt8[np.ndarray, "x y z"]], free: int) -> UInt8[np.ndarray, "x2 y2 z2"]:
    """A bit for each volume in which a voxel blocks rays, in a grid with one more voxel on each side."""
    flags = np.full([count + 2 for count in volumes[0].shape], _OUTSIDE, np.uint8)
    inner = flags[1:-1, 1:-1, 1:-1]
    inner[:] = 0
    for number, volume in enumerate(volumes):
        inner |= (volume != free).view(np.uint8) << np.uint8(number)
    return flags


def _unpadded(shape: tuple[int, int, int]) -> Int32[np.ndarray, "x2 y2 z2"]:
    """The flat index in the grid of each voxel of the grid with one more on each side, 0 for those."""
    index = np.zeros([count + 2 for count in shape], np.int32)
    index[1:-1, 1:-1, 1:-1] = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    return index


_NEARLY = 1e-3
"""Voxels; far more than what distances are rounded by on the way."""


@dataclass
class _Rays:
    """Rays on their way; axes first."""

    voxel: Int64[np.ndarray, "3 n"]
    border: Float64[np.ndarray, "3 n"]
    """Distance to the next border along each axis, in voxels; infinite where a ray runs beside it."""
    between: Float64[np.ndarray, "3 n"]
    """From one border to the next; 0 where there is none."""
    step: Int64[np.ndarray, "3 n"]

    @classmethod
    def of(cls, origins: Float[np.ndarray, "o 3"], directions: Float32[np.ndarray, "r 3"], grid: VoxelGrid) -> _Rays:
        """Rays in their start voxels, origins one after the other; points are computed in the type of `origins`."""
        kind = origins.dtype
        low = np.asarray(grid.lower, kind)[:, None]
        cell = np.asarray(grid.cell, np.float32).astype(kind)[:, None]
        points = np.ascontiguousarray(directions.T, kind)[:, None] + np.ascontiguousarray(origins.T)[:, :, None]
        far = ((points.reshape(3, -1) - low) / cell).astype(np.float32).astype(np.float64)
        start = ((origins.T - low) / cell).astype(np.float32).astype(np.float64).repeat(len(directions), 1)
        way = far - start
        way /= np.sqrt(way[0] * way[0] + way[1] * way[1] + way[2] * way[2])
        ahead, voxel = way >= 0, np.trunc(start)
        with np.errstate(divide="ignore", invalid="ignore"):
            border = np.where(way == 0, np.inf, (voxel + ahead - start) / way)
            between = np.where(way == 0, 0.0, 1 / np.abs(way))
        return cls(voxel.astype(np.int64), border, between, np.where(ahead, 1, -1))

    @property
    def count(self) -> int:
        """How many there are."""
        return self.voxel.shape[1]

    def kept(self, rows: np.ndarray) -> _Rays:
        """Some of the rays."""
        return _Rays(*(values[:, rows] for values in (self.voxel, self.border, self.between, self.step)))

    def enter(self, shape: tuple[int, int, int]) -> Int64[np.ndarray, "m"]:
        """Bring rays that start outside into the grid; which rays are in it then."""
        counts = np.array(shape)[:, None]
        inside = _within(self.voxel, counts)
        rows = np.flatnonzero(~inside & self._may_enter(counts))
        on = self.kept(rows)
        for _ in range(_MOST_STEPS):
            reachable = np.where(on.step > 0, on.voxel < counts, on.voxel >= 0)
            ahead = np.flatnonzero(reachable.all(0))
            rows, on = rows[ahead], on.kept(ahead)
            if not len(rows):
                break
            axis, each = _next_axis(*on.border), np.arange(len(rows))
            on.voxel[axis, each] += on.step[axis, each]
            on.border[axis, each] += on.between[axis, each]
            within = _within(on.voxel, counts)
            arrived = rows[within]
            self.voxel[:, arrived], self.border[:, arrived] = on.voxel[:, within], on.border[:, within]
            inside[arrived] = True
            still = np.flatnonzero(~within)
            rows, on = rows[still], on.kept(still)
        return np.flatnonzero(inside)

    def _may_enter(self, counts: Int64[np.ndarray, "3 1"]) -> Bool[np.ndarray, "n"]:
        """Which rays may come into the grid: those that leave the slab between two of its walls well before they come
        into another never do. In what is nearly so, the walk decides, whose sums are rounded.
        """
        ahead = self.step > 0
        until_in = np.where(ahead, -self.voxel, self.voxel - counts + 1)
        until_out = np.where(ahead, counts - self.voxel, self.voxel + 1)
        comes = np.where(until_in > 0, self.border + (until_in - 1) * self.between, -np.inf).max(0)
        return comes <= (self.border + (until_out - 1) * self.between).min(0) + _NEARLY


def _within(voxel: Int64[np.ndarray, "3 n"], counts: Int64[np.ndarray, "3 1"]) -> Bool[np.ndarray, "n"]:
    """Which voxels lie in the grid."""
    return np.logical_and.reduce((voxel >= 0) & (voxel < counts))


def _next_axis(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Along which axis the next border lies."""
    return np.where(np.minimum(x, y) >= z, 2, np.where(x < y, 0, 1))


def _hops(shape: tuple[int, ...]) -> Int64[np.ndarray, "36"]:
    """Change of the flat index: of octant (4 times a bit per growing axis) and axis y, x, z, z; last, none."""
    strides = (shape[1] * shape[2], shape[2], 1)
    hops = np.zeros(_STANDS + 4, np.int64)
    for octant in range(8):
        x, y, z = (stride if octant >> axis & 1 else -stride for axis, stride in enumerate(strides))
        hops[4 * octant : 4 * octant + 4] = y, x, z, z
    return hops


def _follow(rays: _Rays, flags: np.ndarray, place: np.ndarray, ends: np.ndarray, distance: np.ndarray) -> None:
    """Follow rays that are in the grid to their ends in every volume.

    Args:
        rays: all inside.
        flags: of `_flags`.
        place: column of each ray in what is written.
        ends: (v, n), changed: flat index of the voxel where a ray ends, in the grid of `flags`.
        distance: (v, n), changed: where it leaves that voxel, in voxels.
    """
    volumes, hops = len(ends), _hops(flags.shape)
    everything = (1 << volumes) - 1
    blocks, (_, wide, high) = flags.reshape(-1), flags.shape
    at = ((rays.voxel[0] + 1) * wide + rays.voxel[1] + 1) * high + rays.voxel[2] + 1
    octant = (4 * (rays.step > 0).T @ np.array([1, 2, 4])).astype(np.uint8)
    (bx, by, bz), (sx, sy, sz) = rays.border, rays.between
    wanted = np.full(len(at), _OUTSIDE | everything, np.uint8)
    leave, hop = np.zeros(len(at)), np.zeros(len(at), np.int64)
    finished = 0

    def end(bits: np.ndarray, column: np.ndarray, index: np.ndarray, left: np.ndarray) -> None:
        for number in range(volumes):
            of = np.flatnonzero(bits & (1 << number))
            ends[number, column[of]], distance[number, column[of]] = index[of], left[of]

    while len(at):
        met = blocks.take(at)
        met &= wanted
        rows = np.flatnonzero(met)
        over_x = bx < by
        nearest = np.minimum(bx, by)
        over_z = nearest >= bz
        last, leave = leave, np.minimum(nearest, bz, out=nearest)
        if len(rows):
            bits = met[rows]
            out = bits >= _OUTSIDE
            gone = rows[out]
            end(wanted[gone], place[gone], at[gone] - hop[gone], last[gone])
            end(np.where(out, 0, bits), place[rows], at[rows], leave[rows])
            wanted[rows] &= ~np.where(out, everything, bits)
            done = rows[wanted[rows] == _OUTSIDE]
            wanted[done], octant[done] = 0, _STANDS
            finished += len(done)
            if finished > _FINISHED * len(at):
                on = np.flatnonzero(wanted)
                at, octant, wanted, place, leave = at[on], octant[on], wanted[on], place[on], leave[on]
                bx, by, bz, sx, sy, sz = bx[on], by[on], bz[on], sx[on], sy[on], sz[on]
                over_x, over_z = over_x[on], over_z[on]
                finished = 0
        over_x &= ~over_z
        hop = hops.take(octant + over_x.view(np.uint8) + 2 * over_z.view(np.uint8))
        at += hop
        bx += sx * over_x
        by += sy * (over_x == over_z)
        bz += sz * over_z
