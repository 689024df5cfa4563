"""Scene-completion ground truth from labelled LiDAR scans, as SemanticKITTI builds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt16

from voxway.core.grid import VoxelGrid
from voxway.ops.raycast import visible_from
from voxway.truth.vote import majority

_SAME_PLACE_M = 0.2


@dataclass(frozen=True)
class LabelledScan:
    """One LiDAR scan with a raw class per point.

    Attributes:
        points: x, y, z in metres (velodyne frame), remission.
        labels: raw class ids; of uint32 only the low 16 bits count, the rest is the instance.
        T_world_velo: LiDAR pose, metres.
    """

    points: Float32[np.ndarray, "p 4"]
    labels: np.ndarray
    T_world_velo: Float[np.ndarray, "4 4"]


@dataclass(frozen=True)
class VoxelTruth:
    """What SemanticKITTI stores for a key frame, in its velodyne frame.

    Attributes:
        labels: raw class per voxel, 0 where nothing was hit.
        occupied: hit by the key scan alone (`.bin`).
        invalid: seen from none of the scan positions; never set on an occupied voxel.
        occluded: not seen from the key scan's position; set on occupied voxels too.
    """

    labels: UInt16[np.ndarray, "x y z"]
    occupied: Bool[np.ndarray, "x y z"]
    invalid: Bool[np.ndarray, "x y z"]
    occluded: Bool[np.ndarray, "x y z"]


def build_truth(scans: Sequence[LabelledScan], grid: VoxelGrid) -> VoxelTruth:
    """Build a key frame's ground truth from its own scan, `scans[0]`, and those that follow (70 more, officially).

    Each voxel takes the raw class that most of its points have, the smaller id on a tie. Unlabelled points (raw 0)
    vote, and block the view, like any other; a voxel that they win is empty in `labels` and `occupied`. Moving objects
    leave traces, as they do in the official data.

    Args:
        scans: the key scan, then later ones in order.
        grid: in the key scan's velodyne frame.

    Raises:
        ValueError: no scans, or one whose points and labels differ in number.
    """
    if not scans:
        raise ValueError("ground truth needs at least the key scan, got no scans")
    votes = [_votes(scan, scans[0], grid) for scan in scans]
    labels, hit = _majority(votes, grid)
    occupied = _majority(votes[:1], grid)[0] != 0
    to_key = np.linalg.inv(scans[0].T_world_velo)
    positions = np.stack([(to_key @ scan.T_world_velo)[:3, 3] for scan in scans])
    seen_from_key = visible_from(hit, positions[:1], grid)
    seen = seen_from_key | visible_from(hit, _apart(positions)[1:], grid)
    return VoxelTruth(labels=labels, occupied=occupied, invalid=~(seen | hit), occluded=~seen_from_key | hit)


def kept(points: Float32[np.ndarray, "p 4"]) -> Bool[np.ndarray, "p"]:
    """Which points of a scan enter the ground truth: 2.5 to 70 m away and not on the ego car."""
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    distance = np.sqrt(x * x + y * y + z * z)
    on_car = (x > -2) & (x < 3) & (np.abs(y) < 2)
    return (distance >= 2.5) & (distance <= 70) & ~on_car


def voxels_of_scan(
    points: Float32[np.ndarray, "p 4"], labels: np.ndarray, grid: VoxelGrid
) -> Bool[np.ndarray, "x y z"]:
    """Voxels that one scan occupies, as `.bin` files hold them.

    Args:
        points: x, y, z in metres (velodyne frame), remission.
        labels: raw class ids, one per point; those of class 0 occupy nothing.
        grid: in the velodyne frame.

    Raises:
        ValueError: points and labels differ in number.
    """
    scan = LabelledScan(points, labels, np.eye(4))
    return _majority([_votes(scan, scan, grid)], grid)[0] != 0


_Votes = tuple[np.ndarray, np.ndarray]
"""Flat voxel index (int64) and raw class (uint16) of every point inside the grid."""


def _votes(scan: LabelledScan, key: LabelledScan, grid: VoxelGrid) -> _Votes:
    if len(scan.points) != len(scan.labels):
        raise ValueError(f"a scan needs a label per point, got {len(scan.points)} points, {len(scan.labels)} labels")
    keep = kept(scan.points)
    points, labels = scan.points[keep, :3], scan.labels[keep].astype(np.uint16)
    if scan is not key:
        T_key_velo = np.linalg.inv(key.T_world_velo) @ scan.T_world_velo
        # Moved in double, placed in single precision: this repeats the published voxels bit for bit.
        points = (points.astype(np.float64) @ T_key_velo[:3, :3].T + T_key_velo[:3, 3]).astype(np.float32)
    index = grid.index(torch.from_numpy(np.ascontiguousarray(points)))
    inside = grid.holds(index)
    return grid.flat(index[inside]).numpy(), labels[inside.numpy()]


def _majority(
    votes: Sequence[_Votes], grid: VoxelGrid
) -> tuple[UInt16[np.ndarray, "x y z"], Bool[np.ndarray, "x y z"]]:
    """Winning raw class of every voxel, 0 without points, and whether it was hit at all."""
    voxel, label = (np.concatenate(parts) for parts in zip(*votes))
    return majority(voxel, label, grid.shape, empty=0)


def _apart(positions: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "m 3"]:
    """Drop positions within a voxel's width of the one kept before: a car that waits sees nothing new."""
    apart = [positions[0]]
    for position in positions[1:]:
        if np.linalg.norm(position - apart[-1]) >= _SAME_PLACE_M:
            apart.append(position)
    return np.stack(apart)
