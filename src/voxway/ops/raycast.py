"""Which voxels can be seen from given points: straight sight lines through an occupancy grid.

A voxel is seen from an origin if the line from its centre to the origin crosses no occupied voxel on the way; the
voxel itself and the one that holds the origin do not count. Tracing every line exactly takes a minute for a
256x256x32 grid and ten origins (`tests/oracles/raycast.py`), so the lines are bundled here: around an origin the grid
falls into four pyramids (+x, -x, +y, -y), a pyramid is swept slab by slab away from the origin, and what is blocked is
remembered per direction. Directions are a product of sideways and upward slopes, chosen so finely that at every
distance neighbours are at most 1 / `fineness` of a voxel apart, and each sight line takes the nearest one.

A slab covers one voxel along the sweep, in which a direction crosses at most two voxels sideways. "Either of two
neighbours is occupied" is stored next to the voxels themselves: in a doubled axis, place 2k stands for voxel k and
place 2k + 1 for k or k + 1, so that a line that enters at k and leaves at l reads place k + l. Upward it crosses at
most two as well, except in the first slabs, where it may cross many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from voxway.core.grid import VoxelGrid


def visible_from(
    occupied: Bool[np.ndarray, "x y z"], origins: Float[np.ndarray, "n 3"], grid: VoxelGrid, fineness: int = 3
) -> Bool[np.ndarray, "x y z"]:
    """Whether each voxel is seen from at least one origin.

    Measured against exact traversal on accumulated LiDAR scans of SemanticKITTI: 99.6 to 99.7 % of all voxels agree
    with the default `fineness`, 99.4 to 99.5 % with 2; the rest lies at the edges of shadows.

    Args:
        occupied: what blocks the view.
        origins: metres, in the frame of the grid; they may lie outside it.
        grid: where the voxels are.
        fineness: directions per voxel; 4 takes about a quarter longer than 2.

    Raises:
        ValueError: the shapes do not fit, or an origin is not finite.
    """
    if occupied.shape != grid.shape:
        raise ValueError(f"occupied must have the grid's shape {grid.shape}, got {occupied.shape}")
    if origins.ndim != 2 or origins.shape[1] != 3 or not np.isfinite(origins).all():
        raise ValueError(f"origins must be finite, of shape (n, 3), got {origins.shape}: {origins.tolist()}")
    along_x = _Volume.of(occupied.transpose(0, 2, 1))
    along_y = _Volume.of(occupied.transpose(1, 2, 0))
    seen = np.zeros(grid.shape, bool)
    for origin in (np.asarray(origins, np.float64) - grid.lower) / grid.cell:
        x, y, z = origin
        _sweep(along_x, (x, z, y), fineness)
        _sweep(along_x.reversed(), (grid.shape[0] - x, z, y), fineness)
        _sweep(along_y, (y, z, x), fineness)
        _sweep(along_y.reversed(), (grid.shape[1] - y, z, x), fineness)
        _see_own_column(occupied, origin, seen)
    seen |= along_x.seen.transpose(0, 2, 1)
    seen |= along_y.seen.transpose(2, 0, 1)
    return seen


@dataclass(frozen=True)
class _Volume:
    """A volume turned so that slabs u follow each other along the sweep, with z upward and v sideways."""

    occupied: UInt8[np.ndarray, "u z v"]
    doubled: UInt8[np.ndarray, "u z8 w"]
    """Sideways doubled, and eight heights to a byte."""
    seen: Bool[np.ndarray, "u z v"]

    @classmethod
    def of(cls, occupied: Bool[np.ndarray, "u z v"]) -> _Volume:
        occupied_bytes = np.ascontiguousarray(occupied).view(np.uint8)
        return cls(occupied_bytes, _double(occupied_bytes), np.zeros(occupied.shape, bool))

    def reversed(self) -> _Volume:
        return _Volume(self.occupied[::-1], self.doubled[::-1], self.seen[::-1])


_NOTHING = 1e-6
"""Distances in voxels that count as none."""
_BITS = np.array([128, 64, 32, 16, 8, 4, 2, 1], np.uint8)


def _double(flags: UInt8[np.ndarray, "*u z v"]) -> UInt8[np.ndarray, "*u z8 w"]:
    """Put "v or v + 1" between v and v + 1 (the last place repeats the last voxel); pack eight heights to a byte."""
    packed = np.packbits(flags, axis=-2)
    doubled = np.empty((*packed.shape[:-1], 2 * packed.shape[-1]), np.uint8)
    doubled[..., ::2] = packed
    np.bitwise_or(packed[..., :-1], packed[..., 1:], out=doubled[..., 1:-1:2])
    doubled[..., -1] = packed[..., -1]
    return doubled


def _sweep(volume: _Volume, origin: tuple[float, float, float], fineness: int) -> None:
    """See the voxels of the pyramid ahead of `origin` (u, z, v; in voxels) that is as wide as it is deep.

    Blocked directions are bits: row = upward slope, column = sideways slope, eight columns to a byte.
    """
    slabs, height, width = volume.occupied.shape
    ahead, up, side = origin
    first = max(int(np.floor(ahead)), 0)
    distance = np.arange(first, slabs) + 0.5 - ahead
    if not len(distance) or distance[-1] < 0.5:
        return
    borders = np.append(max(distance[0] - 0.5, 0.0), distance + 0.5)
    near = int(np.searchsorted(distance, max(up, height - up) + 1))
    sideways = _Sideways.of(distance, borders, side, width, fineness)
    upward = _Upward.of(distance, borders, near, up, height, fineness)
    if sideways is None or upward.count == 0:
        return
    blocked = np.zeros((upward.count, sideways.count // 8), np.uint8)
    for n, slab in enumerate(range(first, slabs)):
        low, high = sideways.targets[n]
        if high > low:
            hidden = blocked.take(upward.target[n], 0).take(sideways.target_byte[n, low:high], 1)
            hidden &= sideways.target_bit[n, low:high]
            if n < near:
                column = _count_below(volume.occupied[slab, :, low:high])
                hidden |= column.take(upward.own_high[n], 0) != column.take(upward.own_low[n], 0)
            volume.seen[slab, :, low:high] |= hidden == 0
        left, right = sideways.active[n]
        bottom, top = upward.active[n]
        if right <= left or top <= bottom:
            continue
        plane = volume.doubled[slab]
        if slab == np.floor(ahead):
            plane = _without_origin(volume.occupied[slab], int(np.floor(up)), int(np.floor(side)))
        heights = plane.take(sideways.place[n, left:right], 1)[:, None] & _BITS[:, None]
        across = np.packbits(heights.reshape(-1, right - left), axis=1)
        if n < near:
            runs = _runs(across, height)
            crossed = runs.take(upward.low_run[n, bottom:top], 0)
            crossed |= runs.take(upward.high_run[n, bottom:top], 0)
        else:
            crossed = _runs(across, 2).take(upward.pair[n, bottom:top], 0)
        blocked[bottom:top, left // 8 : right // 8] |= crossed


def _count_below(flags: UInt8[np.ndarray, "z v"]) -> UInt8[np.ndarray, "z1 v"]:
    """How many flags lie below each height (modulo 256), so that a difference tells whether any lies between two."""
    count = np.zeros((len(flags) + 1, flags.shape[1]), np.uint8)
    np.cumsum(flags, 0, dtype=np.uint8, out=count[1:])
    return count


def _runs(across: UInt8[np.ndarray, "z r"], longest: int) -> UInt8[np.ndarray, "n r"]:
    """Rows "any of 1", then "any of 2", "any of 4" ... heights from each height on, up to runs of `longest`."""
    levels, length = [across], 1
    while 2 * length <= longest:
        level = levels[-1].copy()
        level[:-length] |= levels[-1][length:]
        levels.append(level)
        length *= 2
    return np.concatenate(levels)


def _without_origin(slab: UInt8[np.ndarray, "z v"], z: int, v: int) -> UInt8[np.ndarray, "z8 w"]:
    if 0 <= z < slab.shape[0] and 0 <= v < slab.shape[1]:
        slab = slab.copy()
        slab[z, v] = 0
    return _double(slab)


@dataclass(frozen=True)
class _Sideways:
    """Directions sideways: evenly spaced slopes within -1..1 that meet the grid. Arrays have one row per slab."""

    count: int
    """Number of directions, padded to whole bytes."""
    active: np.ndarray
    """First and past-the-last direction inside the grid, in whole bytes."""
    place: np.ndarray
    """Doubled place that each direction crosses."""
    targets: np.ndarray
    """First and past-the-last voxel inside the pyramid."""
    target_byte: np.ndarray
    """Byte of the direction nearest to the sight line of each voxel ..."""
    target_bit: np.ndarray
    """... and its bit in there."""

    @classmethod
    def of(cls, distance: np.ndarray, borders: np.ndarray, side: float, width: int, fineness: int) -> _Sideways | None:
        density = distance[-1] * fineness
        # Borders at the origin itself (0) see every slope.
        at = np.maximum(borders, _NOTHING)
        left = np.floor(np.maximum(-side / at, -1) * density).astype(int)
        right = np.ceil(np.minimum((width - side) / at, 1) * density).astype(int) + 1
        first = int(left.min())
        count = -(-(int(right.max()) - first) // 8) * 8
        if count <= 0:
            return None
        slope = (np.arange(count) + first) / density
        voxel = np.clip(side + borders[:, None] * slope, 0, width - 1).astype(np.int32)
        active = np.stack([(left[1:] - first) // 8 * 8, -(-(right[1:] - first) // 8) * 8], 1)
        reach = np.where(distance < 0.5, -1.0, distance)
        low = np.clip(np.ceil(side - 0.5 - reach), 0, width).astype(int)
        high = np.clip(np.floor(side - 0.5 + reach) + 1, 0, width).astype(int)
        centre = np.arange(width) + 0.5 - side
        target = np.rint(centre * (density / np.maximum(distance, 0.5))[:, None]).astype(np.int32) - first
        return cls(
            count=count,
            active=active,
            place=voxel[:-1] + voxel[1:],
            targets=np.stack([low, high], 1),
            target_byte=target >> 3,
            target_bit=_BITS[target & 7],
        )


@dataclass(frozen=True)
class _Upward:
    """Directions upward: slopes that lie evenly near the horizon and in constant ratio beyond. One row per slab."""

    count: int
    active: np.ndarray
    """First and past-the-last direction inside the grid."""
    pair: np.ndarray
    """Row of `_runs` for each direction that crosses at most two voxels."""
    low_run: np.ndarray
    """In the first slabs: the row of the longest run that begins at the lowest voxel crossed ..."""
    high_run: np.ndarray
    """... and of the one that ends at the highest; together they cover all."""
    target: np.ndarray
    """Direction nearest to the sight line of each voxel."""
    own_low: np.ndarray
    """First height of a voxel's own column that its sight line crosses before it leaves the slab ..."""
    own_high: np.ndarray
    """... and the height past the last."""

    @classmethod
    def of(cls, distance: np.ndarray, borders: np.ndarray, near: int, up: float, height: int, fineness: int) -> _Upward:
        below, above = (_slopes(reach, distance[-1], fineness) for reach in (up, height - up))
        slope = np.concatenate([-below[::-1], above])
        crossed = np.floor(up + borders[:, None] * slope).astype(np.int32)
        low, high = np.minimum(crossed[:-1], crossed[1:]), np.maximum(crossed[:-1], crossed[1:])
        inside = (low < height) & (high >= 0)
        first = inside.argmax(1)
        last = np.where(inside.any(1), len(slope) - inside[:, ::-1].argmax(1), first)
        low, high = np.clip(low, 0, height - 1), np.clip(high, 0, height - 1)
        rows = -(-height // 8) * 8
        level = np.log2(high[:near] - low[:near] + 1).astype(np.int32)
        voxel = np.arange(height)
        sight = (voxel + 0.5 - up) / np.maximum(distance, 0.5)[:, None]
        border = np.clip(np.floor(up + sight * borders[:-1, None]), -1, height).astype(int)
        rising = border > voxel
        return cls(
            count=len(slope),
            active=np.stack([first, last], 1),
            pair=low + rows * (high > low),
            low_run=level * rows + low[:near],
            high_run=level * rows + high[:near] - (1 << level) + 1,
            target=np.searchsorted((slope[1:] + slope[:-1]) / 2, sight),
            own_low=np.clip(np.where(rising, voxel + 1, border), 0, height),
            own_high=np.clip(np.where(rising, border + 1, voxel), 0, height),
        )


def _slopes(reach: float, far: float, fineness: int) -> np.ndarray:
    """Slopes from the horizon up to `reach` voxels at half a voxel's distance.

    A slope s is inside the grid up to the distance ``min(far, reach / s)``, and there its neighbour lies
    1 / `fineness` of a voxel beside it.
    """
    if reach < _NOTHING:
        return np.zeros(0)
    even = (np.arange(int(np.ceil(reach * fineness))) + 0.5) / (far * fineness)
    ratio = 1 + 1 / (reach * fineness)
    steps = max(int(np.ceil(np.log(reach / 0.5 / even[-1]) / np.log(ratio))), 0)
    return np.concatenate([even, even[-1] * ratio ** np.arange(1, steps + 1)])


def _see_own_column(occupied: np.ndarray, origin: np.ndarray, seen: np.ndarray) -> None:
    """See the voxels straight above and below the origin, which belong to no pyramid."""
    x, y, z = np.floor(origin).astype(int)
    if not (0 <= x < occupied.shape[0] and 0 <= y < occupied.shape[1]):
        return
    height = occupied.shape[2]
    for upwards in (True, False):
        voxels = np.arange(max(z + 1, 0), height) if upwards else np.arange(min(z - 1, height - 1), -1, -1)
        met = np.cumsum(occupied[x, y, voxels])
        seen[x, y, voxels] |= met - occupied[x, y, voxels] == 0
    if 0 <= z < height:
        seen[x, y, z] = True
