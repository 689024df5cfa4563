"""Packed flags: one bit per voxel, C order (x, y, z), the most significant bit first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool

from voxway.core.contents import contents
from voxway.core.errors import InputError
from voxway.core.files import write_bytes
from voxway.core.grid import VoxelGrid
from voxway.data.files.raw import read_bytes


def read_flags(path: Path | str, grid: VoxelGrid) -> Bool[np.ndarray, "x y z"]:
    """Read packed flags.

    Raises:
        InputError: missing file, or not one bit per voxel of `grid`.
    """
    data = read_bytes(path)
    if len(data) * 8 != grid.count:
        kind = contents(data)
        whole = ", as many as a byte for each voxel" if len(data) == grid.count else ""
        raise InputError(
            file=path,
            field="size",
            expected=f"{grid.count // 8} bytes, one bit for each of {grid.shape} voxels",
            found=f"{len(data)} bytes{f', {kind.name}' if kind else whole}",
            remedy=kind.remedy if kind else "The copy is cut short, or of another grid; fetch or make it again.",
        )
    return np.unpackbits(np.frombuffer(data, np.uint8)).view(bool).reshape(grid.shape)


def write_flags(path: Path | str, flags: Bool[np.ndarray, "x y z"]) -> None:
    """Write packed flags, atomically.

    Raises:
        ValueError: the flags do not fill whole bytes.
    """
    if flags.size % 8:
        raise ValueError(f"flags are packed eight to a byte, got {flags.size} of them")
    write_bytes(path, np.packbits(np.ascontiguousarray(flags, bool)).tobytes())
