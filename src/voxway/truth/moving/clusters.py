"""Clusters: returns whose voxels touch, by faces, edges or corners; what moves grows to the whole of small ones."""

from __future__ import annotations

from itertools import product

import numpy as np
from jaxtyping import Bool, Float64, Int64

from voxway.truth.moving.settings import MovingSettings

_HALF = [way for way in product((-1, 0, 1), repeat=3) if way > (0, 0, 0)]
"""One of each two opposite neighbours."""
_SIDE = 1 << 20
"""Voxels along an axis that a number has room for."""


def clusters(points: Float64[np.ndarray, "p 3"], voxel_m: float) -> Int64[np.ndarray, "p"]:
    """The number of the cluster of each point, from 0.

    Args:
        points: metres.
        voxel_m: edge of the voxels that make clusters by touching.
    """
    if not len(points):
        return np.zeros(0, np.int64)
    codes, own = np.unique(codes_of(points, voxel_m), return_inverse=True)
    first, second = [], []
    for x, y, z in _HALF:
        wanted = codes + (x * _SIDE + y) * _SIDE + z
        place = np.searchsorted(codes, wanted)
        there = np.flatnonzero(codes[np.minimum(place, len(codes) - 1)] == wanted)
        first.append(there)
        second.append(place[there])
    roots = connected(len(codes), np.concatenate(first), np.concatenate(second))
    return np.unique(roots, return_inverse=True)[1][own]


def codes_of(points: Float64[np.ndarray, "p 3"], voxel_m: float) -> Int64[np.ndarray, "p"]:
    """A number for the voxel of each point, within 2^19 voxels of the origin; neighbours differ by the same everywhere.

    Args:
        points: metres.
        voxel_m: edge of the voxels.
    """
    x, y, z = (np.floor(points / voxel_m).astype(np.int64) + _SIDE // 2).T
    return (x * _SIDE + y) * _SIDE + z


def connected(count: int, first: Int64[np.ndarray, "e"], second: Int64[np.ndarray, "e"]) -> Int64[np.ndarray, "n"]:
    """Of each of `count` things, the first that it is connected with by pairs, itself included."""
    root = np.arange(count)
    while len(first):
        a, b = root[first], root[second]
        apart = a != b
        first, second = first[apart], second[apart]
        a, b = a[apart], b[apart]
        # Each root takes the least one that a pair leads to; then all follow to the end of their chain.
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        while True:
            further = root[root]
            if np.array_equal(further, root):
                break
            root = further
    return root


def grown(
    points: Float64[np.ndarray, "p 3"],
    moving: Bool[np.ndarray, "p"],
    ground: Bool[np.ndarray, "p"],
    settings: MovingSettings,
) -> Bool[np.ndarray, "p"]:
    """What moves, with all of each small cluster above the ground of which enough moves.

    Args:
        points: of one scan, metres.
        moving: which of them move.
        ground: which of them are ground.
        settings: size and share of such clusters.
    """
    above = np.flatnonzero(~ground)
    number = clusters(points[above], settings.cluster_m)
    count = np.bincount(number)
    share = np.bincount(number, moving[above]) / np.maximum(count, 1)
    fewest, most = settings.cluster_points
    whole = (count >= fewest) & (count <= most) & (share > settings.grown_share)
    result = moving.copy()
    result[above[whole[number]]] = True
    return result
