"""The clouds of several frames as one, told in the key frame."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.sample import Batch
from voxway.core.transforms import transform_points

Lag = Literal["frames", "column"]
"""Where a point's age comes from: how many frames ago it was seen, or a column of its own in the data (seconds)."""
COLUMNS = 4
"""x, y, z and intensity."""


def key_points(batch: Batch, full_intensity: float) -> tuple[Float[Tensor, "p 4"], Int[Tensor, "b1"]]:
    """Points of the key frame with intensities of 0..1, and where each sample's begin.

    Args:
        batch: with points.
        full_intensity: what the data says of a full reflection.

    Raises:
        InputError: no points, or points without intensity.
    """
    points: Tensor = batch.need("points")
    _check_columns(batch, points, COLUMNS)
    scaled = torch.cat([points[:, :3], points[:, 3:COLUMNS] / full_intensity], 1)
    return scaled, batch.need("point_offsets")


def all_points(
    batch: Batch, frames: int, full_intensity: float, lag: Lag
) -> tuple[Float[Tensor, "p 5"], Int[Tensor, "b1"]]:
    """Points of the key frame, then of each earlier frame moved into it, the most recent first, with their age.

    Args:
        batch: with points, and with poses and earlier frames if there is more than one.
        frames: how many, the key frame among them.
        full_intensity: what the data says of a full reflection.
        lag: where the age comes from.

    Raises:
        InputError: a frame, its points or its pose is missing, or a column.
    """
    every = [batch, *batch.earlier[: frames - 1]]
    clouds = []
    for age, frame in enumerate(every):
        points, offsets = key_points(frame, full_intensity)
        if lag == "column":
            _check_columns(frame, frame.need("points"), COLUMNS + 1)
            ages = frame.need("points")[:, COLUMNS : COLUMNS + 1]
        else:
            ages = torch.full_like(points[:, :1], float(age))
        T_key_frame = torch.linalg.solve(batch.need("pose"), frame.need("pose")) if age else None
        own = torch.cat([points, ages], 1).tensor_split(offsets[1:-1].cpu())
        clouds.append([_moved(one, T_key_frame, sample) for sample, one in enumerate(own)])
    joined = [torch.cat(one) for one in zip(*clouds, strict=True)]
    counts = torch.tensor([0, *(len(one) for one in joined)], device=joined[0].device)
    return torch.cat(joined), counts.cumsum(0)


def _moved(points: Tensor, T_key_frame: Tensor | None, sample: int) -> Tensor:
    if T_key_frame is None:
        return points
    moved = transform_points(T_key_frame[sample], points[:, :3].double()).to(points)
    return torch.cat([moved, points[:, 3:]], 1)


def _check_columns(batch: Batch, points: Tensor, columns: int) -> None:
    if points.shape[1] < columns:
        raise InputError(
            file=f"batch {', '.join(batch.keys)}",
            field="points",
            expected=f"{columns} columns or more: x, y, z, intensity{', age' if columns > COLUMNS else ''}",
            found=points.shape[1],
            remedy="Choose data with intensities; ages are seconds if the network was built for a column of them.",
        )
