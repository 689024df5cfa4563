"""What LiDAR says of voxels without any label: where its rays end something is, and where they pass nothing is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8

from voxway.core.grid import VoxelGrid
from voxway.core.sample import EVIDENCE_FREE, EVIDENCE_OCCUPIED
from voxway.truth.scan import PlacedScan
from voxway.truth.sight import passed


def evidence(scans: Sequence[PlacedScan], grid: VoxelGrid) -> UInt8[np.ndarray, "x y z"]:
    """0 unknown, 1 where a ray passes, 2 where one ends; of both, its end. What moves may leave ends where it was.

    Args:
        scans: in the frame of the grid; their labels are not looked at.
        grid: where the voxels are.
    """
    found = np.zeros(grid.shape, np.uint8)
    if not scans:
        return found
    found[passed(scans, grid)] = EVIDENCE_FREE
    for scan in scans:
        index = grid.index(torch.from_numpy(scan.points))
        found[tuple(index[grid.holds(index)].numpy().T)] = EVIDENCE_OCCUPIED
    return found
