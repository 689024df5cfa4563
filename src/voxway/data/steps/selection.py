"""Which frames and voxels have labels, where an annotator was asked for some only.

::

    selection/
        selection.json          keys of the frames, rounds in order
        voxels/<n>/<key>.bits   voxels that round n chose, 8 per byte, C order (x, y, z); absent: all or none of them
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from voxway.core.errors import InputError
from voxway.core.files import Json, read_json, write_bytes, write_json
from voxway.core.grid import VoxelGrid

_REMEDY = "Make it again with `voxway select`."


@dataclass(frozen=True)
class Selection:
    """Frames, and voxels of frames, that may supervise. Rounds only ever add to it.

    Attributes:
        folder: where it is kept.
        rounds: keys that each round added, and what else is known about the round.
    """

    folder: Path
    rounds: tuple[dict[str, Json], ...] = ()

    @classmethod
    def load(cls, folder: Path | str) -> Selection:
        """Read a selection.

        Raises:
            InputError: it is absent or damaged.
        """
        path = Path(folder) / "selection.json"
        content = read_json(path, remedy=_REMEDY)
        if not isinstance(content, dict) or not isinstance(content.get("rounds"), list):
            raise InputError(file=path, field="rounds", expected="a list", found="none", remedy=_REMEDY)
        for number, entry in enumerate(content["rounds"]):
            keys = entry.get("keys") if isinstance(entry, dict) else None
            if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
                raise InputError(
                    file=path, field=f"rounds[{number}].keys", expected="a list of keys", found=entry, remedy=_REMEDY
                )
        return cls(Path(folder), tuple(content["rounds"]))

    @property
    def keys(self) -> frozenset[str]:
        """Frames that may supervise."""
        return frozenset(key for entry in self.rounds for key in entry["keys"])

    def with_round(self, keys: Sequence[str], **facts: Json) -> Selection:
        """The selection after one more round, which is written at once."""
        grown = replace(self, rounds=(*self.rounds, {**facts, "keys": sorted(keys)}))
        write_json(self.folder / "selection.json", {"rounds": list(grown.rounds)})
        return grown

    def voxels(self, key: str, grid: VoxelGrid) -> Bool[np.ndarray, "x y z"] | None:
        """The chosen voxels of a frame, all rounds together; None if all of them are.

        Raises:
            InputError: a file has another size.
        """
        if any(key in entry["keys"] and entry.get("voxels") is None for entry in self.rounds):
            return None
        chosen = np.zeros(grid.shape, bool)
        for number in range(len(self.rounds)):
            path = self.voxel_path(number, key)
            if path.exists():
                chosen |= _read_bits(path, grid)
        return chosen

    def files(self, key: str) -> list[Path]:
        """All that says which voxels of a frame are chosen."""
        bits = [self.voxel_path(number, key) for number in range(len(self.rounds))]
        return [self.folder / "selection.json", *(path for path in bits if path.exists())]

    def voxel_path(self, number: int, key: str) -> Path:
        """Where the voxels of a frame lie that round `number` (from 0) chose."""
        return self.folder / "voxels" / str(number) / f"{key.replace('/', '_')}.bits"


def write_bits(path: Path, chosen: Bool[np.ndarray, "x y z"]) -> None:
    """Write chosen voxels, atomically."""
    write_bytes(path, np.packbits(chosen).tobytes())


def _read_bits(path: Path, grid: VoxelGrid) -> Bool[np.ndarray, "x y z"]:
    packed = np.fromfile(path, np.uint8)
    if len(packed) != -(-grid.count // 8):
        expected = f"{-(-grid.count // 8)} bytes, for {grid}"
        raise InputError(file=path, field="size", expected=expected, found=f"{len(packed)} bytes", remedy=_REMEDY)
    return np.unpackbits(packed, count=grid.count).astype(bool).reshape(grid.shape)
