"""Labels of a rig's returns: a file per scan, and a file that names the class of every id in them.

::

    labels/000012.label     uint32 (p,), the id in the low 16 bits; or 000012.npy, whole numbers (p,)
    classes.json            {"0": null, "10": "car", "252": "car", "40": "road"}; null: no class
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from voxway.core.arrays import read_array
from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.core.grid import VoxelGrid
from voxway.core.task import IGNORE, Task
from voxway.data.files.names import some
from voxway.data.files.raw import read_bytes

_FREE = "free"
_IDS = 1 << 16
_REMEDY = "Write one id for each point of the scan, in the scan's order."


class PointLabels:
    """Labels of scans by the names of their files.

    Args:
        folder: of the label files; for several LiDARs, of a folder for each, called as their scans' folders are.
        classes: the file that names ids.

    Raises:
        InputError: no folder, or a file of classes that names none, or `free`.
    """

    def __init__(self, folder: Path, classes: Path) -> None:
        self.folder, self.classes = folder, classes
        if not folder.is_dir():
            raise self._wrong(folder, "folder", "files of labels", "no folder", "Name the folder of the label files.")
        named = read_json(classes, 'Write one, such as {"0": null, "10": "car"}.')
        fits = isinstance(named, dict) and all(
            key.isdecimal() and int(key) < _IDS and (name is None or isinstance(name, str))
            for key, name in named.items()
        )
        self._named: dict[int, str | None] = {int(key): name for key, name in named.items()} if fits else {}
        names = [name for name in self._named.values() if name is not None]
        if not names or _FREE in names or len(set(names)) > IGNORE - 2:
            remedy = "Name every id that labels have, null for those of no class; `free` is a class by itself."
            raise self._wrong(classes, "classes", "ids and names of classes", str(named)[:80], remedy)
        self._names = (_FREE, *dict.fromkeys(names))

    def task(self, grid: VoxelGrid) -> Task:
        """The classes on a grid: `free` is 0, the others follow as the file names them."""
        return Task(name=self.classes.stem, grid=grid, classes=self._names, free=0)

    def read(self, scan: Path, points: int) -> UInt8[np.ndarray, "p"] | None:
        """Classes of a scan's returns, 255 for none; None where there is no file for the scan.

        Args:
            scan: its file.
            points: how many it has.

        Raises:
            InputError: not one id for each point, or an id that the file of classes does not name.
        """
        path = self._path(scan)
        if path is None:
            return None
        if path.suffix == ".npy":
            raw = read_array(path, _REMEDY)
        else:
            data = read_bytes(path)
            raw = np.frombuffer(data[: len(data) // 4 * 4], "<u4") & (_IDS - 1)
        if raw.ndim != 1 or len(raw) != points or raw.dtype.kind not in "ui":
            raise self._wrong(path, "labels", f"{points} whole numbers", f"{raw.dtype} {raw.shape}", _REMEDY)
        present = np.unique(raw)
        unnamed = [int(one) for one in present if int(one) not in self._named]
        if unnamed:
            raise self._wrong(
                path,
                "label ids",
                f"ids that {self.classes} names",
                f"{some(list(map(str, unnamed)))} besides",
                'Name them there, null for those of no class: {"0": null}.',
            )
        return self._table[raw.astype(np.int64)]

    def files(self, scan: Path) -> tuple[Path, ...]:
        """What the labels of a scan are read from."""
        path = self._path(scan)
        return () if path is None else (path, self.classes)

    @cached_property
    def _table(self) -> UInt8[np.ndarray, "ids"]:
        table = np.full(_IDS, IGNORE, np.uint8)
        for key, name in self._named.items():
            if name is not None:
                table[key] = self._names.index(name)
        return table

    def _path(self, scan: Path) -> Path | None:
        stems = (self.folder / scan.parent.name / scan.stem, self.folder / scan.stem)
        paths = (stem.with_name(stem.name + ending) for stem in stems for ending in (".label", ".npy"))
        return next((path for path in paths if path.exists()), None)

    def _wrong(self, file: Path, field: str, expected: object, found: object, remedy: str) -> InputError:
        return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
