"""Classes of pixels as pictures: what segmentation networks said, or what a synthetic world knows. Any tool may make
them.

::

    <folder>/08/000005.png       uint8 ids of the task, 254 sky, 255 unknown: the first camera's, of its picture's size
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

    def read(self, path: Path, task: Task, cameras: Cameras | None) -> UInt8[Tensor, "n h w"]:
        """Read the files of all cameras; without `cameras` of the first alone.

        Raises:
            InputError: missing or damaged file, not of the pictures' size, or ids that are no class of the task.
        """
        if cameras is None:
            return torch.from_numpy(_read(path, task))[None]
        sizes = cameras.size_px.tolist()
        maps = torch.full((cameras.count, *cameras.size_px.max(0).values), IGNORE, dtype=torch.uint8)
        for i, (height, width) in enumerate(sizes):
            file = _of_camera(path, i)
            if i == 0 or file.exists():
                maps[i, :height, :width] = torch.from_numpy(_read(file, task, (height, width)))
        return maps

    def write(self, path: Path, value: UInt8[np.ndarray, "n h w"]) -> None:
        """Write the files, each atomically, the first camera's last."""
        for i, ids in reversed(list(enumerate(value))):
            buffer = io.BytesIO()
            Image.fromarray(ids).save(buffer, "PNG")
            write_bytes(_of_camera(path, i), buffer.getvalue())


def _of_camera(path: Path, camera: int) -> Path:
    return path.with_name(f"{path.stem}_{camera}.png") if camera else path


def _read(path: Path, task: Task, size: tuple[int, int] | None = None) -> UInt8[np.ndarray, "h w"]:
    """One camera's file, of at least the picture's size, cut to it."""
    if not path.exists():
        raise _bad(path, "file", "present", "absent")
    ids = read_ids(path)
    height, width = size or ids.shape
    if ids.shape[0] < height or ids.shape[1] < width:
        raise _bad(path, "size", f"{size}, as the picture has", ids.shape)
    known = [*range(len(task.classes)), SKY, IGNORE]
    unknown = np.setdiff1d(np.unique(ids), known)
    if unknown.size:
        expected = f"ids 0..{len(task.classes) - 1} of {task.name}, {SKY} for sky, {IGNORE} where unknown"
        raise _bad(path, "ids", expected, unknown[:5].tolist())
    return ids[:height, :width]


def _bad(path: Path, field: str, expected: object, found: object) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=_REMEDY)
