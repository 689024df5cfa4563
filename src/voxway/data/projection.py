"""Sparse pictures from LiDAR: classes or depths of points, drawn where cameras see them."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float32, Shaped
from torch import Tensor

from voxway.core.camera import Cameras


def project_values(
    points: Float[Tensor, "p 3"], values: Shaped[np.ndarray, "p"], cameras: Cameras, fill: int
) -> Shaped[np.ndarray, "n h w"]:
    """Draw a value per point into every camera; where points share a pixel, the nearest to the camera wins.

    Args:
        points: metres, ego frame.
        values: one per point, of any dtype.
        cameras: where to draw; pixel centres lie at whole numbers.
        fill: value of pixels that no point falls on.

    Returns:
        pictures of the largest camera's size and of the dtype of `values`.
    """
    height, width = (int(size) for size in cameras.size_px.max(0).values)
    pictures = np.full((cameras.count, height, width), fill, values.dtype)
    pixels, depths = cameras.project(points.double())
    visible = cameras.visible(pixels, depths).numpy()
    places, distances = torch.round(pixels).long().numpy(), depths.numpy()
    for camera, picture in enumerate(pictures):
        rows, columns = (int(size) for size in cameras.size_px[camera])
        seen = np.flatnonzero(visible[camera])
        seen = seen[np.argsort(-distances[camera, seen], kind="stable")]
        column, row = places[camera, seen].T
        picture[np.minimum(row, rows - 1), np.minimum(column, columns - 1)] = values[seen]
    return pictures


def project_depth(points: Float[Tensor, "p 3"], cameras: Cameras) -> Float32[np.ndarray, "n h w"]:
    """Depth of LiDAR points (metres along each optical axis), 0 where no point falls."""
    _, depths = cameras.project(points.double())
    drawn = [project_values(points, depths[i].float().numpy(), cameras[i : i + 1], 0)[0] for i in range(cameras.count)]
    height, width = (int(size) for size in cameras.size_px.max(0).values)
    padded = np.zeros((cameras.count, height, width), np.float32)
    for picture, depth in zip(padded, drawn):
        picture[: depth.shape[0], : depth.shape[1]] = depth
    return padded
