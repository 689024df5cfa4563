"""Shade: colours of classes on paper, and how light falls on the faces of voxels. The page shades the same way."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from voxway.core.grid import VoxelGrid
from voxway.core.task import Task
from voxway.view.raster import Picture, Rays
from voxway.view.surface import Faces

FACE_LIGHT = (0.74, 0.7, 0.84, 0.62, 0.5, 1.0)
"""Light on each direction of a face; neighbouring directions differ, so that edges of boxes show."""

OCCLUSION = 0.5
"""Share of the light that a corner without any open neighbour loses."""

EDGE = 0.16
"""Share of the light lost at the border of a voxel, where voxels are large enough in the picture."""

_EDGE_PX = 1.1

_CALM = 0.14
"""Share of its own grey in every colour: published palettes use pure primaries, on which shading hardly shows."""

_LIFT = 0.07
"""Share of white in every colour, so that shape still shows on the nearly black ones."""


def display_colours(task: Task) -> UInt8[np.ndarray, "k 3"]:
    """The task's palette, a trace calmer and lighter: RGB by training id."""
    palette = np.array(task.palette, np.float64)
    grey = palette @ np.array([0.299, 0.587, 0.114])  # luma of ITU-R BT.601
    calm = palette * (1 - _CALM) + grey[:, None] * _CALM
    return np.round(calm * (1 - _LIFT) + 255 * _LIFT).astype(np.uint8)


def shade(
    picture: Picture, faces: Faces, colours: UInt8[np.ndarray, "f 3"], grid: VoxelGrid, rays: Rays
) -> UInt8[np.ndarray, "p 3"]:
    """Colour of every pixel of `picture` that sees a face, in row-major order.

    ``colour * face light * (1 - OCCLUSION * (1 - corner light)) * (1 - EDGE * border)``
    """
    v, u = np.nonzero(picture.face >= 0)
    face, depth = picture.face[v, u], picture.depth[v, u].astype(np.float64)
    across, down, cell_px = _place_on_face(face, depth, u, v, faces, grid, rays)
    corner = faces.light[face]
    near = corner[:, 0] * (1 - across) + corner[:, 1] * across
    far = corner[:, 2] * (1 - across) + corner[:, 3] * across
    light = 1 - OCCLUSION * (1 - near * (1 - down) - far * down)
    light *= np.array(FACE_LIGHT)[faces.direction[face]]
    border_px = np.minimum(np.minimum(across, 1 - across), np.minimum(down, 1 - down)) * cell_px
    fade = np.clip((cell_px - 4) / 8, 0, 1)
    light *= 1 - EDGE * fade * np.clip(1 - border_px / _EDGE_PX, 0, 1)
    return np.clip(np.round(colours[face] * light[:, None]), 0, 255).astype(np.uint8)


def _place_on_face(
    face: np.ndarray, depth: np.ndarray, u: np.ndarray, v: np.ndarray, faces: Faces, grid: VoxelGrid, rays: Rays
) -> tuple[Float[np.ndarray, "p"], Float[np.ndarray, "p"], Float[np.ndarray, "p"]]:
    """Where on its face each pixel lies, 0..1 along the two other axes, and how many pixels a cell spans there."""
    pixels = np.stack([u, v, np.ones_like(u)], -1)
    hit = rays.origin + depth[:, None] * (pixels @ rays.directions.T)
    within = (hit - grid.lower) / grid.cell - faces.index[face]
    rows, axis = np.arange(len(face)), faces.direction[face] // 2
    across, down = (np.clip(within[rows, (axis + turn) % 3], 0, 1) for turn in (1, 2))
    # One pixel to the right or down moves the ray by one column of `directions` per metre of depth.
    cell_px = min(grid.cell) / (depth * np.linalg.norm(rays.directions[:, :2], axis=0).max())
    return across, down, cell_px
