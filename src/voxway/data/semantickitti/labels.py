"""Training targets from SemanticKITTI's voxel labels, and the files that keep them at several scales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8, UInt16

from voxway.core.arrays import read_array
from voxway.core.errors import InputError
from voxway.core.files import atomic_path
from voxway.core.task import IGNORE
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI


def training_target(
    raw: UInt16[np.ndarray, "x y z"], invalid: Bool[np.ndarray, "x y z"], source: object = "voxel labels"
) -> UInt8[np.ndarray, "x y z"]:
    """Training ids 0..19; 255 where the voxel was never observed or its raw class is not trained.

    Args:
        raw: raw class per voxel, 0 for empty.
        invalid: flags of the `.invalid` file.
        source: the label file, for errors.

    Raises:
        InputError: a raw class outside the label map.
    """
    target = SEMANTIC_KITTI.to_train(raw, source)
    target[invalid] = IGNORE
    return target


def preprocessed_path(folder: Path | str, sequence: str, frame: int, factor: int = 1) -> Path:
    """Where the common preprocessing keeps a target: `<folder>/SS/FFFFFF_1_k.npy`."""
    return Path(folder) / sequence / f"{frame:06d}_1_{factor}.npy"


def read_target(path: Path | str, factor: int = 1) -> UInt8[np.ndarray, "x y z"]:
    """Read a preprocessed target; public archives hold it as float32 or uint8.

    Raises:
        InputError: missing or damaged file, another shape, or values other than 0..19 and 255.
    """
    stored = read_array(path, "Make it again, or read the raw voxels instead.")
    shape = SEMANTIC_KITTI.grid.coarsen(factor).shape
    if stored.shape != shape:
        raise _bad(path, "shape", shape, stored.shape)
    target = stored.astype(np.uint8)
    known = (target < len(SEMANTIC_KITTI.classes)) | (target == IGNORE)
    if not (known & (target == stored)).all():
        found = np.unique(stored[~(known & (target == stored))])[:5].tolist()
        raise _bad(path, "label ids", "training ids 0..19 and 255", found)
    return target


def write_target(path: Path | str, target: UInt8[np.ndarray, "x y z"]) -> None:
    """Write a preprocessed target as uint8, atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, target)


def _bad(path: Path | str, field: str, expected: object, found: object) -> InputError:
    remedy = "The file is damaged or of another dataset; make it again from the raw voxels."
    return InputError(file=path, field=field, expected=expected, found=found, remedy=remedy)
