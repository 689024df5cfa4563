"""Predictions for OpenOccupancy: `<sample token>.npz`, one uint8 array (512, 512, 40), ids 0..16, 0 free."""

from __future__ import annotations

from voxway.data.nuscenes.benchmark import OPENOCCUPANCY_NUSCENES
from voxway.data.prediction_files import PredictionFiles

FILES = PredictionFiles(benchmark=OPENOCCUPANCY_NUSCENES, ending=".npz", array="arr_0", key=r"\w+")

prediction_name = FILES.name
write_prediction = FILES.write
read_prediction = FILES.read
check_submission = FILES.check
zip_submission = FILES.pack
