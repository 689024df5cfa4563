"""Counts of the world around key frames, from the evidence of the blocks about their time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from voxway.core.grid import VoxelGrid
from voxway.prepare.occupancy.evidence_files import read_evidence
from voxway.prepare.occupancy.work import DriveWork
from voxway.truth.key_volume import Surroundings
from voxway.truth.moving.counters import CONFIRMED, HITS, TILE, Place, Some, tiles_between

_SURE = 3
"""Scans near in time that must have seen a voxel, hit or free, before they overrule others."""


def surroundings(work: DriveWork, blocks: range, block: int, T_world_frames: list[np.ndarray]) -> Surroundings:
    """Counts of the world around some key frames of one block.

    Something that stood for long and then left was hit far more often than it was seen to be gone. So blocks are asked
    from the frames' own outwards: those nearest in time that know a voxel tell whether something is there at the time.

    Args:
        work: on the drive.
        blocks: whose evidence counts.
        block: that of the frames.
        T_world_frames: where they are, metres.
    """
    voxel_m = work.settings.moving.voxel_m
    corners = np.concatenate([_corners(work.grid) @ T[:3, :3].T + T[:3, 3] for T in T_world_frames])
    lower = np.floor(corners.min(0) / voxel_m).astype(np.int64) - 1
    shape = np.floor(corners.max(0) / voxel_m).astype(np.int64) + 2 - lower
    wanted = tiles_between(lower, lower + shape - 1)
    total = np.zeros((3, int(shape.prod())), np.uint8)
    recent = np.zeros((2, total.shape[1]), np.uint8)  # hits and confirmed, of the nearest blocks that know enough
    for aside in range(max(block - blocks.start, blocks.stop - 1 - block) + 1):
        ready = recent.max(0) >= _SURE
        for number in sorted({block - aside, block + aside} & set(blocks)):
            for place, some in read_evidence(work.evidence_path(number), wanted).items():
                flat, counts = _in_box(place, some, lower, shape)
                total[:, flat] += np.minimum(counts, 255 - total[:, flat])
                asked = ~ready[flat]
                flat, counts = flat[asked], counts[[HITS, CONFIRMED]][:, asked]
                recent[:, flat] += np.minimum(counts, 255 - recent[:, flat])
    gone = (recent.max(0) >= _SURE) & (recent[1] > recent[0])
    hits, passes, confirmed = total.reshape(3, *shape)
    return Surroundings(lower, voxel_m, hits, passes, confirmed, gone.reshape(shape))


def _corners(grid: VoxelGrid) -> Float64[np.ndarray, "8 3"]:
    ends = np.array([grid.lower, grid.upper])
    return np.array([ends[list(bits), range(3)] for bits in np.ndindex(2, 2, 2)])


def _in_box(
    place: Place, some: Some, lower: Int64[np.ndarray, "3"], shape: Int64[np.ndarray, "3"]
) -> tuple[Int64[np.ndarray, "v"], UInt8[np.ndarray, "3 v"]]:
    """Flat index in a box of those voxels of a tile that lie in it, and their counts."""
    flat, inside = np.zeros(len(some.index), np.int64), np.ones(len(some.index), bool)
    for within, at, low, count, size in zip(np.unravel_index(some.index, TILE), place, lower, shape, TILE):
        index = within + (at * size - low)
        inside &= (index >= 0) & (index < count)
        flat = flat * count + index
    return flat[inside], some.counts[:, inside]
