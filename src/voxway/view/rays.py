"""Ends of rays from above, coloured by how well a prediction meets them, and the same by distance as curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image, ImageDraw, ImageFont

from voxway.core.grid import VoxelGrid
from voxway.core.task import Colour
from voxway.metrics.rays.counts import distance_error, valid_rays
from voxway.metrics.rays.walk import Hits
from voxway.view.legend import INK, LINE_PX, Legend
from voxway.view.render import PAPER

_RIGHT, _HALF, _WRONG = (38, 132, 82), (240, 190, 60), (196, 40, 40)
"""Colours of columns whose rays are all right, half of them, none."""
_GROUND: Colour = (216, 218, 222)
_ORIGIN: Colour = (20, 70, 170)
_CURVES: tuple[Colour, ...] = ((38, 132, 82), (30, 96, 145), (150, 90, 170), (120, 120, 120))
_CELL_PX, _MARGIN_PX, _CURVES_PX, _FONT_PX = 4, 56, 240, 15
_STEP_M = 5.0


def ray_picture(
    hits: Hits,
    truth: UInt8[np.ndarray, "x y z"],
    origins: Float64[np.ndarray, "o 3"],
    grid: VoxelGrid,
    free: int,
    thresholds_m: Sequence[float],
    known: int | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """One frame from above, x up and y to the left, with curves over the distance of the true hits below.

    A column of voxels in which true rays end is green where all of them are right (the class, and the distance to the
    smallest threshold), yellow for half, red for none; grey where something stands and no valid ray ends.

    Args:
        hits: of rays in truth and prediction.
        truth: class ids.
        origins: of the rays, metres.
        grid: of the truth.
        free: id of free space.
        thresholds_m: a curve for each.
        known: see `valid_rays`.
    """
    valid = valid_rays(hits, free, known)
    alike = (hits.classes[0] == hits.classes[1])[valid]
    error, metres, ends = distance_error(hits)[valid], hits.distance_m[0][valid], hits.voxel[0][valid]
    above = _from_above(ends // grid.shape[2], alike & (error < thresholds_m[0]), (truth != free).any(2))
    rows, columns = above.shape[:2]
    entries = [("all rays of a column right", _RIGHT), ("half", _HALF), ("none", _WRONG)]
    legend = Legend.of([*entries, ("no ray ends", _GROUND), ("origin", _ORIGIN)], columns)
    height = rows + legend.height_px + _CURVES_PX + 4 * LINE_PX
    canvas = Image.new("RGB", (columns + 2 * _MARGIN_PX, height), PAPER)
    canvas.paste(Image.fromarray(above), (_MARGIN_PX, LINE_PX))
    draw = ImageDraw.Draw(canvas)
    for x, y, _ in origins:
        down = LINE_PX + rows - _CELL_PX * (x - grid.lower[0]) / grid.cell[0]
        across = _MARGIN_PX + columns - _CELL_PX * (y - grid.lower[1]) / grid.cell[1]
        draw.ellipse((across - 4, down - 4, across + 4, down + 4), fill=_ORIGIN, outline=(255, 255, 255))
    legend.draw(draw, _MARGIN_PX, LINE_PX + rows + LINE_PX // 2)
    right = {f"right within {limit:g} m": alike & (error < limit) for limit in thresholds_m}
    top = LINE_PX + rows + legend.height_px + LINE_PX
    _draw_curves(draw, metres, {**right, "class right": alike}, columns, top)
    return np.asarray(canvas)


def shares_by_distance(
    metres: np.ndarray, right: np.ndarray, step_m: float = _STEP_M
) -> tuple[Float64[np.ndarray, "n"], Float64[np.ndarray, "n"]]:
    """Middle of each range of distances, and the share of its rays that are right; NaN where there is no ray.

    Rays that never enter, and those that start below, have negative distances and are not among them.
    """
    ahead = metres >= 0
    number = (metres[ahead] // step_m).astype(np.int64)
    count = np.bincount(number)
    hit = np.bincount(number, right[ahead], minlength=len(count))
    share = np.divide(hit, count, out=np.full(len(count), np.nan), where=count > 0)
    return (np.arange(len(count)) + 0.5) * step_m, share


def _from_above(columns: np.ndarray, right: np.ndarray, stands: np.ndarray) -> UInt8[np.ndarray, "h w 3"]:
    """The map: `columns` are flat indices of columns in which rays end."""
    count = np.bincount(columns, minlength=stands.size)
    share = np.bincount(columns, right, minlength=stands.size) / np.maximum(count, 1)
    low, middle, high = (np.array(colour, float) for colour in (_WRONG, _HALF, _RIGHT))
    first, second = np.clip(2 * share, 0, 1)[:, None], np.clip(2 * share - 1, 0, 1)[:, None]
    coloured = low + (middle - low) * first + (high - middle) * second
    ground = np.where(stands.reshape(-1, 1), np.array(_GROUND), np.array((255, 255, 255)))
    picture = np.where(count[:, None] > 0, coloured, ground).round().astype(np.uint8).reshape(*stands.shape, 3)
    return np.ascontiguousarray(picture[::-1, ::-1]).repeat(_CELL_PX, 0).repeat(_CELL_PX, 1)


def _draw_curves(
    draw: ImageDraw.ImageDraw, metres: np.ndarray, right: dict[str, np.ndarray], width_px: int, top: int
) -> None:
    """Shares of rays that are right over the distance of the true hit."""
    font, left, bottom = ImageFont.load_default(_FONT_PX), _MARGIN_PX, top + _CURVES_PX
    farthest = max(shares_by_distance(metres, metres >= 0)[0], default=_STEP_M) + _STEP_M / 2
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = bottom - share * _CURVES_PX
        draw.line((left, y, left + width_px, y), fill=_GROUND)
        draw.text((left - 8, y), f"{share:.0%}", fill=INK, font=font, anchor="rm")
    for metre in np.arange(0, farthest + 1e-6, 2 * _STEP_M):
        draw.text((left + width_px * metre / farthest, bottom + 8), f"{metre:g} m", fill=INK, font=font, anchor="mt")
    for hit, colour in zip(right.values(), _CURVES, strict=False):
        middle, share = shares_by_distance(metres, hit)
        known = np.isfinite(share)
        places = zip(left + width_px * middle[known] / farthest, bottom - share[known] * _CURVES_PX, strict=True)
        draw.line([(float(x), float(y)) for x, y in places], fill=colour, width=3)
    legend = Legend.of(list(zip(right, _CURVES, strict=False)), width_px)
    legend.draw(draw, left, bottom + LINE_PX)
