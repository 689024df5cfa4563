"""Predictions for Occ3D-Waymo: `SSS/FFF_04.npz` with `voxel_label`, uint8 (200, 200, 16), 23 free, like its labels."""

from __future__ import annotations

from voxway.data.files.predictions import PredictionFiles
from voxway.data.waymo.benchmark import OCC3D_WAYMO

FILES = PredictionFiles(benchmark=OCC3D_WAYMO, ending="_04.npz", array="voxel_label", key=r"\d{3}/\d{3}")
