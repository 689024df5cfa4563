"""Reading voxel volumes of NumPy files, each checked against a grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8

from voxway.core.arrays import read_array, read_member
from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.core.task import IGNORE

_MASKS = (0, 1, 2, 255)
"""Values of masks: a flag, a state of a voxel (free or occupied), or white as in pictures."""
_REMEDY = "The file is damaged, of another release or of another benchmark; fetch it again."


def read_labels(path: Path, name: str, benchmark: Benchmark) -> UInt8[np.ndarray, "x y z"]:
    """Training ids from one array of a `.npz` file.

    Raises:
        InputError: missing or damaged file, no such array, another grid, ids that are no class, or one thing alone that
            fills the whole grid.
    """
    classes = benchmark.to_train(read_volume(path, name, benchmark), path)
    first = int(classes.flat[0])
    if first not in (benchmark.free, IGNORE) and (classes == first).all():
        found, expected = f"{benchmark.classes[first]} in every voxel", "voxels of several classes"
        raise InputError(file=path, field=name, expected=expected, found=found, remedy=_REMEDY)
    return classes


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


def read_training_ids(path: Path | str, benchmark: Benchmark, factor: int = 1) -> UInt8[np.ndarray, "x y z"]:
    """Training ids of the common preprocessing: one array, which public archives hold as float32 or uint8.

    Args:
        path: a `.npy` file.
        benchmark: whose classes and grid.
        factor: how much coarser than the grid it is.

    Raises:
        InputError: missing or damaged file, another shape, or values that are neither a class nor 255.
    """
    remedy = "The file is damaged or of another dataset; make it again from the raw voxels."
    stored = read_array(path, "Make it again, or read the raw voxels instead.")
    shape, highest = benchmark.grid.coarsen(factor).shape, len(benchmark.classes) - 1
    if stored.shape != shape:
        raise InputError(file=path, field="shape", expected=shape, found=stored.shape, remedy=remedy)
    target = stored.astype(np.uint8)
    known = ((target <= highest) | (target == IGNORE)) & (target == stored)
    if not known.all():
        expected, found = f"training ids 0..{highest} and 255", np.unique(stored[~known])[:5].tolist()
        raise InputError(file=path, field="label ids", expected=expected, found=found, remedy=remedy)
    return target


BESIDE = {"instances": (), "flow": (2,)}
"""What voxels may carry beside their class -> further axes: an instance's number, or a speed along x and y, m/s."""


def read_beside(path: Path, name: str, benchmark: Benchmark, remedy: str = _REMEDY) -> np.ndarray:
    """One array of a `.npz` file that says what voxels carry beside their class, of the benchmark's grid.

    Args:
        path: the file.
        name: one of `BESIDE`.
        benchmark: whose grid.
        remedy: what to do where it cannot be read.

    Raises:
        InputError: missing or damaged file, no such array, another grid, numbers of instances that are not whole or
            beyond 0..65535, or speeds that are not finite.
    """
    stored, shape = read_member(path, name, remedy), (*benchmark.grid.shape, *BESIDE[name])
    if stored.shape != shape:
        raise InputError(file=path, field=name, expected=shape, found=stored.shape, remedy=remedy)
    if name == "instances" and (stored.dtype.kind not in "ui" or not 0 <= stored.min() <= stored.max() < 1 << 16):
        expected, found = "numbers of instances, 0..65535", f"{stored.dtype}, {stored.min()} to {stored.max()}"
        raise InputError(file=path, field=name, expected=expected, found=found, remedy=remedy)
    if not np.isfinite(stored).all():
        raise InputError(file=path, field=name, expected="finite numbers", found="others", remedy=remedy)
    return stored
