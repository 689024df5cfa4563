"""Surface: which faces of a voxel volume can be seen at all, and how much open sky their corners have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

DIRECTIONS = np.array([(-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)])
"""Outward normals. Direction d belongs to axis d // 2; a face's other axes follow cyclically (x: y, z; y: z, x)."""

CORNERS = ((0, 0), (1, 0), (0, 1), (1, 1))
"""Corners of a face along its two other axes, in the order in which `Faces.light` lists them."""


@dataclass(frozen=True, kw_only=True)
class Faces:
    """Faces between an occupied voxel and one that is not, sorted by direction, then by voxel.

    Attributes:
        index: the occupied voxel.
        direction: row of `DIRECTIONS`.
        light: ambient light at the four `CORNERS`, 0 (in a nook) .. 1 (open).
    """

    index: Int[np.ndarray, "f 3"]
    direction: UInt8[np.ndarray, "f"]
    light: Float[np.ndarray, "f 4"]

    def __len__(self) -> int:
        return len(self.index)


def exposed_faces(solid: Bool[np.ndarray, "x y z"]) -> Faces:
    """Faces of solid voxels whose neighbour is not solid; what lies outside the volume is open.

    A corner's light counts the voxels that stand over it on the open side of the face: ``(3 - sides - diagonal) / 3``,
    and 0 where both sides are solid.
    """
    padded = np.pad(solid, 1)
    flat = padded.reshape(-1)
    strides = (padded.shape[1] * padded.shape[2], padded.shape[2], 1)
    occupied = np.flatnonzero(flat)
    voxels, directions, lights = [], [], []
    for direction, normal in enumerate(DIRECTIONS):
        front = occupied + normal @ np.array(strides)
        is_open = ~flat[front]
        voxels.append(occupied[is_open])
        directions.append(np.full(len(voxels[-1]), direction, np.uint8))
        first, second = (strides[(direction // 2 + turn) % 3] for turn in (1, 2))
        lights.append(_corner_light(flat, front[is_open], first, second))
    index = np.stack(np.unravel_index(np.concatenate(voxels), padded.shape), -1) - 1
    return Faces(index=index, direction=np.concatenate(directions), light=np.concatenate(lights))


def _corner_light(flat: np.ndarray, front: np.ndarray, first: int, second: int) -> Float[np.ndarray, "f 4"]:
    light = np.empty((len(front), 4), np.float32)
    for corner, (i, j) in enumerate(CORNERS):
        along_first, along_second = (2 * i - 1) * first, (2 * j - 1) * second
        sides = flat[front + along_first].astype(np.int8) + flat[front + along_second]
        diagonal = flat[front + along_first + along_second]
        light[:, corner] = np.where(sides == 2, 0, 3 - sides - diagonal) / 3
    return light
