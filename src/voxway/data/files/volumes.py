"""Reading voxel volumes of NumPy files, each checked against a grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from voxway.core.arrays import read_member
from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError

_MASKS = (0, 1, 2, 255)
"""Values of masks: a flag, a state of a voxel (free or occupied), or white as in pictures."""
_REMEDY = "The file is damaged, of another release or of another benchmark; fetch it again."


def read_labels(path: Path, name: str, benchmark: Benchmark) -> UInt8[np.ndarray, "x y z"]:
    """Training ids from one array of a `.npz` file.

    Raises:
        InputError: missing or damaged file, no such array, another grid, or ids that are no class.
    """
    return benchmark.to_train(read_volume(path, name, benchmark), path)


def read_mask(path: Path, name: str, benchmark: Benchmark) -> Bool[np.ndarray, "x y z"]:
    """A mask from one array of a `.npz` file; true where it is not 0.

    Raises:
        InputError: missing or damaged file, no such array, another grid, or values of something else than a mask.
    """
    volume = read_volume(path, name, benchmark)
    values = np.unique(volume)
    if not np.isin(values, _MASKS).all():
        expected = "a mask: 0 where it is not set, and 1, 2 or 255"
        raise InputError(file=path, field=name, expected=expected, found=values[:5].tolist(), remedy=_REMEDY)
    return volume != 0


def read_volume(path: Path, name: str, benchmark: Benchmark) -> np.ndarray:
    """One array of whole numbers from a `.npz` file, of the benchmark's grid.

    Raises:
        InputError: missing or damaged file, no such array, another grid, or no whole numbers.
    """
    volume = read_member(path, name, _REMEDY)
    if volume.shape != benchmark.grid.shape:
        expected = f"{benchmark.grid.shape} voxels, the grid of {benchmark.name}"
        raise InputError(file=path, field=name, expected=expected, found=volume.shape, remedy=_REMEDY)
    if volume.dtype.kind not in "bui":
        raise InputError(file=path, field=name, expected="whole numbers", found=volume.dtype, remedy=_REMEDY)
    return volume
