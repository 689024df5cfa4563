"""Predictions for Occ3D-Waymo: `SSS/FFF_04.npz` with `voxel_label`, uint8 (200, 200, 16), 23 free, like its labels."""

from __future__ import annotations

from voxway.data.prediction_files import PredictionFiles
from voxway.data.waymo.benchmark import OCC3D_WAYMO

FILES = PredictionFiles(benchmark=OCC3D_WAYMO, ending="_04.npz", array="voxel_label", key=r"\d{3}/\d{3}")

prediction_name = FILES.name
write_prediction = FILES.write
read_prediction = FILES.read
check_submission = FILES.check
zip_submission = FILES.pack
