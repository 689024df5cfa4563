"""Classes of pixels as pictures: what segmentation networks said, or what a synthetic world knows. Any tool may make
them.

::

    <folder>/08/000005.png       uint8 ids of the task, 254 sky, 255 unknown: the first camera's, of its picture's size,
                                 or of the largest picture's of all cameras, with 255 right of it and below
    <folder>/08/000005_1.png     the second camera's, and so on; cameras without a file are unknown
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.files import write_bytes
from voxway.core.task import IGNORE, SKY, Task
from voxway.data.files.images import read_ids
from voxway.data.prepared.lies_on import LiesOn

_REMEDY = "Make it again with `voxway prepare pseudo-labels`, or with the tool that it comes from."


@dataclass(frozen=True)
class PseudoLabels:
    """Classes of pixels that supervise where no voxel labels do."""

    need: str = "pseudo_labels"
    lies_on: LiesOn = "pixels"

    def path(self, folder: Path, key: str) -> Path:
        """The first camera's file."""
        return Path(folder) / f"{key}.png"

    def camera_path(self, path: Path, camera: int) -> Path:
        """A camera's file beside the first one's."""
        return path.with_name(f"{path.stem}_{camera}.png") if camera else path

    def read(self, path: Path, task: Task, cameras: Cameras | None) -> UInt8[Tensor, "n h w"]:
        """Read the files of all cameras; without `cameras` of the first alone.

        Raises:
            InputError: missing or damaged file, not of the pictures' size, or ids that are no class of the task.
        """
        if cameras is None:
            return torch.from_numpy(_read(path, task))[None]
        largest = (int(cameras.size_px[:, 0].max()), int(cameras.size_px[:, 1].max()))
        maps = torch.full((cameras.count, *largest), IGNORE, dtype=torch.uint8)
        for i, (height, width) in enumerate(cameras.size_px.tolist()):
            file = self.camera_path(path, i)
            if i == 0 or file.exists():
                ids = _read(file, task)
                _check_size(ids, (height, width), largest, file)
                maps[i, :height, :width] = torch.from_numpy(ids[:height, :width])
        return maps

    def write(self, path: Path, value: UInt8[np.ndarray, "n h w"]) -> None:
        """Write the files, each atomically, the first camera's last."""
        for i, ids in reversed(list(enumerate(value))):
            buffer = io.BytesIO()
            Image.fromarray(ids).save(buffer, "PNG")
            write_bytes(self.camera_path(path, i), buffer.getvalue())


def _read(path: Path, task: Task) -> UInt8[np.ndarray, "h w"]:
    """One camera's file."""
    if not path.exists():
        raise _bad(path, "file", "present", "absent")
    ids = read_ids(path)
    known = [*range(len(task.classes)), SKY, IGNORE]
    unknown = np.setdiff1d(np.unique(ids), known)
    if unknown.size:
        expected = f"ids 0..{len(task.classes) - 1} of {task.name}, {SKY} for sky, {IGNORE} where unknown"
        raise _bad(path, "ids", expected, unknown[:5].tolist())
    return ids


def _check_size(ids: UInt8[np.ndarray, "h w"], size: tuple[int, int], largest: tuple[int, int], path: Path) -> None:
    """Refuse what is neither as large as the picture nor filled up with 255 to the size of the largest."""
    height, width = size
    if ids.shape not in (size, largest):
        raise _bad(path, "size", f"{size}, as the picture has", ids.shape)
    if (ids[height:] != IGNORE).any() or (ids[:, width:] != IGNORE).any():
        found = f"{ids.shape} with ids beyond that"
        raise _bad(path, "size", f"{size}, as the picture has, and {IGNORE} outside", found)


def _bad(path: Path, field: str, expected: object, found: object) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=_REMEDY)
