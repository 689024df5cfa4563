"""Orders in which the columns of a volume are visited, so that neighbours in space are near each other in a sequence.

Both curves divide the plane again and again, and take grids of any size:

* ``hilbert``: a Hilbert curve; every step goes to a neighbouring column. On sides that are no powers of two it is the
  generalised curve (Cerveny, "gilbert", 2018), which halves rectangles instead of squares: nothing is left out and
  nothing jumped over. Only if the longer side is odd and the other even, one step is diagonal.
* ``h2he``: the height-prioritised order of OccMamba (arXiv 2408.09859), which its authors call a Hilbert curve. The
  quadrants are visited in the order (0, 0), (0, 1), (1, 1), (1, 0) at each level and never turned, which makes it a
  Gray-coded Z-order, whose steps between quadrants are long. It runs over the enclosing square of a power of two;
  columns outside the grid are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

Curve = Literal["hilbert", "h2he"]


def voxel_order(
    shape: tuple[int, int, int], curve: Curve, transposed: bool = False, mirrored: bool = False
) -> Int[Tensor, "x_y_z"]:
    """Voxels in the order in which they are visited: column after column, each of them from its lowest voxel up.

    Args:
        shape: voxels along x, y and z.
        curve: the order of columns.
        transposed: whether x and y change their parts.
        mirrored: whether to walk from the opposite corner of the plane.

    Returns:
        flat index ``(x * Y + y) * Z + z`` of the voxel that is visited at each step.

    Raises:
        ValueError: an axis without voxels.
    """
    if min(shape) < 1:
        raise ValueError(f"a volume to be visited has at least one voxel along each axis, got {shape}")
    x, y, z = shape
    columns = column_order((y, x) if transposed else (x, y), curve)
    if transposed:
        columns = columns % x * y + columns // x
    if mirrored:
        columns = x * y - 1 - columns
    return (columns[:, None] * z + torch.arange(z)).flatten()


def column_order(shape: tuple[int, int], curve: Curve) -> Int[Tensor, "x_y"]:
    """Flat index ``x * Y + y`` of the column that is visited at each step."""
    return torch.tensor(_hilbert(*shape)) if curve == "hilbert" else _gray_coded(*shape)


def inverse(order: Int[Tensor, "n"]) -> Int[Tensor, "n"]:
    """The step at which each place is visited."""
    steps = torch.empty_like(order)
    steps[order] = torch.arange(len(order), device=order.device)
    return steps


def _gray_coded(nx: int, ny: int) -> Int[Tensor, "n"]:
    """Columns by ascending key, which has the base-4 digit ``2 bx + (bx xor by)`` for each pair of bits of x and y."""
    x, y = torch.arange(nx)[:, None], torch.arange(ny)
    key = torch.zeros(nx, ny, dtype=torch.long)
    for level in range(max(nx, ny).bit_length()):
        bit_x, bit_y = x >> level & 1, y >> level & 1
        key |= (2 * bit_x + (bit_x ^ bit_y)) << 2 * level
    return key.flatten().argsort()


@cache
def _hilbert(nx: int, ny: int) -> tuple[int, ...]:
    """Columns along a generalised Hilbert curve that starts in (0, 0) and runs along the longer side."""
    along, across = ((nx, 0), (0, ny)) if nx >= ny else ((0, ny), (nx, 0))
    return tuple(x * ny + y for x, y in _walk(0, 0, *along, *across))


def _walk(x: int, y: int, ax: int, ay: int, bx: int, by: int) -> Iterator[tuple[int, int]]:
    """Cells of the rectangle at (x, y) whose sides are the vectors a, along which the curve ends, and b.

    A rectangle much longer than wide is cut in two along a. Any other is walked in three parts: half a step up along
    b, all along a above it, and down again along -b at the far end. Halves are even where they can be, so that the
    parts' ends meet.
    """
    length, width = abs(ax + ay), abs(bx + by)
    step_a, step_b = (_sign(ax), _sign(ay)), (_sign(bx), _sign(by))
    if width == 1:
        yield from ((x + i * step_a[0], y + i * step_a[1]) for i in range(length))
        return
    if length == 1:
        yield from ((x + i * step_b[0], y + i * step_b[1]) for i in range(width))
        return
    long = 2 * length > 3 * width
    half_a, half_b = length // 2, width // 2
    if long:
        half_a += half_a % 2 if length > 2 else 0
        cx, cy = half_a * step_a[0], half_a * step_a[1]
        yield from _walk(x, y, cx, cy, bx, by)
        yield from _walk(x + cx, y + cy, ax - cx, ay - cy, bx, by)
        return
    half_b += half_b % 2 if width > 2 else 0
    cx, cy = half_a * step_a[0], half_a * step_a[1]
    dx, dy = half_b * step_b[0], half_b * step_b[1]
    yield from _walk(x, y, dx, dy, cx, cy)
    yield from _walk(x + dx, y + dy, ax, ay, bx - dx, by - dy)
    end_x, end_y = x + ax - step_a[0] + dx - step_b[0], y + ay - step_a[1] + dy - step_b[1]
    yield from _walk(end_x, end_y, -dx, -dy, -(ax - cx), -(ay - cy))


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
