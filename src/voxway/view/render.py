"""Render: a picture of a voxel volume from a fixed, named viewpoint. No display, no GL, the same bytes every time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, UInt8

from voxway.core.occupancy import Occupancy
from voxway.core.task import Colour
from voxway.view.raster import Picture, Rays, rasterise
from voxway.view.shade import display_colours, shade
from voxway.view.surface import exposed_faces
from voxway.view.viewpoint import projection
from voxway.view.volumes import class_ids

PAPER: Colour = (250, 250, 248)
"""Background of pictures."""

EGO_COLOUR: Colour = (20, 24, 32)

_ARROW = ((2.2, 0.0), (-1.6, 1.2), (-0.9, 0.0), (-1.6, -1.2))
"""Outline of the ego marker in metres (x, y): an arrow that points forward."""


def render(
    occupancy: Occupancy,
    *,
    size_px: tuple[int, int] = (720, 960),
    camera: str = "behind",
    background: Colour = PAPER,
    ego: bool = True,
    samples: int = 2,
) -> UInt8[np.ndarray, "h w 3"]:
    """Draw the occupied voxels of a volume in the colours of its classes; free and unknown ones are not drawn.

    Args:
        occupancy: the volume; its task says where voxels are, which class is free and what colours classes have.
        size_px: height and width of the picture.
        camera: a name of `VIEWPOINTS`.
        background: RGB where there is nothing.
        ego: mark the origin with an arrow that points forward.
        samples: samples per pixel and axis; 1 leaves edges jagged.

    Returns:
        RGB.

    Raises:
        InputError: no viewpoint has that name.
    """
    height, width = size_px
    fine_px = (height * samples, width * samples)
    rays = Rays.of(projection(camera, occupancy.task.grid, fine_px))
    picture, pixels = draw_volume(occupancy, rays, fine_px)
    image = np.empty((*fine_px, 3), np.uint8)
    image[:] = background
    image[picture.face >= 0] = pixels
    if ego:
        image[_ego_marker(picture, rays)] = EGO_COLOUR
    mean = image.reshape(height, samples, width, samples, 3).astype(np.float32).mean((1, 3))
    return np.round(mean).astype(np.uint8)


def draw_volume(occupancy: Occupancy, rays: Rays, size_px: tuple[int, int]) -> tuple[Picture, UInt8[np.ndarray, "p 3"]]:
    """What pixels of an image of (height, width) `size_px` see of a volume, and RGB of those that see a face, in
    row-major order."""
    grid = occupancy.task.grid
    faces = exposed_faces(occupancy.occupied.cpu().numpy())
    picture = rasterise(faces, grid, rays, size_px)
    colours = display_colours(occupancy.task)[class_ids(occupancy)[tuple(faces.index.T)]]
    return picture, shade(picture, faces, colours, grid, rays)


def _ego_marker(picture: Picture, rays: Rays) -> Bool[np.ndarray, "h w"]:
    """Pixels that see the arrow, which lies flat at the height of the origin, before anything else."""
    v, u = np.indices(picture.face.shape)
    direction = rays.directions @ np.stack([u, v, np.ones_like(u)]).reshape(3, -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = -rays.origin[2] / direction[2]
        x, y = rays.origin[:2, None] + depth * direction[:2]
    corners = np.array(_ARROW)
    inside = np.zeros(x.shape, bool)
    # Even-odd rule: a point is inside when a line to one side crosses the outline an odd number of times.
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, 0)):
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    inside &= (depth > 0) & (depth < picture.depth.reshape(-1))
    return inside.reshape(picture.face.shape)
