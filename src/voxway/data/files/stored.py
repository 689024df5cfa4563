"""Predictions that other people's code wrote: a volume of class ids for each frame, or a list of voxels, in the layouts
that are about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from voxway.core.arrays import read_archive, read_array
from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.data.files.names import some
from voxway.data.files.predictions import PredictionFiles, training_ids
from voxway.data.files.volumes import read_beside
from voxway.data.files.voxel_lists import is_list, listed, volume_of

if TYPE_CHECKING:
    from voxway.data.entry import Server

ARRAYS = ("pred", "semantics", "arr_0", "voxel_label")
"""Names under which a volume is looked for in an archive, the first one found; or else its only array."""
_PLAIN = ("labels", "pred", "prediction", "semantics", "occupancy")
"""Names of files that say nothing of their frame; their folder does."""
_REMEDY = "Write one volume of class ids for each frame, uint8, in x, y, z order: TOKEN.npz with an array `pred`."


@dataclass(frozen=True)
class StoredPredictions:
    """Files of predictions by the keys of their frames.

    Attributes:
        benchmark: whose grid and ids on disk.
        folder: where they lie.
        files: the file of each frame that has one.
        others: how many files belong to no frame that was asked for.
        server: reads files under the names that `voxway predict` gives them; None where they are volumes, too.
    """

    benchmark: Benchmark
    folder: Path
    files: Mapping[str, Path]
    others: int
    server: Server | None = None

    @classmethod
    def find(
        cls, folder: Path | str, keys: Sequence[str], benchmark: Benchmark, server: Server | None = None
    ) -> StoredPredictions:
        """The files of frames, anywhere below a folder.

        A file belongs to the frame whose key its path ends in, without the ending: `KEY.npz`, `SCENE/KEY.npy`,
        `SCENE/KEY/labels.npz`. Where one lies under its name on the benchmark's server, all have those names.

        Raises:
            InputError: no folder, no file of any frame, or several of one.
        """
        folder, wanted = Path(folder), frozenset(keys)
        if not folder.is_dir():
            raise _bad(folder, "folder", "predictions", "no folder", _REMEDY)
        if server is not None and not isinstance(server, PredictionFiles):
            named = {key: path for key in keys if (path := folder / server.name(key)).exists()}
            if named:
                return cls(benchmark, folder, named, 0, server)
        found: dict[str, Path] = {}
        others = 0
        for path in sorted(path for path in folder.rglob("*") if path.suffix in (".npz", ".npy")):
            key = _key(path.relative_to(folder), wanted)
            if key is None:
                others += 1
            elif key in found:
                files = f"{found[key].relative_to(folder)} and {path.relative_to(folder)}"
                raise _bad(folder, f"frame {key}", "one prediction", files, "Keep the one that is meant.")
            else:
                found[key] = path
        if not found:
            kinds = f"{others} .npz and .npy files, none of them" if others else "no .npz or .npy file"
            expected = f"files named after frames, such as {keys[0]}.npz"
            raise _bad(folder, "frames", expected, kinds, "Check split, benchmark and names. " + _REMEDY)
        return cls(benchmark, folder, found, others)

    def require(self, keys: Sequence[str]) -> None:
        """Make sure that every frame has a prediction.

        Raises:
            InputError: names those that have none.
        """
        missing = [key for key in keys if key not in self.files]
        if missing:
            remedy = "Predict them, or pass --partial to score the others alone; that is another set of frames."
            found = f"{len(missing)} missing: {some(missing)}"
            raise _bad(self.folder, "frames", f"{len(keys)} predictions", found, remedy)

    def read(self, key: str) -> UInt8[np.ndarray, "x y z"]:
        """Training ids of one frame.

        Raises:
            InputError: a damaged file, several arrays none of which has a known name, another shape, numbers that are
                not whole, or ids that are no class.
        """
        if self.server is not None:
            return self.server.read(self.folder, key).classes.numpy()
        path = self.files[key]
        stored, name = _from_archive(path) if path.suffix == ".npz" else (read_array(path, _REMEDY), "array")
        if is_list(stored):
            places, ids = stored[:, :3], _with_usual_free(stored[:, 3], self.benchmark, path)
            stored = volume_of(np.column_stack([places, ids]), self.benchmark, path)
        else:
            stored = _with_usual_free(stored, self.benchmark, path)
        if stored.shape != self.benchmark.grid.shape:
            raise _bad(path, name, f"{self.benchmark.grid.shape} voxels (x, y, z)", stored.shape, _REMEDY)
        if stored.dtype.kind not in "ui":
            raise _bad(path, name, "class ids, whole numbers such as uint8", stored.dtype, _REMEDY)
        return training_ids(stored, self.benchmark, path)

    def beside(self, key: str, name: str) -> np.ndarray:
        """What one frame's file holds beside classes, (x, y, z) and more axes.

        Raises:
            InputError: the file is no archive, or has no such array, or one of another grid.
        """
        path = self.files.get(key)
        if self.server is not None or path is None or path.suffix != ".npz":
            remedy = f"Write an archive for each frame, KEY.npz with classes as `pred` and `{name}` beside them."
            raise _bad(path or self.folder, name, "an array beside the classes", "none", remedy)
        return read_beside(path, name, self.benchmark, _REMEDY)


def _key(path: Path, wanted: frozenset[str]) -> str | None:
    """The frame that a path below the folder ends in."""
    parts = path.with_suffix("").parts
    if len(parts) > 1 and parts[-1] in _PLAIN:
        parts = parts[:-1]
    tails = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((tail for tail in tails if tail in wanted), None)


def _from_archive(path: Path) -> tuple[np.ndarray, str]:
    arrays = read_archive(path.read_bytes(), path, [], _REMEDY)
    if (rows := listed(arrays)) is not None:
        return rows, "rows"
    name = next((name for name in ARRAYS if name in arrays), None)
    if name is None and len(arrays) == 1:
        (name,) = arrays
    if name is None:
        raise _bad(path, "arrays", f"one of {', '.join(ARRAYS)}, or one alone", some(arrays), _REMEDY)
    return arrays[name], name


def _with_usual_free(ids: np.ndarray, benchmark: Benchmark, path: Path) -> np.ndarray:
    """Ids in which free space has the benchmark's id, of those that may have another.

    Raises:
        InputError: both ids occur.
    """
    other, usual = benchmark.other_free, benchmark.free
    if other is None or not (ids == other).any():
        return ids
    if (ids == usual).any():
        expected = f"free voxels of one id, {usual} or {other}"
        found = f"{int((ids == usual).sum())} of {usual} and {int((ids == other).sum())} of {other}"
        remedy = (
            f"Where {other} is free, {usual} is something without a class, which {benchmark.name} cannot score: give "
            f"these voxels the class that your network finds likeliest besides, or {other} if you mean them to be free."
        )
        raise _bad(path, "class ids", expected, found, remedy)
    return np.where(ids == other, np.array(usual, ids.dtype), ids)


def _bad(file: object, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
