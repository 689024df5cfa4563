"""OpenOcc-nuScenes, version 2: key frames as Occ3D's, with classes of its own and a speed for every voxel.

::

    nuscenes/                                           as for Occ3D
        openocc_v2/scene-0061/<sample token>/labels.npz     semantics 0..15, 16 free; flow (200, 200, 16, 2), m/s
"""

from __future__ import annotations

from pathlib import Path

import torch

from voxway.core.occupancy import Occupancy
from voxway.data.files.volumes import read_labels
from voxway.data.nuscenes.benchmark import OPENOCC_NUSCENES
from voxway.data.nuscenes.config import OpenOccConfig
from voxway.data.nuscenes.key_frame import KeyFrame
from voxway.data.nuscenes.labels import occ3d_path
from voxway.data.nuscenes.occ3d import Occ3DNuScenesReader


class OpenOccReader(Occ3DNuScenesReader):
    """Raw moments of OpenOcc-nuScenes by sample token; there are no masks."""

    benchmark = OPENOCC_NUSCENES
    mask_names = ()

    def __init__(self, config: OpenOccConfig) -> None:
        super().__init__(config)

    def label_path(self, frame: KeyFrame) -> Path:
        """Where the labels of a key frame lie."""
        return occ3d_path(Path(self.config.labels or self.config.folder / "openocc_v2"), frame)

    def _labels(self, frame: KeyFrame) -> Occupancy:
        classes = torch.from_numpy(read_labels(self.label_path(frame), "semantics", OPENOCC_NUSCENES))
        return Occupancy(task=OPENOCC_NUSCENES.task, classes=classes, key=frame.token)
