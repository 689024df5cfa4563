"""Scene-completion ground truth from labelled LiDAR scans, as SemanticKITTI builds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt16

from voxway.core.benchmark import SEMANTIC_KITTI
from voxway.core.grid import VoxelGrid


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


def build_truth(scans: Sequence[LabelledScan], grid: VoxelGrid = SEMANTIC_KITTI.grid) -> VoxelTruth:
    """Build a key frame's ground truth from its own scan, `scans[0]`, and those that follow (70 more, officially)."""
    raise NotImplementedError
