"""NumPy files: one reader of `.npy` and `.npz` that came from outside, of files and of bytes, and one writer.

Arrays are numbers in this machine's byte order. Nothing that a file says of itself is believed: not its name, not the
sizes in its headers, and nothing in it is run.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from voxway.core.contents import HEAD, contents, is_text
from voxway.core.errors import InputError
from voxway.core.files import atomic_path

MOST_BYTES = 2 << 30
"""Of the arrays of a file: a small archive may hold any number of zeros."""
_ARRAY, _ARCHIVE = b"\x93NUMPY", b"PK"


def write_array(path: Path | str, array: np.ndarray) -> None:
    """Write a `.npy` file, atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def write_archive(path: Path | str, arrays: Mapping[str, np.ndarray], *, objects: bool = False) -> None:
    """Write a compressed `.npz` file, atomically; the same arrays give the same bytes.

    Args:
        path: the file.
        arrays: by name.
        objects: whether some hold Python objects, which other people's programs read as pickles.
    """
    stored: dict[str, Any] = dict(arrays)  # of any type, for numpy's signature also has a flag of that form
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=objects, **stored)


def read_array(source: Path | str, remedy: str) -> np.ndarray:
    """Read a `.npy` file.

    Raises:
        InputError: missing or damaged file, an archive, or something else than numbers.
    """
    data = _bytes(source, remedy)
    if data[:2] == _ARCHIVE:
        raise InputError(file=source, field="contents", expected="one array (.npy)", found="an archive", remedy=remedy)
    with _reading(source, "contents", "one array, a NumPy file (.npy)", data, remedy):
        _require_room(data)
        array = np.load(io.BytesIO(data), allow_pickle=False)
    return _numbers(array, source, "dtype", remedy)


def read_member(source: Path | str, name: str | None, remedy: str) -> np.ndarray:
    """Read one array of a `.npz` file.

    Args:
        source: the file.
        name: of the array; None: the only one.
        remedy: what to do where it cannot be read.

    Raises:
        InputError: missing or damaged file, no array of that name, or something else than numbers.
    """
    return read_archive(_bytes(source, remedy), source, None if name is None else [name], remedy)[name or ""]


def read_archive(data: bytes, source: object, names: list[str] | None, remedy: str) -> dict[str, np.ndarray]:
    """Arrays of a `.npz` file's bytes, by name.

    Args:
        data: all of them.
        source: where they come from, for errors.
        names: which arrays; None: there must be only one, which is returned under the name "". An empty list: all.
        remedy: what to do where they cannot be read.

    Raises:
        InputError: damaged, no array of a name, or something else than numbers.
    """
    if data.startswith(_ARRAY):
        raise InputError(file=source, field="contents", expected="an archive (.npz)", found="one array", remedy=remedy)
    with _reading(source, "contents", "an archive (.npz)", data, remedy):
        archive = zipfile.ZipFile(io.BytesIO(data))
    with archive:
        held = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if names is None and len(held) != 1:
            raise InputError(file=source, field="contents", expected="one array", found=sorted(held)[:9], remedy=remedy)
        wanted = {"": next(iter(held))} if names is None else {name: name for name in names or held}
        arrays: dict[str, np.ndarray] = {}
        for key, name in wanted.items():
            if name not in held:
                expected = f"an array {name!r}"
                raise InputError(file=source, field=name, expected=expected, found=sorted(held)[:9], remedy=remedy)
            with _reading(source, name, "an array", data, remedy):
                if held[name].file_size > MOST_BYTES:
                    raise ValueError(f"{held[name].file_size} bytes, more than {MOST_BYTES}")
                member = archive.read(held[name])
                _require_room(member)
                array = np.load(io.BytesIO(member), allow_pickle=False)
            arrays[key] = _numbers(array, source, name, remedy)
    return arrays


def _bytes(path: Path | str, remedy: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(file=path, field="file", expected="present", found="absent", remedy=remedy) from None
    except OSError as error:  # a folder, a path below a file, or no permission
        raise InputError(file=path, field="file", expected="a file", found=error.strerror, remedy=remedy) from None


def _require_room(data: bytes) -> None:
    """Refuse an array whose header speaks of more bytes than there are, before room is made for them."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = read(file)
    wanted = kind.itemsize
    for side in shape:
        wanted *= int(side)
    if not kind.hasobject and not 0 <= wanted <= len(data):
        raise ValueError(f"{len(data)} bytes for an array of {kind} {shape}")


def _numbers(array: np.ndarray, source: object, field: str, remedy: str) -> np.ndarray:
    if array.dtype.kind not in "buif":
        raise InputError(file=source, field=field, expected="an array of numbers", found=array.dtype, remedy=remedy)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


@contextmanager
def _reading(source: object, field: str, expected: str, data: bytes, remedy: str) -> Generator[None]:
    """Errors of NumPy and of its archives, of which there are many kinds, as ours."""
    try:
        yield
    except Exception as error:
        kind = contents(data[:HEAD])
        found: object = str(error).splitlines()[0] if str(error) else type(error).__name__
        if kind is not None and not data.startswith((_ARRAY, _ARCHIVE)):
            found, remedy = kind.name, kind.remedy
        elif not data or is_text(data[:HEAD]):
            found = "text" if data else "an empty file"
        elif "pickle" in str(found) or "Object arrays" in str(found):
            found = "Python objects, which are not loaded: they may run any code"
        raise InputError(file=source, field=field, expected=expected, found=found, remedy=remedy) from error
