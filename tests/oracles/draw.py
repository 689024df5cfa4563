"""The slow, obvious twin of `voxway.ops.draw`: one point after the other."""

from __future__ import annotations

import numpy as np
import torch

from voxway.core.camera import Cameras


def nearest_points(
    points: torch.Tensor, cameras: Cameras, border: str, range_m: tuple[float, float] = (0.0, np.inf)
) -> np.ndarray:
    """Index of the point that each pixel (n, h, w) shows, -1 for none; the last of equally near ones."""
    height, width = cameras.size_px.max(0).values.tolist()
    shown = np.full((cameras.count, height, width), -1)
    pixels, depths = cameras.project(points)
    for camera, (rows, columns) in enumerate(cameras.size_px.tolist()):
        best = np.full((height, width), np.inf)
        for point, ((u, v), depth) in enumerate(zip(pixels[camera].tolist(), depths[camera].tolist())):
            if not (depth > 1e-5 and range_m[0] <= depth < range_m[1]):
                continue
            column, row = round(u), round(v)
            if border == "visible":
                if not (0 < u < columns and 0 < v < rows):
                    continue
                column, row = min(column, columns - 1), min(row, rows - 1)
            elif not (0 <= column < columns and 0 <= row < rows):
                continue
            if depth <= best[row, column]:
                best[row, column], shown[camera, row, column] = depth, point
    return shown
