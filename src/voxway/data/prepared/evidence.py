"""Evidence of LiDAR's rays as packed bits.

::

    <folder>/08/evidence/000005.evidence     a bit per voxel where rays pass, then one where they end
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.sample import EVIDENCE_FREE, EVIDENCE_OCCUPIED
from voxway.core.task import Task
from voxway.data.files.flags import read_flags, write_flags
from voxway.data.prepared.lies_on import LiesOn


@dataclass(frozen=True)
class Evidence:
    """What rays say of voxels: 0 unknown, 1 free, 2 occupied."""

    need: str = "evidence"
    lies_on: LiesOn = "voxels"

    def path(self, folder: Path, key: str) -> Path:
        """``<folder>/<drive>/evidence/<frame>.evidence``."""
        drive, _, frame = key.rpartition("/")
        return Path(folder) / drive / "evidence" / f"{frame}.evidence"

    def read(self, path: Path, task: Task, cameras: Cameras | None = None) -> UInt8[Tensor, "x y z"]:
        """Read the file.

        Raises:
            InputError: missing file, not two bits per voxel of the task's grid, or voxels that are free and occupied.
        """
        x, y, z = task.grid.shape
        free, occupied = np.split(read_flags(path, replace(task.grid, shape=(2 * x, y, z))), 2)
        if (free & occupied).any():
            raise InputError(
                file=path,
                field="bits",
                expected="voxels that are free, occupied or neither",
                found=f"{int((free & occupied).sum())} that are both",
                remedy="Make it again with `voxway prepare evidence`.",
            )
        return torch.from_numpy(free * np.uint8(EVIDENCE_FREE) + occupied * np.uint8(EVIDENCE_OCCUPIED))

    def write(self, path: Path, value: UInt8[np.ndarray, "x y z"]) -> None:
        """Write the file, atomically."""
        write_flags(path, np.concatenate([value == EVIDENCE_FREE, value == EVIDENCE_OCCUPIED]))
