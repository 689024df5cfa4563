"""How many scans hit, passed and confirmed the voxels of the world: counts, so that thresholds may change afterwards.

The world is cut into tiles, and only those that a scan touches exist: memory goes with what LiDAR reaches, not with the
length of a drive. Counts go up to 255, which stands for more, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from jaxtyping import Int64, UInt8, UInt32

from voxway.truth.moving.evidence import ScanEvidence

TILE = (128, 128, 64)
"""Voxels of a tile along x, y, z: 25.6 x 25.6 x 12.8 m of 0.2 m each, 3 MB of counts."""
HITS, PASSES, CONFIRMED = 0, 1, 2
"""Places of the counts in a tile."""
Place = tuple[int, int, int]
"""Of a tile in the world, in tiles."""


@dataclass(frozen=True)
class Some:
    """Counts of some voxels of a tile.

    Attributes:
        index: flat index of each in the tile, ascending.
        counts: hits, passes, confirmed views of each.
    """

    index: UInt32[np.ndarray, "v"]
    counts: UInt8[np.ndarray, "3 v"]


@dataclass
class Counters:
    """Counts by tile; see the module.

    Attributes:
        tiles: counts (hits, passes, confirmed; x y z) of each tile by its place.
    """

    tiles: dict[Place, UInt8[np.ndarray, "3 x y z"]] = field(default_factory=dict)

    def add(self, evidence: ScanEvidence) -> None:
        """Count one scan."""
        volumes = (evidence.hit, evidence.passed, evidence.confirmed)
        for place, own, box in _overlaps(evidence.lower, evidence.hit.shape):
            parts = [volume[box] for volume in volumes]
            if not (parts[HITS].any() or parts[PASSES].any()):
                continue
            tile = self.tiles.setdefault(place, np.zeros((3, *TILE), np.uint8))
            for counts, flags in zip(tile, parts):
                part = counts[own]
                part += flags & (part < 255)

    def merge(self, place: Place, some: Some) -> None:
        """Add counts of some voxels of a tile."""
        tile = self.tiles.setdefault(place, np.zeros((3, *TILE), np.uint8)).reshape(3, -1)
        tile[:, some.index] += np.minimum(some.counts, 255 - tile[:, some.index])

    def some(self, place: Place) -> Some:
        """Counts of those voxels of a tile that a scan has seen: a few of a hundred."""
        tile = self.tiles[place].reshape(3, -1)
        index = np.flatnonzero(tile.any(0))
        return Some(index.astype(np.uint32), tile[:, index])

    def at(self, voxel: Int64[np.ndarray, "p 3"]) -> UInt8[np.ndarray, "3 p"]:
        """Counts of voxels of the world; 0 where no tile is."""
        found = np.zeros((3, len(voxel)), np.uint8)
        place, within = np.divmod(voxel, TILE)
        for one, chosen in _grouped(place):
            tile = self.tiles.get(one)
            if tile is not None:
                x, y, z = within[chosen].T
                found[:, chosen] = tile[:, x, y, z]
        return found


def tiles_of(voxel: Int64[np.ndarray, "p 3"]) -> frozenset[Place]:
    """Places of the tiles that hold voxels."""
    return frozenset(one for one, _ in _grouped(np.floor_divide(voxel, TILE)))


def tiles_between(lower: Int64[np.ndarray, "3"], upper: Int64[np.ndarray, "3"]) -> frozenset[Place]:
    """Places of all tiles of a box of voxels, its upper corner included."""
    first, last = np.floor_divide(lower, TILE), np.floor_divide(upper, TILE)
    x, y, z = (range(int(low), int(high) + 1) for low, high in zip(first, last))
    return frozenset(product(x, y, z))


def _grouped(place: Int64[np.ndarray, "p 3"]) -> Iterator[tuple[Place, Int64[np.ndarray, "n"]]]:
    """Places that occur, and which rows have them."""
    if not len(place):
        return
    lower = place.min(0)
    shape = place.max(0) - lower + 1
    code = np.ravel_multi_index(tuple((place - lower).T), tuple(shape))
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    for rows in np.split(order, starts[1:]):
        x, y, z = place[rows[0]].tolist()
        yield (x, y, z), rows


def _overlaps(lower: Int64[np.ndarray, "3"], shape: tuple[int, ...]) -> Iterable[tuple[Place, tuple, tuple]]:
    """Tiles that a box overlaps, with the slices of the overlap in the tile and in the box."""
    for place in tiles_between(lower, lower + np.array(shape) - 1):
        own, box = [], []
        for at, low, count, size in zip(place, lower.tolist(), shape, TILE):
            begin, end = max(at * size, low), min((at + 1) * size, low + count)
            own.append(slice(begin - at * size, end - at * size))
            box.append(slice(begin - low, end - low))
        yield place, tuple(own), tuple(box)
