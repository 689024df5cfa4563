"""Sparse depth images: LiDAR points drawn into cameras by the rule that the published fusion networks learnt with."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float32
from torch import Tensor


def sparse_depth(
    points: Float[Tensor, "p 3"],
    K: Float[Tensor, "n 3 3"],
    T_cam_points: Float[Tensor, "n 4 4"],
    T_image: Float[Tensor, "n 3 3"],
    size_px: tuple[int, int],
    range_m: tuple[float, float],
) -> Float32[Tensor, "n h w"]:
    """Depth of the point that each pixel shows, metres along the optical axis; 0 where there is none.

    Points go to the nearest whole pixel. Where several share one, the nearest wins up to the rounding of a float32
    rank, ``column + row * width + depth / 100``: in the lower rows, depths that differ by less than 1.6 m may be taken
    for each other, and equal ranks are left to the sort. Released weights have seen exactly that.

    Args:
        points: metres, in the frame that `T_cam_points` maps from.
        K: intrinsics of the source pictures.
        T_cam_points: to each camera.
        T_image: from source pixels to the pixels of the drawn image.
        size_px: (height, width) drawn.
        range_m: least depth that is drawn, and the one from which on it is not.
    """
    height, width = size_px
    images = torch.zeros(len(K), height * width)
    for image, intrinsics, T_cam, move in zip(images, K.float(), T_cam_points.float(), T_image.float()):
        projection = intrinsics @ T_cam[:3]
        seen = points.float() @ projection[:, :3].T + projection[:, 3]
        depth = seen[:, 2]
        pixels = (seen[:, :2] / depth[:, None]) @ move[:2, :2].T + move[:2, 2]
        column, row = torch.round(pixels).unbind(1)
        kept = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        kept &= (depth >= range_m[0]) & (depth < range_m[1])
        column, row, depth = column[kept], row[kept], depth[kept]
        place = column + row * width
        order = torch.argsort(place + depth / 100.0)
        place, depth = place[order].long(), depth[order]
        first = torch.ones_like(place, dtype=torch.bool)
        first[1:] = place[1:] != place[:-1]
        image[place[first]] = depth[first]
    return images.reshape(len(K), height, width)
