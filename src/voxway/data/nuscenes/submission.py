"""Predictions for Occ3D-nuScenes: `<sample token>.npz`, one uint8 array (200, 200, 16), ids 0..17, 17 free."""

from __future__ import annotations

from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.prediction_files import PredictionFiles

FILES = PredictionFiles(benchmark=OCC3D_NUSCENES, ending=".npz", array="arr_0", key=r"\w+")

prediction_name = FILES.name
write_prediction = FILES.write
read_prediction = FILES.read
check_submission = FILES.check
zip_submission = FILES.pack
