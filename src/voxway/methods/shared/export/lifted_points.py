"""Where lifted pixels stand, from calibration, by sums and products alone: ONNX has no matrix inverse."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def inverse_2x2(matrix: Float[Tensor, "*b 2 2"]) -> Float[Tensor, "*b 2 2"]:
    """Inverse by Cramer's rule."""
    a, b, c, d = matrix.flatten(-2).unbind(-1)
    return torch.stack([d, -b, -c, a], -1).unflatten(-1, (2, 2)) / (a * d - b * c)[..., None, None]


def inverse_3x3(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3 3"]:
    """Inverse by Cramer's rule: columns are cross products of the rows, over the determinant."""
    first, second, third = matrix.unbind(-2)
    columns = [_cross(second, third), _cross(third, first), _cross(first, second)]
    determinant = (first * columns[0]).sum(-1)
    return torch.stack(columns, -1) / determinant[..., None, None]


def _cross(one: Float[Tensor, "*b 3"], other: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3"]:
    ax, ay, az = one.unbind(-1)
    bx, by, bz = other.unbind(-1)
    return torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], -1)


def lifted_points(
    K: Float[Tensor, "b n 3 3"],
    T_cam_ego: Float[Tensor, "b n 4 4"],
    T_image: Float[Tensor, "b n 3 3"],
    template: Float[Tensor, "d h w 3"],
) -> Float[Tensor, "b n d h w 3"]:
    """Ego points (metres) of a frustum template in every camera; `voxway.ops.bev_pool.frustum_points` for exports.

    Args:
        K: intrinsics of the source pictures.
        T_cam_ego: ego to camera, metres; rigid or mirrored.
        T_image: from source pixels to the network's.
        template: pixel (u, v) of the network's image and depth (metres) of every feature pixel and depth bin.
    """
    undo = inverse_2x2(T_image[..., :2, :2])
    pixels = _apply(undo, template[..., :2] - T_image[..., None, None, None, :2, 2])
    depth = template[..., 2:].expand(*pixels.shape[:-1], 1)
    turn = inverse_3x3(T_cam_ego[..., :3, :3])
    centre = -(turn @ T_cam_ego[..., :3, 3:])[..., 0]
    return _apply(turn @ inverse_3x3(K), torch.cat([pixels * depth, depth], -1)) + centre[..., None, None, None, :]


def _apply(matrix: Float[Tensor, "b n c c"], points: Float[Tensor, "*b d h w c"]) -> Float[Tensor, "b n d h w c"]:
    """Products of small matrices with many points, spelt out: ``sum over j of matrix[..., j] * points[..., j]``."""
    columns = matrix[..., None, None, None, :, :].unbind(-1)
    terms = [column * part[..., None] for column, part in zip(columns, points.unbind(-1))]
    return torch.stack(terms).sum(0)
