"""SurroundOcc-nuScenes: nuScenes key frames in the LiDAR's frame, 0.5 m voxels, no masks.

::

    nuscenes/                                   as for Occ3D: tables, or an info file
        surroundocc/samples/<LiDAR scan>.npy    (n, 4) whole numbers: rows x, y, z, label; only voxels that are not free

The ego frame of the benchmark is LIDAR_TOP (x right, y ahead, z up): voxel (i, j, k) has its centre at
(-50, -50, -5) m + 0.5 m (i + 0.5, j + 0.5, k + 0.5). Labels were made from drives as a whole, surfaces closed, and say
nothing of what nobody saw: all that is not listed counts as free. Source: SurroundOcc's description of its data.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import torch
from jaxtyping import UInt8

from voxway.core.arrays import read_array
from voxway.core.errors import InputError
from voxway.core.files import present
from voxway.core.occupancy import Occupancy
from voxway.data.files.voxel_lists import beyond
from voxway.data.nuscenes.benchmark import SURROUNDOCC_NUSCENES
from voxway.data.nuscenes.config import SurroundOccConfig
from voxway.data.nuscenes.key_frame import KeyFrame
from voxway.data.nuscenes.reader import Geometry, NuScenesReader, lidar_geometry

_PLACES = ("surroundocc/samples", "nuscenes_occ/samples", "dense_voxels_with_semantic")
"""Folders below the root in which people keep the labels."""
_REMEDY = "The file is damaged or of another grid or benchmark; fetch it again."


class SurroundOccReader(NuScenesReader):
    """Raw moments of SurroundOcc-nuScenes by sample token."""

    benchmark = SURROUNDOCC_NUSCENES
    ego_is_lidar = True

    def __init__(self, config: SurroundOccConfig) -> None:
        self.config = config
        places = [config.folder / place for place in _PLACES]
        self._folder = Path(config.labels or next((place for place in places if present(place)), places[0]))
        super().__init__(config, config.sweeps)

    def label_path(self, frame: KeyFrame) -> Path:
        """Where the labels of a key frame lie."""
        return self._folder / f"{PurePosixPath(frame.lidar_path).name}.npy"

    def _labels(self, frame: KeyFrame) -> Occupancy:
        classes = torch.from_numpy(read_surroundocc(self.label_path(frame)))
        return Occupancy(task=SURROUNDOCC_NUSCENES.task, classes=classes, key=frame.token)

    def _geometry(self, frame: KeyFrame) -> Geometry:
        return lidar_geometry(frame)


def read_surroundocc(path: Path | str) -> UInt8[np.ndarray, "x y z"]:
    """Training ids 0..16 (0 free), 255 for noise and for rows that say 255. Of a voxel that is listed twice the last
    row counts, as in published loaders.

    Raises:
        InputError: missing or damaged file, another shape, indices beyond the grid, or ids that are no class.
    """
    rows, benchmark = read_array(path, _REMEDY), SURROUNDOCC_NUSCENES
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise _bad(path, "shape", "(n, 4) rows x, y, z, label", rows.shape)
    if rows.dtype.kind == "f":
        if not (np.isfinite(rows).all() and (rows == np.round(rows)).all()):
            # Labels that the published tool makes without classes hold metres.
            raise _bad(path, "rows", "whole numbers: indices of voxels", f"{rows.dtype} such as {rows[0].tolist()}")
        rows = rows.astype(np.int64)
    shape = benchmark.grid.shape
    if (found := beyond(rows, shape)) is not None:
        raise _bad(path, "grid", f"indices x, y, z within {shape} voxels", found)
    classes = np.full(shape, benchmark.free, np.uint8)
    x, y, z = rows[:, :3].astype(np.int64).T
    classes[x, y, z] = benchmark.to_train(rows[:, 3], path)
    return classes


def surroundocc_rows(classes: UInt8[np.ndarray, "x y z"], *, unknown: bool = False) -> np.ndarray:
    """What a file holds of such classes: rows x, y, z, label of voxels that are not free, in x, y, z order.

    Args:
        classes: training ids, 255 where nothing is known.
        unknown: list voxels of which nothing is known, too, with label 255; else they are left out, and read as free.

    Returns:
        int64 (n, 4).
    """
    listed = classes != SURROUNDOCC_NUSCENES.free
    index = np.argwhere(listed if unknown else listed & (classes != 255))
    return np.column_stack([index, classes[tuple(index.T)].astype(np.int64)])


def _bad(path: Path | str, field: str, expected: object, found: object) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=_REMEDY)
