"""Predictions as lists of voxels, as sparse networks make them: what is not listed is free."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import UInt16

from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError

PAIRS = (("occ_loc", "sem_pred"), ("coordinates", "classes"))
"""Names in archives under which places, (n, 3) x y z, and classes, (n,), are looked for."""
_REMEDY = "Write rows x, y, z, class of the voxels that are not free, whole numbers, or a whole volume."


def listed(arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Rows x, y, z, class of an archive that holds places and classes apart; None of one that does not.

    A leading axis of one frame is left out.
    """
    for places, classes in PAIRS:
        if places in arrays and classes in arrays:
            index, ids = arrays[places], arrays[classes]
            index = index[0] if index.ndim == 3 and len(index) == 1 else index
            ids = ids.reshape(-1)
            if index.ndim == 2 and index.shape[1] == 3 and len(index) == len(ids):
                return np.column_stack([index, ids])
    return None


def is_list(stored: np.ndarray) -> bool:
    """Whether an array is a list of voxels and no volume."""
    return stored.ndim == 2 and stored.shape[1] == 4


def volume_of(rows: np.ndarray, benchmark: Benchmark, source: object) -> UInt16[np.ndarray, "x y z"]:
    """The volume that a list stands for, in the benchmark's ids on disk; of a voxel that is listed twice the last one
    counts, as in published code.

    Args:
        rows: (n, 4) x, y, z, class.
        benchmark: whose grid and ids.
        source: the file, for errors.

    Raises:
        InputError: numbers that are not whole, or places outside the grid.
    """
    if rows.dtype.kind == "f" and np.isfinite(rows).all() and (rows == np.round(rows)).all():
        rows = rows.astype(np.int64)
    if rows.dtype.kind not in "ui":
        raise _bad(source, "rows", "whole numbers: places of voxels and classes", rows.dtype)
    shape = benchmark.grid.shape
    if (found := beyond(rows, shape)) is not None:
        raise _bad(source, "rows", f"places x, y, z within {shape} voxels", found)
    ids = rows[:, 3]
    highest = max((len(benchmark.classes), *benchmark.train_to_raw))
    if len(ids) and not 0 <= ids.min() <= ids.max() <= highest:
        raise _bad(source, "class ids", f"0..{highest}", f"{ids.min()} to {ids.max()}")
    volume = np.full(shape, benchmark.to_raw(np.array([benchmark.free])), np.uint16)
    volume[tuple(rows[:, :3].astype(np.int64).T)] = ids
    return volume


def beyond(rows: np.ndarray, shape: tuple[int, int, int]) -> str | None:
    """What rows x, y, z, class hold, if that is not all within so many voxels; and what else they may be."""
    if not len(rows) or not ((rows[:, :3] < 0) | (rows[:, :3] >= shape)).any():
        return None
    turned = not ((rows[:, 2::-1] < 0) | (rows[:, 2::-1] >= shape)).any()
    hint = "; they look like rows z, y, x, class" if turned else ""
    return f"{rows[:, :3].min(0).tolist()} to {rows[:, :3].max(0).tolist()}{hint}"


def _bad(source: object, field: str, expected: object, found: object) -> InputError:
    return InputError(file=source, field=field, expected=expected, found=found, remedy=_REMEDY)
