"""A file that names the class of every id in labels: {"0": null, "10": "car", "252": "car"}; null is no class."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Integer, UInt8

from voxway.core.errors import InputError
from voxway.core.files import read_json
from voxway.core.grid import VoxelGrid
from voxway.core.task import IGNORE, Task
from voxway.data.files.names import some

_FREE = "free"
IDS = 1 << 16
"""Ids are less than this."""


class NamedIds:
    """Names of ids.

    Args:
        file: that says them.

    Raises:
        InputError: it names no class, or `free`.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        named = read_json(file, 'Write one, such as {"0": null, "10": "car"}.')
        fits = isinstance(named, dict) and all(
            key.isdecimal() and int(key) < IDS and (name is None or isinstance(name, str))
            for key, name in named.items()
        )
        self._named: dict[int, str | None] = {int(key): name for key, name in named.items()} if fits else {}
        names = [name for name in self._named.values() if name is not None]
        if not names or _FREE in names or len(set(names)) > IGNORE - 2:
            remedy = "Name every id that labels have, null for those of no class; `free` is a class by itself."
            expected, found = "ids and names of classes", str(named)[:80]
            raise InputError(file=file, field="classes", expected=expected, found=found, remedy=remedy)
        self._names = (_FREE, *dict.fromkeys(names))

    def task(self, grid: VoxelGrid) -> Task:
        """The classes on a grid: `free` is 0, the others follow as the file names them."""
        return Task(name=self.file.stem, grid=grid, classes=self._names, free=0)

    def classes(
        self, ids: Integer[np.ndarray, "*shape"], source: Path, known: Sequence[int] = ()
    ) -> UInt8[np.ndarray, "*shape"]:
        """Classes of ids, 255 for none.

        Args:
            ids: less than `IDS`.
            source: the file that they are from, for errors.
            known: ids that mean what they are.

        Raises:
            InputError: an id has no name.
        """
        unnamed = [int(one) for one in np.unique(ids) if int(one) not in self._named and int(one) not in known]
        if unnamed:
            raise InputError(
                file=source,
                field="label ids",
                expected=f"ids that {self.file} names",
                found=f"{some(list(map(str, unnamed)))} besides",
                remedy='Name them there, null for those of no class: {"0": null}.',
            )
        table = self._table.copy()
        for one in known:
            table[one] = one
        return table[ids.astype(np.int64)]

    @cached_property
    def _table(self) -> UInt8[np.ndarray, "ids"]:
        table = np.full(IDS, IGNORE, np.uint8)
        for key, name in self._named.items():
            if name is not None:
                table[key] = self._names.index(name)
        return table
