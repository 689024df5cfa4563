"""Voxel labels as SemanticKITTI's files: `sequences/SS/voxels/FFFFFF.label`, `.bin`, `.invalid` and `.occluded`.

`.invalid` are voxels that no ray has reached, as the voxelizer has it, and not all of which it is unknown whether they
are free: a ray through some part of a voxel is enough, or else nothing would be free beside surfaces. `.bin` is what
the key scan alone hits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8, UInt16

from voxway.data.files.flags import write_flags
from voxway.data.label_format import FormLabels, LabelOptions
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.labels import training_target
from voxway.data.semantickitti.layout import read_voxel_flags, read_voxel_labels, write_voxel_labels
from voxway.ops.raycast import visible_from

_NO_CLASS = 1
"""Raw id "outlier": something is there, and it is scored as no class."""
_MOVING = {"car": 252, "bicyclist": 253, "person": 254, "motorcyclist": 255, "truck": 258, "other-vehicle": 259}
"""Raw ids of what moves."""


@dataclass(frozen=True)
class VoxelFiles:
    """See the head of the file; `.bin`, what the key scan alone hits, only where the labels say it."""

    benchmark = SEMANTIC_KITTI
    x_right = False

    def path(self, folder: Path, key: str, names: Mapping[str, str]) -> Path:
        """The `.label` file."""
        drive, _, frame = key.rpartition("/")
        number = f"{int(frame):06d}" if frame.isdecimal() else frame
        return Path(folder) / "sequences" / (drive or "00") / "voxels" / f"{number}.label"

    def write(self, folder: Path, labels: FormLabels, options: LabelOptions) -> None:
        """Write the files, `.label` last."""
        path = self.path(folder, labels.key, labels.recorded.names)
        occupied = labels.classes != SEMANTIC_KITTI.free
        seen = visible_from(occupied, np.zeros((1, 3)), SEMANTIC_KITTI.grid)
        if labels.own is not None:
            write_flags(path.with_suffix(".bin"), labels.own)
        write_flags(path.with_suffix(".invalid"), ~labels.lidar)
        write_flags(path.with_suffix(".occluded"), ~seen | occupied)
        write_voxel_labels(path, raw_ids(labels))

    def read(self, path: Path) -> UInt8[np.ndarray, "x y z"]:
        """See `LabelFormat.read`."""
        return training_target(read_voxel_labels(path), read_voxel_flags(path.with_suffix(".invalid")), path)

    def lost(self, options: LabelOptions) -> str:
        """See `LabelFormat.lost`."""
        return ""


def raw_ids(labels: FormLabels) -> UInt16[np.ndarray, "x y z"]:
    """Raw ids as the voxelizer writes them: moving things have their own, things without a class are outliers."""
    to_raw = np.full(256, _NO_CLASS, np.uint16)
    to_raw[: len(SEMANTIC_KITTI.train_to_raw)] = SEMANTIC_KITTI.train_to_raw
    raw = to_raw[labels.classes]
    for name, moving in _MOVING.items():
        raw[labels.moving & (labels.classes == SEMANTIC_KITTI.task.class_id(name))] = moving
    return raw


FILES = VoxelFiles()
