"""Training targets from SemanticKITTI's voxel labels, at full size and downscaled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8, UInt16

from voxway.core.errors import InputError
from voxway.core.files import atomic_path
from voxway.core.task import IGNORE
from voxway.data.files.arrays import read_array
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI

_MOSTLY_FREE = 0.95
"""A block with more than this share of free and ignored voxels has no class of its own."""


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


def downscale(target: UInt8[np.ndarray, "x y z"], factor: int, free: int = 0) -> UInt8[np.ndarray, "x2 y2 z2"]:
    """Downscale a target by whole blocks, by the rule of the published preprocessing (LMSCNet, VoxFormer, MonoOcc).

    A block with more than 95 % free or ignored voxels becomes free if free ones are in the majority, else 255; any
    other block takes its most frequent class, the smaller id on a tie.

    Args:
        target: training ids, 255 for no truth.
        factor: voxels per block along each axis.
        free: training id of free space.

    Raises:
        ValueError: the shape is not a multiple of `factor`.
    """
    if any(size % factor for size in target.shape):
        raise ValueError(f"a target of {target.shape} voxels cannot be downscaled by {factor}: not multiples")
    x, y, z = (size // factor for size in target.shape)
    blocks = target.reshape(x, factor, y, factor, z, factor).transpose(0, 2, 4, 1, 3, 5).reshape(-1, factor**3)
    known_free = (blocks == free).sum(1)
    ignored = (blocks == IGNORE).sum(1)
    result = np.where(known_free > ignored, free, IGNORE).astype(np.uint8)
    mixed = np.flatnonzero(known_free + ignored <= _MOSTLY_FREE * factor**3)
    if len(mixed):
        result[mixed] = _most_frequent(blocks[mixed], free)
    return result.reshape(x, y, z)


def _most_frequent(blocks: UInt8[np.ndarray, "n v"], free: int) -> UInt8[np.ndarray, "n"]:
    """Most frequent class of each block, free and 255 left out; the smaller id on a tie."""
    code = (np.arange(len(blocks), dtype=np.int64)[:, None] << 8) | blocks
    count = np.bincount(code.ravel(), minlength=len(blocks) << 8).reshape(len(blocks), 256)
    count[:, [free, IGNORE]] = 0
    return count.argmax(1).astype(np.uint8)


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
