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
HINTS = 4
"""What the height of a point over a flat road says of whether a ray ends there; see `height_hints`."""
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
    # The rows of the rotation are the camera's axes in the ego frame: right, down, ahead.
    return torch.stack(
        [
            (pixels[..., 0, 0].abs() / width).log(),
            (pixels[..., 1, 1].abs() / height).log(),
            pixels[..., 0, 2] / width - 0.5,
            pixels[..., 1, 2] / height - 0.5,
            turn[..., 2, 2],
            turn[..., 0, 2],
            _over_road(T_cam_ego, road_m) / _LIFT_M - 1,
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
    (x, y, z), over_road = _rays(K, T_cam_ego, T_image, pixels), _over_road(T_cam_ego, road_m)
    length = (x * x + y * y + z * z).sqrt()
    # Cameras stand above the road; a calibration that says otherwise must not divide by nothing.
    road = (-z / over_road.clamp(min=0.2)[..., None, None] * _NEAR).clamp(-2, 2)
    return torch.stack([road, z / length, length - 1], 2)


def height_hints(
    K: Float[Tensor, "b n 3 3"],
    T_cam_ego: Float[Tensor, "b n 4 4"],
    T_image: Float[Tensor, "b n 3 3"],
    pixels: Float[Tensor, "h w 2"],
    depths: Float[Tensor, "d"],
    road_m: float,
) -> Float[Tensor, "b n k d h w"]:
    """Whether points along each pixel's ray lie on a flat road, near it, beneath it, or higher than most things, 0..1.

    Args:
        pixels: (u, v) of each feature pixel in the network's picture.
        depths: metres along the optical axis.
        road_m: where the road lies in the ego frame, along z.
    """
    rise = _rays(K, T_cam_ego, T_image, pixels)[2][:, :, None]
    height = _over_road(T_cam_ego, road_m)[..., None, None, None] + rise * depths[:, None, None]
    on, near = (torch.exp(-((height / within) ** 2)) for within in (0.3, 1.0))
    beneath, high = ((-(height + 0.6) / 0.15).sigmoid(), ((height - 4.0) / 0.5).sigmoid())
    return torch.stack([on, near, beneath, high], 2)


def _rays(
    K: Float[Tensor, "b n 3 3"],
    T_cam_ego: Float[Tensor, "b n 4 4"],
    T_image: Float[Tensor, "b n 3 3"],
    pixels: Float[Tensor, "h w 2"],
) -> tuple[Float[Tensor, "b n h w"], ...]:
    """What a pixel's point moves along x, y and z of the ego frame with each metre of depth."""
    lift = T_cam_ego[..., :3, :3].transpose(-1, -2) @ inverse_3x3(T_image @ K)
    u, v = pixels.unbind(-1)
    rows = (lift[..., row, :, None, None] for row in range(3))
    return tuple(row[..., 0, :, :] * u + row[..., 1, :, :] * v + row[..., 2, :, :] for row in rows)


def _over_road(T_cam_ego: Float[Tensor, "b n 4 4"], road_m: float) -> Float[Tensor, "b n"]:
    """How high a camera is, in metres."""
    turn = T_cam_ego[..., :3, :3]
    return -(turn.transpose(-1, -2) @ T_cam_ego[..., :3, 3:])[..., 2, 0] - road_m
