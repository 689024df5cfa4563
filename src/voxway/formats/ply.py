"""PLY (binary, little endian): occupied voxels as points, or as the cubes that they are, coloured by class.

Vertices carry ``x y z red green blue class``, and ``confidence`` where probabilities are known; comments of the header
name frame and classes. Source: the format's description (Turk 1994), as plyfile and trimesh read it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from voxway.core.files import atomic_path
from voxway.core.occupancy import Occupancy
from voxway.core.version import __version__
from voxway.formats.moment import Coordinates, Moment, T_frame_ego, Voxels, occupied_voxels
from voxway.formats.options import WriteOptions
from voxway.view.surface import exposed_faces

_TYPES = {"f4": "float", "u1": "uchar"}
_ROUND = ((0, 0), (1, 0), (1, 1), (0, 1))
"""Corners of a face along its two other axes, anticlockwise as seen from the upper end of its own axis."""


def write_points(path: Path, moment: Moment, options: WriteOptions) -> None:
    """Write the centres of occupied voxels, atomically.

    Raises:
        InputError: world coordinates without a pose.
        OutputError: the file cannot be written.
    """
    voxels = occupied_voxels(moment.occupancy, options.frame)
    _write(path, moment.occupancy, options.frame, _vertices(voxels, voxels.centres, slice(None)), None)


def write_cubes(path: Path, moment: Moment, options: WriteOptions) -> None:
    """Write the faces between occupied voxels and others as triangles, atomically; their normals point outwards.

    Raises:
        InputError: world coordinates without a pose.
        OutputError: the file cannot be written.
    """
    occupancy = moment.occupancy
    voxels = occupied_voxels(occupancy, options.frame)
    faces = exposed_faces(occupancy.occupied.cpu().numpy())
    corners = _corners(occupancy, faces.index, faces.direction.astype(int)).reshape(-1, 3)
    T = T_frame_ego(occupancy, options.frame)
    owner = _rows(occupancy, voxels.index)[tuple(faces.index.T)].repeat(4)
    first = 4 * np.arange(len(faces))
    triangles = np.stack([first[:, None] + (0, 1, 2), first[:, None] + (0, 2, 3)], 1).reshape(-1, 3)
    _write(path, occupancy, options.frame, _vertices(voxels, corners @ T[:3, :3].T + T[:3, 3], owner), triangles)


def _rows(occupancy: Occupancy, index: Int[np.ndarray, "p 3"]) -> Int[np.ndarray, "x y z"]:
    """Row of each occupied voxel."""
    rows = np.zeros(occupancy.task.grid.shape, np.int64)
    rows[tuple(index.T)] = np.arange(len(index))
    return rows


def _corners(
    occupancy: Occupancy, index: Int[np.ndarray, "f 3"], direction: Int[np.ndarray, "f"]
) -> Float[np.ndarray, "f 4 3"]:
    """Corners of faces in ego metres, anticlockwise as seen from outside."""
    grid = occupancy.task.grid
    corners = index[:, None].repeat(4, 1).astype(np.float64)
    for d in range(6):
        own, axis, upper = direction == d, d // 2, d % 2
        along, across = (axis + 1) % 3, (axis + 2) % 3
        for corner, (i, j) in enumerate(_ROUND if upper else _ROUND[::-1]):
            corners[own, corner, axis] += upper
            corners[own, corner, along] += i
            corners[own, corner, across] += j
    return corners * grid.cell + grid.lower


def _vertices(voxels: Voxels, positions: Float[np.ndarray, "v 3"], owner: np.ndarray | slice) -> np.ndarray:
    """Rows of the file: positions with what their voxels are."""
    columns = dict(zip("xyz", positions.T.astype("<f4")))
    columns |= dict(zip(("red", "green", "blue"), voxels.colours[owner].T))
    columns["class"] = voxels.ids[owner]
    if voxels.confidence is not None:
        columns["confidence"] = voxels.confidence[owner].astype("<f4")
    rows = np.empty(len(positions), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    return rows


def _write(
    path: Path, occupancy: Occupancy, frame: Coordinates, vertices: np.ndarray, triangles: Int[np.ndarray, "t 3"] | None
) -> None:
    header = ["ply", "format binary_little_endian 1.0", f"comment voxway {__version__}, frame {frame}, metres"]
    header += [f"comment class {number} {name}" for number, name in enumerate(occupancy.task.classes)]
    header += [f"element vertex {len(vertices)}"]
    assert vertices.dtype.names is not None
    header += [f"property {_TYPES[vertices.dtype[name].str[1:]]} {name}" for name in vertices.dtype.names]
    faces = b""
    if triangles is not None:
        header += [f"element face {len(triangles)}", "property list uchar int vertex_indices"]
        rows = [np.full((len(triangles), 1), 3, np.uint8), triangles.astype("<i4").view(np.uint8)]
        faces = np.concatenate(rows, 1).tobytes()
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write("\n".join([*header, "end_header\n"]).encode())
        file.write(vertices.tobytes())
        file.write(faces)
