"""Reading NumPy files that came from outside: every failure names the file and what to do."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from voxway.core.errors import InputError

_DAMAGED = (ValueError, EOFError, OSError, zipfile.BadZipFile)


def read_array(path: Path | str, remedy: str) -> np.ndarray:
    """Read a `.npy` file; pickled objects are refused.

    Raises:
        InputError: missing or damaged file.
    """
    array = _load(path, remedy)
    if not isinstance(array, np.ndarray):
        array.close()
        raise InputError(file=path, field="contents", expected="one array (.npy)", found="an archive", remedy=remedy)
    return array


def read_member(path: Path | str, name: str, remedy: str) -> np.ndarray:
    """Read one array of a `.npz` file; pickled objects are refused.

    Raises:
        InputError: missing or damaged file, or no array of that name.
    """
    archive = _load(path, remedy)
    if isinstance(archive, np.ndarray):
        raise InputError(file=path, field="contents", expected="an archive (.npz)", found="one array", remedy=remedy)
    with archive:
        if name not in archive.files:
            expected = f"an array {name!r}"
            raise InputError(file=path, field=name, expected=expected, found=sorted(archive.files), remedy=remedy)
        try:
            return archive[name]
        except _DAMAGED as error:
            raise InputError(file=path, field=name, expected="an array", found=error, remedy=remedy) from error


def _load(path: Path | str, remedy: str) -> np.ndarray | np.lib.npyio.NpzFile:
    try:
        return np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(file=path, field="file", expected="present", found="absent", remedy=remedy) from None
    except _DAMAGED as error:
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(file=path, field="contents", expected="a NumPy file", found=found, remedy=remedy) from error
