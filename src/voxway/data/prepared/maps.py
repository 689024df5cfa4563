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
            InputError: missing or damaged file, no numbers, or not of the pictures' size.
        """
        return torch.from_numpy(_stored(path, cameras).astype(np.float32))

    def write(self, path: Path, value: Float32[np.ndarray, "*n h w"]) -> None:
        """Write the file, atomically."""
        _write(path, value)


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
