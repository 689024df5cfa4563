"""Predictions for benchmarks on nuScenes: `<sample token>.npz`, one uint8 array of the grid, training ids."""

from __future__ import annotations

from voxway.data.files.predictions import PredictionFiles
from voxway.data.nuscenes.benchmark import (
    OCC3D_NUSCENES,
    OPENOCC_NUSCENES,
    OPENOCCUPANCY_NUSCENES,
    SURROUNDOCC_NUSCENES,
)

OCC3D_FILES = PredictionFiles(benchmark=OCC3D_NUSCENES, ending=".npz", array="arr_0", key=r"\w+")
OPENOCCUPANCY_FILES = PredictionFiles(benchmark=OPENOCCUPANCY_NUSCENES, ending=".npz", array="arr_0", key=r"\w+")
SURROUNDOCC_FILES = PredictionFiles(benchmark=SURROUNDOCC_NUSCENES, ending=".npz", array="arr_0", key=r"\w+")
OPENOCC_FILES = PredictionFiles(benchmark=OPENOCC_NUSCENES, ending=".npz", array="arr_0", key=r"\w+")
