"""Training targets from SemanticKITTI's voxel labels, and the files that keep them at several scales."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8, UInt16

from voxway.core.files import atomic_path
from voxway.core.task import IGNORE
from voxway.data.files.volumes import read_training_ids
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
    return read_training_ids(path, SEMANTIC_KITTI, factor)


def write_target(path: Path | str, target: UInt8[np.ndarray, "x y z"]) -> None:
    """Write a preprocessed target as uint8, atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, target)
