"""Labels of a rig's returns: a file per scan, and one that names the class of every id in them.

::

    labels/000012.label     uint32 (p,), the id in the low 16 bits; or 000012.npy, whole numbers (p,)
    classes.json            {"0": null, "10": "car", "252": "car", "40": "road"}; null: no class
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from voxway.core.arrays import read_array
from voxway.core.errors import InputError
from voxway.data.files.raw import read_bytes
from voxway.data.own.named_ids import IDS, NamedIds

_REMEDY = "Write one id for each point of the scan, in the scan's order."


class PointLabels:
    """Labels of scans by the names of their files.

    Args:
        folder: of the label files; for several LiDARs, of a folder for each, called as their scans' folders are.
        names: of their ids.

    Raises:
        InputError: no folder.
    """

    def __init__(self, folder: Path, names: NamedIds) -> None:
        self.folder, self.names = folder, names
        if not folder.is_dir():
            raise self._wrong(folder, "folder", "files of labels", "no folder", "Name the folder of the label files.")

    def read(self, scan: Path, points: int) -> UInt8[np.ndarray, "p"] | None:
        """Classes of a scan's returns, 255 for none; None where there is no file for the scan.

        Args:
            scan: its file.
            points: how many it has.

        Raises:
            InputError: not one id for each point, or an id that has no name.
        """
        path = self._path(scan)
        if path is None:
            return None
        if path.suffix == ".npy":
            raw = read_array(path, _REMEDY)
        else:
            data = read_bytes(path)
            raw = np.frombuffer(data[: len(data) // 4 * 4], "<u4") & (IDS - 1)
        if raw.ndim != 1 or len(raw) != points or raw.dtype.kind not in "ui":
            raise self._wrong(path, "labels", f"{points} whole numbers", f"{raw.dtype} {raw.shape}", _REMEDY)
        return self.names.classes(raw, path)

    def files(self, scan: Path) -> tuple[Path, ...]:
        """What the labels of a scan are read from."""
        path = self._path(scan)
        return () if path is None else (path, self.names.file)

    def _path(self, scan: Path) -> Path | None:
        stems = (self.folder / scan.parent.name / scan.stem, self.folder / scan.stem)
        paths = (stem.with_name(stem.name + ending) for stem in stems for ending in (".label", ".npy"))
        return next((path for path in paths if path.exists()), None)

    def _wrong(self, file: Path, field: str, expected: object, found: object, remedy: str) -> InputError:
        return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
