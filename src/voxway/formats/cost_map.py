"""Cost maps: what stands in a vehicle's way, from above, as ROS' map_server reads it: `.pgm` and `.yaml`.

Row 0 of the picture is the largest y, column 0 the smallest x; `origin` is the lower left corner of the lower left
pixel. A pixel v means ``p = (255 - v) / 255``: occupied above `occupied_thresh`, free below `free_thresh`, else unknown
(mode trinary); in mode raw it is the cost itself, 0..100, and 255 is unknown. Source: map_server's documentation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from voxway.core.errors import InputError
from voxway.core.files import write_bytes
from voxway.core.occupancy import Occupancy
from voxway.formats.costs import CostTable
from voxway.formats.moment import Moment, T_frame_ego
from voxway.formats.options import WriteOptions

UNKNOWN = -1
_FREE_PIXEL, _UNKNOWN_PIXEL, _OCCUPIED_PIXEL, _UNKNOWN_RAW = 254, 127, 0, 255
_OCCUPIED_FROM, _FREE_BELOW = 0.65, 0.196
"""map_server's own thresholds. Our unknown pixel lies between them, and between those of others."""
_TOUCH_M = 1e-6
"""Overlap of a voxel and the band of heights that is rounding, metres."""


@dataclass(frozen=True, kw_only=True)
class CostMap:
    """Costs of square cells.

    Attributes:
        costs: 0..100, or -1 where unknown.
        origin: low corner (x, y), metres.
        cell_m: side of a cell, metres.
    """

    costs: Int[np.ndarray, "x y"]
    origin: tuple[float, float]
    cell_m: float


def cost_map(occupancy: Occupancy, table: CostTable) -> CostMap:
    """The map in the ego frame.

    A cell costs what its ground costs, or the dearest thing within the band of heights above it, if that is more. The
    ground of a column is the top of its lowest ground voxels; where a column has none, heights are measured from
    the ground around it, and the cell is unknown unless something is in the way.

    Raises:
        InputError: cells that are not square.
    """
    grid, task = occupancy.task.grid, occupancy.task
    if not math.isclose(grid.cell[0], grid.cell[1]):
        raise InputError(
            file=f"occupancy {occupancy.key}".strip(),
            field="grid",
            expected="square cells, as map_server has one resolution",
            found=grid.cell,
            remedy="Write another format.",
        )
    classes = occupancy.classes.cpu().numpy()
    cost_of = np.full(256, UNKNOWN, np.int16)
    for name, cost in table.costs.items():
        cost_of[task.class_id(name)] = cost
    is_ground = np.isin(classes, [task.class_id(name) for name in table.ground])
    top = _surface(is_ground)
    has_ground = top > 0
    cell_z = grid.cell[2]
    level = _filled(np.where(has_ground, grid.lower[2] + top * cell_z, np.nan), grid.lower[2])
    below = grid.lower[2] + np.arange(grid.shape[2]) * cell_z - level[..., None]
    low, high = table.height_m
    in_the_way = (below + cell_z > low + _TOUCH_M) & (below < high - _TOUCH_M) & ~is_ground
    things = np.where(in_the_way, cost_of[classes], UNKNOWN).max(2)
    surface = np.take_along_axis(classes, np.maximum(top - 1, 0)[..., None], 2)[..., 0]
    ground = np.where(has_ground, cost_of[surface], UNKNOWN)
    return CostMap(costs=np.maximum(ground, things), origin=grid.lower[:2], cell_m=grid.cell[0])


def _surface(is_ground: Bool[np.ndarray, "x y z"]) -> Int[np.ndarray, "x y"]:
    """Number of layers up to the top of the lowest ground voxels of each column, 0 without any."""
    begun = np.maximum.accumulate(is_ground, 2)
    ended = np.maximum.accumulate(begun & ~is_ground, 2)
    lowest = begun & ~ended
    return np.where(lowest.any(2), lowest.shape[2] - lowest[..., ::-1].argmax(2), 0)


