"""Voxels as packed bits: query proposals, and voxels with pseudo points. Written as the published archives hold them.

::

    <folder>/08/queries/000005.query     128 x 128 x 16 bits for SemanticKITTI: half its grid
    <folder>/08/voxels/000005.pseudo     256 x 256 x 32 bits: its grid

Public archives of proposals have longer endings, such as ``query_iou5203_pre7712_rec6153``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.files import listed
from voxway.core.task import Task
from voxway.data.files.flags import read_flags, write_flags
from voxway.data.prepared.lies_on import LiesOn

COARSENING = 2
"""Size of a proposal's voxel in voxels of the task's grid."""


@dataclass(frozen=True)
class Proposals:
    """Voxels at half resolution that are probably occupied."""

    need: str = "proposals"
    lies_on: LiesOn = "voxels"

    def path(self, folder: Path, key: str) -> Path:
        """``<folder>/<drive>/queries/<frame>.query``, or with the one longer ending that the folder has.

        Raises:
            InputError: the folder holds files of several endings.
        """
        drive, _, frame = key.rpartition("/")
        path = Path(folder) / drive / "queries" / f"{frame}.query"
        if path.exists():
            return path
        others = [other for other in listed(path.parent) if other.name.startswith(f"{frame}.query_")]
        if len(others) > 1:
            raise InputError(
                file=path.parent,
                field="endings",
                expected=f"one file for frame {frame}",
                found=", ".join(other.name for other in others),
                remedy="Name a folder with proposals of one origin.",
            )
        return others[0] if others else path

    def read(self, path: Path, task: Task, cameras: Cameras | None = None) -> Bool[Tensor, "x2 y2 z2"]:
        """Read the file.

        Raises:
            InputError: missing file, or not one bit per voxel of half the task's grid.
        """
        _require(path, self.need)
        return torch.from_numpy(read_flags(path, task.grid.coarsen(COARSENING)))

    def write(self, path: Path, value: Bool[np.ndarray, "x2 y2 z2"]) -> None:
        """Write the file, atomically."""
        write_flags(path, value)


@dataclass(frozen=True)
class PseudoPoints:
    """Voxels that hold points made from depth maps."""

    need: str = "pseudo"
    lies_on: LiesOn = "voxels"

    def path(self, folder: Path, key: str) -> Path:
        """``<folder>/<drive>/voxels/<frame>.pseudo``."""
        drive, _, frame = key.rpartition("/")
        return Path(folder) / drive / "voxels" / f"{frame}.pseudo"

    def read(self, path: Path, task: Task, cameras: Cameras | None = None) -> Bool[Tensor, "x y z"]:
        """Read the file.

        Raises:
            InputError: missing file, or not one bit per voxel of the task's grid.
        """
        _require(path, self.need)
        return torch.from_numpy(read_flags(path, task.grid))

    def write(self, path: Path, value: Bool[np.ndarray, "x y z"]) -> None:
        """Write the file, atomically."""
        write_flags(path, value)


def _require(path: Path, need: str) -> None:
    if not path.exists():
        remedy = f"Make it with `voxway prepare {need}`, for this split too."
        raise InputError(file=path, field="file", expected="present", found="absent", remedy=remedy)
