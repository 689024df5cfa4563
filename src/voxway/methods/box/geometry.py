"""What a camera's calibration says before any pixel is looked at: how wide it sees, how it is held, where its rays go.

All by sums and products, so that exported files compute it from calibration as we do.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from voxway.methods.shared.export.lifted_points import inverse_3x3

FACTS, RAYS = 7, 3
"""Numbers about a camera, and about each of its rays."""
_LIFT_M, _NEAR = 1.5, 4.0
"""Usual height of cameras; 1/metres scaled so that a road 4 m ahead is at 1."""


def camera_facts(
    K: Float[Tensor, "b n 3 3"],
    T_cam_ego: Float[Tensor, "b n 4 4"],
    T_image: Float[Tensor, "b n 3 3"],
    size_px: tuple[int, int],
    road_m: float,
) -> Float[Tensor, "b n 7"]:
    """Focal lengths and principal point in picture widths and heights, pitch and roll as sines, height over the road.

    Which way a camera looks, and where it stands, are left out: depth does not depend on them.
    """
    height, width = size_px
    pixels = T_image @ K
    turn = T_cam_ego[..., :3, :3]
    centre = -(turn.transpose(-1, -2) @ T_cam_ego[..., :3, 3:])[..., 0]
    # The rows of the rotation are the camera's axes in the ego frame: right, down, ahead.
    return torch.stack(
        [
            (pixels[..., 0, 0].abs() / width).log(),
            (pixels[..., 1, 1].abs() / height).log(),
            pixels[..., 0, 2] / width - 0.5,
            pixels[..., 1, 2] / height - 0.5,
            turn[..., 2, 2],
            turn[..., 0, 2],
            (centre[..., 2] - road_m) / _LIFT_M - 1,
        ],
        -1,
    )


def ray_facts(
    K: Float[Tensor, "b n 3 3"],
    T_cam_ego: Float[Tensor, "b n 4 4"],
    T_image: Float[Tensor, "b n 3 3"],
    pixels: Float[Tensor, "h w 2"],
    road_m: float,
) -> Float[Tensor, "b n 3 h w"]:
    """Of each pixel's ray: one over the depth at which it meets a flat road, its rise, and how far off the axis it is.

    Args:
        pixels: (u, v) of each feature pixel in the network's picture.
        road_m: where the road lies in the ego frame, along z.
    """
    turn = T_cam_ego[..., :3, :3]
    centre = -(turn.transpose(-1, -2) @ T_cam_ego[..., :3, 3:])[..., 0]
    lift = turn.transpose(-1, -2) @ inverse_3x3(T_image @ K)
    u, v = pixels.unbind(-1)

    def along(row: int) -> Float[Tensor, "b n h w"]:
        one = lift[..., row, :, None, None]
        return one[..., 0, :, :] * u + one[..., 1, :, :] * v + one[..., 2, :, :]

    x, y, z = along(0), along(1), along(2)
    length = (x * x + y * y + z * z).sqrt()
    # Cameras stand above the road; a calibration that says otherwise must not divide by nothing.
    over_road = (centre[..., 2] - road_m).clamp(min=0.2)[..., None, None]
    return torch.stack([(-z / over_road * _NEAR).clamp(-2, 2), z / length, length - 1], 2)
