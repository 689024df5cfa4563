"""Python objects in `.npz` files, which NumPy keeps as pickles: read without running anything."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from voxway.core.arrays import MOST_BYTES
from voxway.core.errors import InputError
from voxway.core.files import reading
from voxway.data.files.pickles import read_pickled


def read_objects(path: Path, name: str, remedy: str) -> list[object]:
    """The plain objects (mappings, lists, texts, numbers, arrays of numbers) of one array of a `.npz` file.

    Only this array is read, whatever else the file holds.

    Raises:
        InputError: missing or damaged file, no array of that name, or objects that could run code.
    """
    with reading(path, remedy):
        try:
            with zipfile.ZipFile(path) as archive:
                held = archive.namelist()
                if f"{name}.npy" not in held:
                    raise _bad(path, name, f"an array {name!r}", sorted(held)[:9], remedy)
                if (size := archive.getinfo(f"{name}.npy").file_size) > MOST_BYTES:
                    raise _bad(path, name, f"at most {MOST_BYTES} bytes", size, remedy)
                file = io.BytesIO(archive.read(f"{name}.npy"))
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, kind = read(file)
        except (OSError, InputError):
            raise
        except Exception as error:  # a damaged archive makes its reader raise anything
            raise _bad(path, name, "an array of a whole archive (.npz)", error, remedy) from error
    if not kind.hasobject:
        # An empty list becomes an array of numbers.
        if 0 in shape:
            return []
        raise _bad(path, name, "a list of named values", f"{kind} {shape}", remedy)
    stored = read_pickled(file.read(), path, name, remedy)
    if not isinstance(stored, np.ndarray) or stored.ndim > 1:
        raise _bad(path, name, "a list of named values", type(stored).__name__, remedy)
    return list(stored.reshape(-1))


def _bad(path: Path, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=path, field=field, expected=expected, found=found, remedy=remedy)
