"""Predictions as one `.npz` of class ids per frame: written, read, checked and packed alike for several benchmarks."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from voxway.core.arrays import MOST_BYTES, read_archive
from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.core.files import atomic_path
from voxway.core.occupancy import Occupancy
from voxway.core.task import IGNORE

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""One time stamp for all members, so that equal predictions give equal archives."""
_REMEDY = "Write it again with `voxway predict`."


@dataclass(frozen=True, kw_only=True)
class PredictionFiles:
    """How one benchmark's predictions are stored.

    Attributes:
        benchmark: whose class ids, in its ids on disk.
        ending: what follows a frame's key in its file's name.
        array: name of the one array in each file.
        key: what a key looks like (a regular expression).
    """

    benchmark: Benchmark
    ending: str
    array: str
    key: str

    def name(self, key: str) -> str:
        """Path of a frame's prediction within a submission.

        Raises:
            InputError: no key of this benchmark.
        """
        if re.fullmatch(self.key, key) is None:
            raise _bad("sample key", "key", f"a key of {self.benchmark.name} ({self.key})", repr(key))
        return key + self.ending

    def write(self, folder: Path | str, occupancy: Occupancy) -> Path:
        """Write one frame's prediction in ids on disk, atomically.

        Args:
            folder: the submission's folder.
            occupancy: of this benchmark's task, with the frame's key.

        Raises:
            InputError: of another task, or with voxels of which nothing is said.
        """
        require_prediction(occupancy, self.benchmark)
        path = Path(folder) / self.name(occupancy.key)
        stored = {self.array: self.benchmark.to_raw(occupancy.classes.cpu().numpy()).astype(np.uint8)}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **stored)
        return path

    def read(self, folder: Path | str, key: str) -> Occupancy:
        """Read one frame's prediction.

        Raises:
            InputError: it is absent, damaged, of another grid, or holds ids that are no class.
        """
        path = Path(folder) / self.name(key)
        if not path.exists():
            raise _bad(path, "file", "present", "absent")
        classes = torch.from_numpy(self._decode(path.read_bytes(), path))
        return Occupancy(task=self.benchmark.task, classes=classes, key=key)

    def check(self, path: Path | str, keys: Sequence[str]) -> None:
        """Check a submission, folder or zip: all frames and no others, every one of them whole.

        Raises:
            InputError: nothing there, frames missing or too many, or a file that `read` refuses.
        """
        with open_submission(Path(path)) as (names, read):
            for name in _exactly(path, names, {self.name(key) for key in keys}):
                self._decode(read(name), f"{path}: {name}")

    def pack(self, folder: Path | str, path: Path | str, keys: Sequence[str]) -> None:
        """Check a submission's folder and pack it into a zip, atomically.

        Raises:
            InputError: see `check`.
        """
        self.check(folder, keys)
        _pack(folder, path, {self.name(key) for key in keys})

    def _decode(self, data: bytes, source: object) -> UInt8[np.ndarray, "x y z"]:
        benchmark = self.benchmark
        stored = read_archive(data, source, [self.array], _REMEDY)[self.array]
        if stored.shape != benchmark.grid.shape or stored.dtype != np.uint8:
            expected = f"uint8 {benchmark.grid.shape}"
            raise _bad(source, self.array, expected, f"{stored.dtype} {stored.shape}")
        return training_ids(stored, benchmark, source)


def training_ids(stored: np.ndarray, benchmark: Benchmark, source: object) -> UInt8[np.ndarray, "*v"]:
    """Training ids of a prediction in a benchmark's ids on disk, whole numbers of any type.

    Args:
        stored: the ids.
        benchmark: whose.
        source: the file they came from, for the error.

    Raises:
        InputError: an id is no class; in a prediction every voxel has one.
    """
    ids = benchmark.train_to_raw or tuple(range(len(benchmark.classes)))
    table = np.full(max(ids) + 3, IGNORE, np.uint8)
    table[[one + 1 for one in ids]] = np.arange(len(ids))
    trained = table[np.clip(stored, -1, max(ids) + 1, dtype=np.int64, casting="unsafe") + 1]
    unknown = trained == IGNORE
    if unknown.any():
        found = np.unique(stored[unknown])[:5].tolist()
        raise _bad(source, "class ids", f"{min(ids)}..{max(ids)}, classes of {benchmark.name}", found)
    return trained


