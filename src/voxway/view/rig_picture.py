"""Rig picture: what tells at a glance whether a calibration is right. The scan and the grid's floor drawn over every
camera's picture, and below them the scan from above, with the grid and where each camera looks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.view.legend import INK
from voxway.view.overlay import overlay_points
from voxway.view.photos import photo
from voxway.view.render import PAPER

_LINES_M = 5.0
"""Between lines on the floor."""
_REACH_M = 30.0
"""How far they go: beyond, they would cover the horizon."""
_SAMPLES_M = 0.04
_DRAWN = 12_000
"""Points over pictures: more would hide what they lie on. An odd step through a scan takes them from all rings."""
_FLOOR = (0, 255, 255)
_WEDGE_M = 8.0
_PER_ROW, _WIDTH_PX, _GAP_PX, _CAPTION_PX = 3, 640, 10, 17
_WALL = (214, 40, 40)
_ROAD = (120, 128, 140)


def rig_picture(
    images: UInt8[torch.Tensor, "n 3 h w"] | None,
    cameras: Cameras | None,
    names: Sequence[str],
    points: Float[np.ndarray, "p c"] | None,
    grid: VoxelGrid,
    floor_m: float,
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Draw a moment of a rig.

    Args:
        images: RGB, one for each camera; None: from above alone.
        cameras: of one sample.
        names: of the cameras.
        points: x, y, z in ego metres, then anything; None: no scan.
        grid: whose floor is drawn, every 5 m a line.
        floor_m: z of the road in the ego frame.

    Returns:
        RGB.
    """
    tiles = []
    if images is not None and cameras is not None:
        for number, name in enumerate(names):
            own, seen = _as_wide_as_a_tile(photo(images, cameras, number), cameras[number : number + 1])
            if points is not None:
                own = overlay_points(own, seen, points[:: len(points) // _DRAWN | 1])
            tiles.append(_captioned(floor_over(own, seen, grid, floor_m), name))
    above = _captioned(_from_above(cameras, names, points, grid, floor_m), "from above, the vehicle looks up")
    return _laid_out([*tiles, above])


def floor_over(
    image: UInt8[np.ndarray, "h w 3"], camera: Cameras, grid: VoxelGrid, floor_m: float
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture of one camera with lines on the road, 5 m apart, as far as the grid goes, and 30 m at most.

    Args:
        image: RGB, as the camera describes it.
        camera: one.
        grid: how far lines go along x and y.
        floor_m: z of the road in the ego frame.
    """
    height, width = image.shape[:2]
    pixels, depth = (part[0].numpy() for part in camera.project(_floor(grid, floor_m)))
    drawn = (depth > 0.3) & (pixels > -0.5).all(1) & (pixels < (width - 0.5, height - 0.5)).all(1)
    u, v = np.round(pixels[drawn]).astype(np.int64).T
    result = image.copy()
    result[np.clip(v, 0, height - 1), np.clip(u, 0, width - 1)] = _FLOOR
    return result


def _floor(grid: VoxelGrid, floor_m: float) -> Float[torch.Tensor, "p 3"]:
    """Points along the lines, in metres."""
    bounds = [(max(low, -_REACH_M), min(high, _REACH_M)) for low, high in zip(grid.lower[:2], grid.upper[:2])]
    sides = [np.arange(low, high + 1e-6, _SAMPLES_M) for low, high in bounds]
    at = [np.arange(np.ceil(low / _LINES_M), np.floor(high / _LINES_M) + 1) * _LINES_M for low, high in bounds]
    across = np.stack(np.meshgrid(at[0], sides[1]), -1).reshape(-1, 2)
    along = np.stack(np.meshgrid(sides[0], at[1]), -1).reshape(-1, 2)
    plane = np.concatenate([across, along])
    return torch.from_numpy(np.concatenate([plane, np.full((len(plane), 1), floor_m)], 1))


def _from_above(
    cameras: Cameras | None,
    names: Sequence[str],
    points: Float[np.ndarray, "p c"] | None,
    grid: VoxelGrid,
    floor_m: float,
) -> UInt8[np.ndarray, "h w 3"]:
    """Points by height over the road (grey: within 0.3 m), the grid's border, and each camera's view as a wedge."""
    reach = max(*map(abs, (*grid.lower[:2], *grid.upper[:2]))) + 5.0
    scale = _WIDTH_PX / (2 * reach)

    def place(x: float, y: float) -> tuple[float, float]:
        return (reach - y) * scale, (reach - x) * scale

    canvas = Image.new("RGB", (_WIDTH_PX, _WIDTH_PX), PAPER)
    draw = ImageDraw.Draw(canvas)
    for x, y, z in [] if points is None else points[:, :3].tolist():
        draw.point(place(x, y), fill=_ROAD if abs(z - floor_m) < 0.3 else _WALL)
    draw.rectangle((*place(grid.upper[0], grid.upper[1]), *place(grid.lower[0], grid.lower[1])), outline=INK)
    for number, name in enumerate(names if cameras is not None else ()):
        assert cameras is not None
        own = cameras[number : number + 1]
        height, width = own.size_px[0].tolist()
        edges = torch.tensor([[[0.0, height / 2], [width - 1.0, height / 2]]], dtype=torch.float64)
        eye = torch.linalg.inv(own.T_cam_ego)[0, :2, 3].tolist()
        far = own.unproject(edges, torch.full((1, 2), _WEDGE_M, dtype=torch.float64))[0, :, :2].tolist()
        draw.polygon([place(*eye), place(*far[0]), place(*far[1])], outline=INK)
        middle = [(first + second) / 2 for first, second in zip(*far)]
        draw.text(place(*middle), name, fill=INK, font=ImageFont.load_default(12))
    return np.asarray(canvas)


def _as_wide_as_a_tile(
    image: UInt8[np.ndarray, "h w 3"], camera: Cameras
) -> tuple[UInt8[np.ndarray, "h2 w2 3"], Cameras]:
    """Scaled before anything is drawn, so that points and lines are alike in all of them."""
    size_px = round(image.shape[0] * _WIDTH_PX / image.shape[1]), _WIDTH_PX
    picture = Image.fromarray(image).resize(size_px[::-1], Image.Resampling.BILINEAR)
    return np.asarray(picture), camera.resize(size_px)


def _captioned(image: UInt8[np.ndarray, "h w 3"], caption: str) -> Image.Image:
    tile = Image.new("RGB", (_WIDTH_PX, image.shape[0] + _CAPTION_PX + 6), PAPER)
    tile.paste(Image.fromarray(image), (0, _CAPTION_PX + 6))
    ImageDraw.Draw(tile).text((0, 0), caption, fill=INK, font=ImageFont.load_default(_CAPTION_PX))
    return tile


def _laid_out(tiles: Sequence[Image.Image]) -> UInt8[np.ndarray, "h w 3"]:
    """Three in a row."""
    rows = [tiles[start : start + _PER_ROW] for start in range(0, len(tiles), _PER_ROW)]
    heights = [max(tile.height for tile in row) for row in rows]
    columns = max(map(len, rows))
    size = (columns * (_WIDTH_PX + _GAP_PX) + _GAP_PX, sum(heights) + _GAP_PX * (len(rows) + 1))
    canvas = Image.new("RGB", size, PAPER)
    top = _GAP_PX
    for row, height in zip(rows, heights):
        for column, tile in enumerate(row):
            canvas.paste(tile, (_GAP_PX + column * (_WIDTH_PX + _GAP_PX), top))
        top += height + _GAP_PX
    return np.asarray(canvas)
