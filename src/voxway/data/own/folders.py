"""Pictures and scans that lie as files in a folder, in order of time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from voxway.core.errors import InputError
from voxway.core.files import listed
from voxway.core.geometry_faults import times_fault
from voxway.data.files.clouds import SUFFIXES, read_cloud
from voxway.data.files.images import read_image
from voxway.data.files.names import PICTURES, names_in, some
from voxway.data.own.lines import read_lines
from voxway.data.own.rig import Times

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Units of times, by how many a second has."""
_MOST_NUMBER = 10**9
"""Whole numbers in names below this count recordings; greater ones are stamps."""


@dataclass(frozen=True, eq=False)
class PictureFolder:
    """Pictures of one camera; see `Stream`."""

    paths: tuple[Path, ...]
    times_s: Float64[np.ndarray, "n"]

    def read(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """See `Stream.read`."""
        return read_image(self.paths[index])

    def path(self, index: int) -> Path:
        """See `Stream.path`."""
        return self.paths[index]


@dataclass(frozen=True, eq=False)
class ScanFolder:
    """Scans of one LiDAR; see `Stream`."""

    paths: tuple[Path, ...]
    times_s: Float64[np.ndarray, "n"]
    columns: tuple[str, ...]
    """Of files whose columns have no names."""

    def read(self, index: int) -> Float32[np.ndarray, "p c"]:
        """See `Stream.read`."""
        return read_cloud(self.paths[index], self.columns, float(self.times_s[index]))

    def path(self, index: int) -> Path:
        """See `Stream.path`."""
        return self.paths[index]


def open_pictures(folder: Path, times: Times) -> PictureFolder:
    """The pictures of a folder.

    Raises:
        InputError: no folder, no picture in it, or times that are not those of its files.
    """
    return PictureFolder(*_timed(folder, tuple(f".{name}" for name in PICTURES), times))


def open_scans(folder: Path, times: Times, columns: tuple[str, ...]) -> ScanFolder:
    """The scans of a folder.

    Raises:
        InputError: as of `open_pictures`.
    """
    return ScanFolder(*_timed(folder, SUFFIXES, times), columns)


def numbers_of(names: Sequence[str]) -> Int64[np.ndarray, "n"] | None:
    """The numbers by which files' names, without their endings, count recordings; None where they do not."""
    found = [re.search(r"(\d+)$", name) for name in names]
    numbers = [int(match[1]) for match in found if match is not None]
    if len(numbers) < len(names) or len(set(numbers)) < len(names) or max(numbers) >= _MOST_NUMBER:
        return None
    return np.array(numbers, np.int64)


def _timed(folder: Path, endings: Sequence[str], times: Times) -> tuple[tuple[Path, ...], Float64[np.ndarray, "n"]]:
    """Files and their times, in order of time."""
    paths = [path for path in listed(folder) if path.suffix in endings and not path.name.startswith(".")]
    if not paths:
        found = f"none; it holds {some(names_in(folder))}" if folder.is_dir() else "no such folder"
        remedy = "Paths in a rig's file are taken from the folder that it lies in."
        raise _bad(folder, "files", f"files {' '.join(dict.fromkeys(map(str.lower, endings)))}", found, remedy)
    if times.kind == "rate":
        numbers = numbers_of([path.stem for path in paths])
        seconds = (np.arange(len(paths)) if numbers is None else numbers) / times.rate_hz
    elif times.kind == "names":
        seconds = np.array([_stamp(path, times.unit) for path in paths])
    else:
        seconds = _listed_times(paths, times)
    order = np.argsort(seconds, kind="stable")
    return tuple(paths[number] for number in order), seconds[order] + times.offset_s


def _stamp(path: Path, unit: str) -> float:
    """The time that ends a file's name: 1700000000.5, 1700000000_500000000, or a whole number of a unit."""
    name = path.stem.removesuffix(".pcd")  # scans without a header are often called .pcd.bin
    two = re.search(r"(\d+)_(\d{9})$", name)
    if two and unit == "s":
        return (int(two[1]) * 10**9 + int(two[2])) / 10**9
    one = re.search(r"\d+(\.\d+)?$", name)
    if one is None:
        remedy = "Say when its pictures were taken by a file of times or a rate."
        raise _bad(path, "name", f"a name that ends in its time ({unit})", path.name, remedy)
    # Whole numbers are divided exactly: seconds since 1970 leave no digit to spare.
    return (float(one[0]) if one[1] else int(one[0])) / PER_SECOND[unit]


def _listed_times(paths: Sequence[Path], times: Times) -> Float64[np.ndarray, "n"]:
    """From a file of a line for each: a time, or a time and the file's name."""
    assert times.file is not None
    rows = read_lines(times.file)
    seconds = [row.number_at(0) / PER_SECOND[times.unit] for row in rows]
    if all(len(row.words) == 2 for row in rows):
        by_name = {Path(row.words[1]).name: second for row, second in zip(rows, seconds)}
        missing = [path.name for path in paths if path.name not in by_name]
        if missing:
            remedy = "Write a line 'time name' for each file."
            raise _bad(times.file, "names", f"all files of {paths[0].parent}", f"no {some(missing)}", remedy)
        return np.array([by_name[path.name] for path in paths])
    if (wrong := times_fault(np.array(seconds))) is not None:
        remedy = 'Say the unit beside the file: "unit": "ns".'
        raise wrong.error(times.file, "times", remedy)
    chosen = line_of(paths, len(rows))
    if chosen is None:
        expected = f"{len(paths)} lines, one for each file of {paths[0].parent}"
        remedy = "Write a line for each file, or lines 'time name'."
        raise _bad(times.file, "lines", expected, len(rows), remedy)
    return np.array(seconds)[chosen]


def line_of(paths: Sequence[Path], lines: int) -> Int64[np.ndarray, "n"] | None:
    """Which of so many lines is whose: one for each file in order; or, where names count recordings, line 0 for
    recording 0 and so on. None where neither can be."""
    numbers = numbers_of([path.stem for path in paths])
    if len(paths) == lines:
        return np.arange(lines)
    return numbers if numbers is not None and numbers.max() < lines else None


def _bad(file: object, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