def require_prediction(occupancy: Occupancy, benchmark: Benchmark) -> None:
    """Refuse to hand in what is no prediction of a benchmark.

    Raises:
        InputError: another grid or other classes, or voxels of which nothing is said.
    """
    task, wanted = occupancy.task, benchmark.task
    source = f"prediction {occupancy.key}"
    if (task.grid, task.classes) != (wanted.grid, wanted.classes):
        raise _bad(source, "task", f"{wanted.name}, {wanted.grid}", f"{task.name}, {task.grid}")
    if not occupancy.known.all():
        raise _bad(source, "class ids", f"0..{len(wanted.classes) - 1} in every voxel", IGNORE)


def _exactly(path: Path | str, names: Sequence[str], expected: set[str]) -> list[str]:
    """The expected names, sorted, if these and no others are among the `.npz` files of a submission."""
    found = {name for name in names if name.endswith(".npz")}
    missing, extra = sorted(expected - found), sorted(found - expected)
    wanted = f"{len(expected)} predictions"
    if missing:
        what = f"{len(missing)} missing, the first {missing[0]}"
        raise _bad(path, "frames", wanted, what, "Predict the missing frames; they must lie at the top.")
    if extra:
        what = f"{len(extra)} more, the first {extra[0]}"
        raise _bad(path, "frames", wanted, what, "Remove those that are not asked for.")
    return sorted(expected)


@contextmanager
def open_submission(path: Path, remedy: str = _REMEDY) -> Generator[tuple[list[str], Callable[[str], bytes]]]:
    """Names of all files of a submission, folder or zip, and a function that reads one of them.

    Raises:
        InputError: nothing there, or a file that is no zip; says `remedy`.
    """
    if path.is_dir():
        names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
        yield names, lambda name: (path / name).read_bytes()
        return
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise _bad(path, "file", "a folder or a zip", "absent", remedy) from None
    except OSError as error:
        raise _bad(path, "reading", "readable", error.strerror, "Give yourself the right to read it.") from None
    except Exception as error:  # a damaged archive makes it raise anything
        raise _bad(path, "contents", "a zip archive", error, remedy) from error

    def read(name: str) -> bytes:
        try:
            if (size := archive.getinfo(name).file_size) > MOST_BYTES:
                raise ValueError(f"{size} bytes, more than {MOST_BYTES}")
            return archive.read(name)
        except Exception as error:
            raise _bad(f"{path}: {name}", "contents", "a whole file", error, remedy) from error

    with archive:
        names = archive.namelist()
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            found = f"{len(twice)} more than once, the first {twice[0]}"
            raise _bad(path, "frames", "every file once", found, remedy)
        yield names, read


def _pack(folder: Path | str, path: Path | str, names: set[str]) -> None:
    """Put files of a folder into a zip, atomically."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(names):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), (Path(folder) / name).read_bytes())


def _bad(file: object, field: str, expected: object, found: object, remedy: str = _REMEDY) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)


@dataclass(frozen=True)
class OccupancyFiles:
    """Predictions of a dataset whose benchmark has no server: `<key>.npz`, as `Occupancy.save` writes them.

    Attributes:
        benchmark: whose predictions.
    """

    benchmark: Benchmark

    def name(self, key: str) -> str:
        """Path of a frame's prediction."""
        return f"{key}.npz"

    def write(self, folder: Path | str, occupancy: Occupancy) -> Path:
        """Write one frame's prediction, atomically.

        Raises:
            InputError: of another task, or with voxels of which nothing is said.
        """
        require_prediction(occupancy, self.benchmark)
        return occupancy.save(Path(folder) / self.name(occupancy.key))

    def read(self, folder: Path | str, key: str) -> Occupancy:
        """Read one frame's prediction.

        Raises:
            InputError: it is absent, damaged, or of another task.
        """
        occupancy = Occupancy.load(Path(folder) / self.name(key))
        require_prediction(occupancy, self.benchmark)
        return occupancy

    def check(self, path: Path | str, keys: Sequence[str]) -> None:
        """Check a folder or a zip: all frames and no others, every one of them whole.

        Raises:
            InputError: nothing there, frames missing or too many, or a file that `read` refuses.
        """
        with open_submission(Path(path)) as (names, read):
            for name in _exactly(path, names, {self.name(key) for key in keys}):
                require_prediction(Occupancy.decode(read(name), f"{path}: {name}"), self.benchmark)

    def pack(self, folder: Path | str, path: Path | str, keys: Sequence[str]) -> None:
        """Check a folder and pack it into a zip, atomically.

        Raises:
            InputError: see `check`.
        """
        self.check(folder, keys)
        _pack(folder, path, {self.name(key) for key in keys})