def _filled(level: Float[np.ndarray, "x y"], otherwise: float) -> Float[np.ndarray, "x y"]:
    """With the mean of what is known around in place of NaN: of the smallest block that knows anything."""
    known = np.isfinite(level)
    if known.all():
        return level
    if not known.any():
        return np.full_like(level, otherwise)
    padded = np.pad(level, [(0, side % 2) for side in level.shape], constant_values=np.nan)
    blocks = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2)
    count = np.isfinite(blocks).sum((1, 3))
    mean = np.where(count > 0, np.nansum(blocks, (1, 3)) / np.maximum(count, 1), np.nan)
    around = _filled(mean, otherwise).repeat(2, 0).repeat(2, 1)
    return np.where(known, level, around[: level.shape[0], : level.shape[1]])


def turned(found: CostMap, T_world_ego: Float[np.ndarray, "4 4"]) -> CostMap:
    """The map in the world's frame, axes along the world's, seen from above: pitch and roll are left out.

    Its cells lie on multiples of the cell from the world's origin, so that maps of a drive fit onto each other. Each
    takes the cost of the ego cell that holds its centre; what lies outside is unknown.
    """
    yaw = math.atan2(T_world_ego[1, 0], T_world_ego[0, 0])
    turn = np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
    shift, cell, lower = T_world_ego[:2, 3], found.cell_m, np.array(found.origin)
    shape = np.array(found.costs.shape)
    corners = (lower + np.array([(0, 0), (0, 1), (1, 0), (1, 1)]) * shape * cell) @ turn.T + shift
    first = np.floor(corners.min(0) / cell + 1e-9)
    count = (np.ceil(corners.max(0) / cell - 1e-9) - first).astype(int)
    cells = np.stack(np.meshgrid(*(np.arange(side) for side in count.tolist()), indexing="ij"), -1)
    centres = ((first + cells + 0.5) * cell - shift) @ turn
    index = np.floor((centres - lower) / cell).astype(int)
    inside = ((index >= 0) & (index < shape)).all(-1)
    x, y = np.moveaxis(np.clip(index, 0, shape - 1), -1, 0)
    origin = round(float(first[0] * cell), 9), round(float(first[1] * cell), 9)
    return CostMap(costs=np.where(inside, found.costs[x, y], UNKNOWN), origin=origin, cell_m=cell)


def write_cost_map(path: Path, moment: Moment, options: WriteOptions) -> None:
    """Write both files beside each other, whichever `path` names; the picture first, each atomically.

    Raises:
        InputError: world coordinates without a pose, cells that are not square, or a bad table of costs.
        OutputError: a file cannot be written.
    """
    occupancy = moment.occupancy
    table = CostTable.usual(occupancy.task) if options.costs is None else CostTable.read(options.costs, occupancy.task)
    found = cost_map(occupancy, table)
    if options.frame == "world":
        found = turned(found, T_frame_ego(occupancy, "world"))
    pixels = _pixels(found, table)
    height, width = pixels.shape
    picture = path.with_suffix(".pgm")
    write_bytes(picture, f"P5\n{width} {height}\n255\n".encode() + pixels.tobytes())
    lines = [
        f"image: {picture.name}",
        f"mode: {table.mode}",
        f"resolution: {found.cell_m!r}",
        f"origin: [{found.origin[0]!r}, {found.origin[1]!r}, 0.0]",
        "negate: 0",
        f"occupied_thresh: {_OCCUPIED_FROM}",
        f"free_thresh: {_FREE_BELOW}",
    ]
    write_bytes(path.with_suffix(".yaml"), "".join(f"{line}\n" for line in lines).encode())


def _pixels(found: CostMap, table: CostTable) -> UInt8[np.ndarray, "h w"]:
    costs = found.costs.T[::-1]
    if table.mode == "raw":
        return np.where(costs == UNKNOWN, _UNKNOWN_RAW, costs).astype(np.uint8)
    pixels = np.where(costs >= table.occupied_from, _OCCUPIED_PIXEL, _FREE_PIXEL)
    return np.where(costs == UNKNOWN, _UNKNOWN_PIXEL, pixels).astype(np.uint8)
