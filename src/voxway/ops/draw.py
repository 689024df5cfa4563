"""Points drawn into cameras: sparse depth images, and sparse pictures of any value.

Where points share a pixel, the nearest to the camera wins, exactly; `draw_depth_published` has the rounded rule that
the published fusion networks learnt with. Pixel centres lie at whole numbers, so a point goes to the pixel whose number
its (u, v) round to.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float, Float32, Int64, Shaped
from torch import Tensor

from voxway.core.camera import Cameras

Border = Literal["visible", "rounded"]
"""Which points lie in an image: those that `Cameras.visible` says (a point beyond the last centre goes to the last
pixel, one before the first is left out), or those whose rounded pixel the image has."""


def draw_values(
    points: Float[Tensor, "p 3"], values: Shaped[Tensor, "p"], cameras: Cameras, fill: int
) -> Shaped[Tensor, "n h w"]:
    """Draw a value per point into every camera, by the border "visible".

    Args:
        points: metres, ego frame; they are projected in their own precision.
        values: one per point, of any dtype.
        cameras: where to draw.
        fill: value of pixels that no point falls on.

    Returns:
        pictures of the largest camera's size and of the dtype of `values`; smaller ones stand in the top left corner.
    """
    point, _ = nearest_points(points, cameras)
    # Pixels without a point have index -1, which is the last value.
    return torch.cat([values, values.new_tensor([fill])])[point]


def draw_depth(
    points: Float[Tensor, "p 3"],
    cameras: Cameras,
    *,
    border: Border = "visible",
    range_m: tuple[float, float] | None = None,
) -> Float32[Tensor, "n h w"]:
    """Depth of the nearest point that each pixel shows, metres along the optical axis; 0 where there is none.

    Args:
        points: metres, ego frame; they are projected in their own precision.
        cameras: where to draw; images of smaller ones stand in the top left corner.
        border: which points lie in an image.
        range_m: least depth that is drawn, and the one from which on it is not; None draws whatever is in front.
    """
    point, depth = nearest_points(points, cameras, border, range_m)
    images = torch.zeros(point.shape, device=depth.device)
    camera, row, column = torch.nonzero(point >= 0, as_tuple=True)
    images[camera, row, column] = depth[camera, point[camera, row, column]].float()
    return images


def nearest_points(
    points: Float[Tensor, "p 3"],
    cameras: Cameras,
    border: Border = "visible",
    range_m: tuple[float, float] | None = None,
) -> tuple[Int64[Tensor, "n h w"], Float[Tensor, "n p"]]:
    """Which point each pixel shows, -1 for none, and the depths (metres) of all points.

    Of points at the very same depth the last one is shown. Arguments are those of `draw_depth`.
    """
    height, width = (int(size) for size in cameras.size_px.max(0).values)
    pixels, depth = cameras.project(points)
    column, row = torch.round(pixels).long().unbind(-1)
    rows, columns = cameras.size_px.to(row.device).unbind(-1)
    if border == "visible":
        shown = cameras.visible(pixels, depth)
        row, column = torch.minimum(row, rows[:, None] - 1), torch.minimum(column, columns[:, None] - 1)
    else:
        shown = _within(column, row, columns[:, None], rows[:, None])
    if range_m is not None:
        shown = shown & (depth >= range_m[0]) & (depth < range_m[1])
    camera, point = torch.nonzero(shown, as_tuple=True)
    pixel = (camera * height + row[shown]) * width + column[shown]
    least = depth.new_full((cameras.count * height * width,), torch.inf).scatter_reduce(0, pixel, depth[shown], "amin")
    nearest = depth[shown] == least[pixel]
    winner = torch.full_like(least, -1, dtype=torch.int64)
    winner = winner.scatter_reduce(0, pixel[nearest], point[nearest], "amax")
    return winner.view(cameras.count, height, width), depth


def draw_depth_published(
    points: Float[Tensor, "p 3"], cameras: Cameras, range_m: tuple[float, float]
) -> Float32[Tensor, "n h w"]:
    """Depth images as the published fusion networks (BEVDet's data, EFFOcc) saw them; 0 where there is no point.

    As `draw_depth` with the border "rounded", but computed in float32 throughout, and the nearest of the points that
    share a pixel wins only up to the rounding of a float32 rank, ``column + row * width + depth / 100``: in the lower
    rows, depths that differ by less than 1.6 m may be taken for each other, and equal ranks are left to the sort.

    Args:
        points: metres, ego frame.
        cameras: where to draw; all images have one size.
        range_m: least depth that is drawn, and the one from which on it is not.
    """
    height, width = (int(size) for size in cameras.size_px.max(0).values)
    images = torch.zeros(cameras.count, height * width, device=points.device)
    matrices = (cameras.K.float(), cameras.T_cam_ego.float(), cameras.T_image.float())
    for image, intrinsics, T_cam, move in zip(images, *matrices):
        projection = intrinsics @ T_cam[:3]
        seen = _added_in_order(points.float(), projection[:, :3]) + projection[:, 3]
        depth = seen[:, 2]
        pixels = _added_in_order(seen[:, :2] / depth[:, None], move[:2, :2]) + move[:2, 2]
        column, row = torch.round(pixels).unbind(1)
        kept = _within(column, row, width, height) & (depth >= range_m[0]) & (depth < range_m[1])
        column, row, depth = column[kept], row[kept], depth[kept]
        pixel = column + row * width
        order = torch.argsort(pixel + depth / 100.0)
        pixel, depth = pixel[order].long(), depth[order]
        first = torch.ones_like(pixel, dtype=torch.bool)
        first[1:] = pixel[1:] != pixel[:-1]
        image[pixel[first]] = depth[first]
    return images.reshape(cameras.count, height, width)


def _added_in_order(rows: Float[Tensor, "p k"], matrix: Float[Tensor, "m k"]) -> Float[Tensor, "p m"]:
    """``rows @ matrix.T``, its products added up one by one. A library's product rounds as the processor likes, and
    ranks in float32 are decided by the last digit."""
    first, *others = (rows[:, k, None] * matrix[:, k] for k in range(rows.shape[1]))
    return sum(others, first)


def _within(
    column: Shaped[Tensor, "*p"], row: Shaped[Tensor, "*p"], columns: Tensor | int, rows: Tensor | int
) -> Bool[Tensor, "*p"]:
    """Whether an image of that many columns and rows has such whole pixels."""
    return (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
