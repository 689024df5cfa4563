"""Mirroring the scene: points, voxels, pose and cameras together."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from voxway.core.sample import Sample
from voxway.core.task import IGNORE


def mirrored(sample: Sample, flip_x: bool, flip_y: bool, extras: frozenset[str] = frozenset()) -> Sample:
    """The sample after the scene was mirrored along x, y, both or neither, with all that stands in the ego frame.

    Images do not change; cameras move so that they show the mirrored scene. Earlier frames are mirrored alike. Where
    the grid does not hold what a voxel then shows, nothing is known, and nothing is there of what else lies on voxels.

    Args:
        sample: the scene.
        flip_x: whether front and back change places.
        flip_y: whether left and right change places.
        extras: names of those that are volumes (..., x, y, z) in the space of its grid.

    Raises:
        ValueError: mirrored voxels would lie between those of the grid.
    """
    sign = torch.tensor([-1.0 if flip_x else 1.0, -1.0 if flip_y else 1.0, 1.0, 1.0]).double()
    T_new_ego = torch.diag(sign)
    axes: list[Literal["x", "y", "z"]] = []
    axes += ["x"] if flip_x else []
    axes += ["y"] if flip_y else []

    def flipped(volume: Tensor, beyond: int = 0) -> Tensor:
        for axis in axes:
            volume = sample.grid.flip(volume, axis, beyond)
        return volume

    return replace(
        sample,
        target=None if sample.target is None else flipped(sample.target, IGNORE),
        proposals=None if sample.proposals is None else flipped(sample.proposals),
        pseudo=None if sample.pseudo is None else flipped(sample.pseudo),
        evidence=None if sample.evidence is None else flipped(sample.evidence),
        cameras=None if sample.cameras is None else sample.cameras.move_ego(T_new_ego),
        points=None if sample.points is None else _flip_points(sample.points, sign),
        pose=None if sample.pose is None else sample.pose @ T_new_ego,
        masks={name: flipped(mask) for name, mask in sample.masks.items()},
        extras={name: flipped(one) if name in extras else one for name, one in sample.extras.items()},
        earlier=tuple(mirrored(frame, flip_x, flip_y) for frame in sample.earlier),
    )


def _flip_points(points: Float[Tensor, "p c"], sign: Float64[Tensor, "4"]) -> Float[Tensor, "p c"]:
    return torch.cat([points[:, :3] * sign[:3].to(points), points[:, 3:]], 1)
