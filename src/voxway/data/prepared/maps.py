"""A value per pixel as NumPy arrays: depths in metres, and class ids. ``<folder>/<drive>/<frame>.npy``, (n,) h, w."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Shaped, UInt8
from torch import Tensor

from voxway.core.arrays import read_array
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.files import atomic_path
from voxway.core.task import IGNORE, Task
from voxway.data.prepared.lies_on import LiesOn

_FAR_M, _NEAR_M = 500.0, 1.5
"""Half of the depths of a street lie nearer than the first; some of them lie beyond the second."""
_SOME = 100
"""Known depths from which on they tell their unit."""


def map_path(folder: Path, key: str) -> Path:
    """Where the map of a frame lies."""
    return Path(folder) / f"{key}.npy"


@dataclass(frozen=True)
class DepthMaps:
    """Metres along the optical axis of each pixel; what is not positive and finite is unknown."""

    need: str = "depth"
    lies_on: LiesOn = "pixels"

    def path(self, folder: Path, key: str) -> Path:
        """See `map_path`."""
        return map_path(folder, key)

    def read(self, path: Path, task: Task, cameras: Cameras | None) -> Float32[Tensor, "n h w"]:
        """Read the file.

        Raises:
            InputError: missing or damaged file, no numbers, not of the pictures' size, or no metres.
        """
        depth = _stored(path, cameras).astype(np.float32)
        require_metres(depth, path)
        return torch.from_numpy(depth)

    def write(self, path: Path, value: Float32[np.ndarray, "*n h w"]) -> None:
        """Write the file, atomically."""
        _write(path, value)


def require_metres(depth: Float32[np.ndarray, "*n h w"], path: Path) -> None:
    """Refuse a depth map in another unit than metres.

    Raises:
        InputError: most depths are farther than any street goes on, or all are nearer than a car's bonnet.
    """
    known = depth[np.isfinite(depth) & (depth > 0)]
    if known.size < _SOME:
        return
    usual, farthest = float(np.median(known)), float(known.max())
    if usual > _FAR_M or farthest < _NEAR_M:
        like = "millimetres, or a picture of 16 bits" if usual > _FAR_M else "inverse or relative depth, or a share"
        found = f"half of the depths beyond {usual:.4g}, up to {farthest:.4g}, which looks like {like}"
        remedy = "Write depths along the optical axis in metres, 0 where they are not known."
        raise InputError(file=path, field="depth", expected="metres", found=found, remedy=remedy)


@dataclass(frozen=True)
class SemanticMaps:
    """Training ids per pixel, 255 where unknown."""

    need: str = "semantics_2d"
    lies_on: LiesOn = "pixels"

    def path(self, folder: Path, key: str) -> Path:
        """See `map_path`."""
        return map_path(folder, key)

    def read(self, path: Path, task: Task, cameras: Cameras | None) -> UInt8[Tensor, "n h w"]:
        """Read the file.

        Raises:
            InputError: missing or damaged file, not of the pictures' size, or values that are no class of the task.
        """
        stored = _stored(path, cameras)
        ids = stored.astype(np.uint8)
        known = ((ids < len(task.classes)) | (ids == IGNORE)) & (ids == stored)
        if not known.all():
            found = np.unique(stored[~known])[:5].tolist()
            raise _bad(path, "class ids", f"ids 0..{len(task.classes) - 1} of {task.name}, or 255", found)
        return torch.from_numpy(ids)

    def write(self, path: Path, value: UInt8[np.ndarray, "*n h w"]) -> None:
        """Write the file, atomically."""
        _write(path, value)


def _stored(path: Path, cameras: Cameras | None) -> Shaped[np.ndarray, "n h w"]:
    stored = read_array(path, "Make it again with `voxway prepare`.")
    stored = stored[None] if stored.ndim == 2 else stored
    if stored.dtype.kind not in "buif":
        raise _bad(path, "dtype", "numbers", stored.dtype)
    if stored.ndim != 3:
        raise _bad(path, "shape", "(n, h, w) or (h, w)", stored.shape)
    if cameras is not None:
        expected = (cameras.count, *(int(size) for size in cameras.size_px.max(0).values))
        if stored.shape != expected:
            raise _bad(path, "shape", f"{expected}, as the pictures have", stored.shape)
    return stored


def _write(path: Path, value: np.ndarray) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, value)


def _bad(path: Path, field: str, expected: object, found: object) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy="Make it again.")
