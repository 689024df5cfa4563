"""Evidence of a block as a file: counts of the voxels that its scans saw, tile by tile, so that few need be read.

::

    tiles       int32 (n, 3): place of each tile in the world, in tiles of 128 x 128 x 64 voxels
    index_N     uint32 (v,): flat index of each voxel in its tile that was seen
    counts_N    uint8 (3, v): its hits, passes, confirmed views
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from voxway.core.arrays import read_archive
from voxway.core.errors import InputError
from voxway.core.files import atomic_path, reading
from voxway.truth.moving.counters import TILE, Counters, Place, Some

_REMEDY = "Delete it, and it is made again."


def write_evidence(path: Path, counters: Counters) -> None:
    """Write the counts of a block, atomically."""
    places = sorted(counters.tiles)
    arrays = {"tiles": np.array(places, np.int32).reshape(-1, 3)}
    for number, place in enumerate(places):
        some = counters.some(place)
        arrays |= {f"index_{number}": some.index, f"counts_{number}": some.counts}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_evidence(path: Path, wanted: Collection[Place] | None = None) -> dict[Place, Some]:
    """Read the counts of a block.

    Args:
        path: the file.
        wanted: places of the tiles to read; None: all.

    Returns:
        counts of the voxels that were seen, by the place of their tile.

    Raises:
        InputError: absent or damaged.
    """
    with reading(path, _REMEDY):
        data = path.read_bytes()
    rows = read_archive(data, path, ["tiles"], _REMEDY)["tiles"]
    numbers = {(x, y, z): number for number, (x, y, z) in enumerate(rows.tolist())}
    chosen = {place: number for place, number in numbers.items() if wanted is None or place in wanted}
    names = [f"{what}_{number}" for number in chosen.values() for what in ("index", "counts")]
    arrays = read_archive(data, path, names, _REMEDY) if names else {}
    return {place: _some(arrays, number, path) for place, number in chosen.items()}


def _some(arrays: Mapping[str, np.ndarray], number: int, path: Path) -> Some:
    index, counts = arrays[f"index_{number}"], arrays[f"counts_{number}"]
    fits = index.dtype == np.uint32 and index.ndim == 1 and counts.dtype == np.uint8
    if not fits or counts.shape != (3, len(index)) or (len(index) and index.max() >= np.prod(TILE)):
        found = f"{index.dtype} {index.shape} and {counts.dtype} {counts.shape}"
        expected = "uint32 (v,) and uint8 (3, v)"
        raise InputError(file=path, field=f"tile {number}", expected=expected, found=found, remedy=_REMEDY)
    return Some(index, counts)
