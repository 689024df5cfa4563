"""How well poses put scans on each other: what a few steps of registration would still move, and how much overlaps.

Returns of one scan make planes in voxels of half a metre; the next one's returns are compared with them. That is the
cheapest registration that sees centimetres, and it only has to see them, not to find poses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from voxway.truth.moving.clusters import codes_of

_VOXEL_M = 0.5
_LEAST_POINTS = 6
_FLAT = 0.05
"""Share of the smallest of a plane's extents, squared, in all of them."""
_FAR_M = 0.4
_STEPS = 5
_ROBUST_M = 0.05


@dataclass(frozen=True)
class Fit:
    """How one scan lies on another.

    Attributes:
        shift_m: what registration would move it by, metres.
        turn_deg: and turn it by.
        share: of its returns in voxels with a plane, those within 0.4 m of it.
        matched: such returns.
    """

    shift_m: float
    turn_deg: float
    share: float
    matched: int


def fit(first: Float64[np.ndarray, "p 3"], second: Float64[np.ndarray, "q 3"], near_m: float = 40.0) -> Fit:
    """Compare two scans that poses have put into the world.

    Args:
        first: returns, metres.
        second: those of a scan soon after it.
        near_m: returns farther than this from the middle of the first scan are left out.
    """
    middle = np.median(first, axis=0)
    first, second = (points[np.abs(points - middle).max(1) < near_m] - middle for points in (first, second))
    codes, normals, centres = _planes(first)
    T, share, count = np.eye(4), 0.0, 0
    for _ in range(_STEPS if len(codes) else 0):
        moved = second @ T[:3, :3].T + T[:3, 3]
        place = np.searchsorted(codes, code := codes_of(moved, _VOXEL_M)).clip(0, len(codes) - 1)
        there = codes[place] == code
        points, normal = moved[there], normals[place[there]]
        off = np.einsum("pi,pi->p", points - centres[place[there]], normal)
        near = np.abs(off) < _FAR_M
        share, count = float(near.mean()) if len(near) else 0.0, int(near.sum())
        if count < 6:
            break
        points, normal, off = points[near], normal[near], off[near]
        weight = 1 / np.maximum(np.abs(off), _ROBUST_M)
        rows = np.concatenate([np.cross(points, normal), normal], 1)
        step = np.linalg.lstsq((rows * weight[:, None]).T @ rows, -(rows * weight[:, None]).T @ off, rcond=None)[0]
        T = _small(step) @ T
    at = second.mean(0) if len(second) else np.zeros(3)
    turn = np.degrees(np.arccos(np.clip((np.trace(T[:3, :3]) - 1) / 2, -1, 1)))
    return Fit(float(np.linalg.norm(T[:3, :3] @ at + T[:3, 3] - at)), float(turn), share, count)


def _planes(points: Float64[np.ndarray, "p 3"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes of the voxels that hold planes, and normals and middles of these."""
    codes, own, count = np.unique(codes_of(points, _VOXEL_M), return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(own, points[:, axis], len(codes)) for axis in range(3)], 1)
    centres = sums / np.maximum(count, 1)[:, None]
    away = points - centres[own]
    spread = np.zeros((len(codes), 3, 3))
    for i in range(3):
        for j in range(3):
            spread[:, i, j] = np.bincount(own, away[:, i] * away[:, j], len(codes))
    enough = count >= _LEAST_POINTS
    values, vectors = np.linalg.eigh(spread[enough])
    flat = values[:, 0] < _FLAT * values.sum(1)
    return codes[enough][flat], vectors[flat][..., 0], centres[enough][flat]


def _small(step: Float64[np.ndarray, "6"]) -> Float64[np.ndarray, "4 4"]:
    """A small turn (radians about x, y, z) and shift."""
    angle = np.linalg.norm(step[:3])
    x, y, z = step[:3] / angle if angle else step[:3]
    K = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    T = np.eye(4)
    T[:3, :3] = np.eye(3) + np.sin(angle) * K + (1 - np.cos(angle)) * K @ K
    T[:3, 3] = step[3:]
    return T
