"""Mirroring the scene: points, voxels, pose and cameras together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from voxway.core.grid import VoxelGrid
from voxway.core.sample import Sample


def mirrored(sample: Sample, flip_x: bool, flip_y: bool) -> Sample:
    """The sample after the scene was mirrored along x, y, both or neither, with all that stands in the ego frame.

    Images do not change; cameras move so that they show the mirrored scene. Earlier frames are mirrored alike.
    """
    sign = torch.tensor([-1.0 if flip_x else 1.0, -1.0 if flip_y else 1.0, 1.0, 1.0]).double()
    T_new_ego = torch.diag(sign)
    axes: list[Literal["x", "y", "z"]] = []
    axes += ["x"] if flip_x else []
    axes += ["y"] if flip_y else []
    volumes = {
        name: _flip_volume(sample.grid, volume, axes)
        for name in ("target", "proposals", "pseudo")
        if (volume := getattr(sample, name)) is not None
    }
    return replace(
        sample,
        **volumes,
        cameras=None if sample.cameras is None else sample.cameras.move_ego(T_new_ego),
        points=None if sample.points is None else _flip_points(sample.points, sign),
        pose=None if sample.pose is None else sample.pose @ T_new_ego,
        masks={name: _flip_volume(sample.grid, mask, axes) for name, mask in sample.masks.items()},
        earlier=tuple(mirrored(frame, flip_x, flip_y) for frame in sample.earlier),
    )


def _flip_points(points: Float[Tensor, "p c"], sign: Float64[Tensor, "4"]) -> Float[Tensor, "p c"]:
    return torch.cat([points[:, :3] * sign[:3].to(points), points[:, 3:]], 1)


def _flip_volume(grid: VoxelGrid, volume: Tensor, axes: Sequence[Literal["x", "y", "z"]]) -> Tensor:
    for axis in axes:
        volume = grid.flip(volume, axis)
    return volume
