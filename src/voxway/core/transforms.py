"""Rigid transforms. `T_a_b` maps coordinates of frame b into frame a: ``p_a = T_a_b @ p_b``. Metres and radians.

Frames used throughout:

* ego: the frame of the voxel grid. x forward, y left, z up. For SemanticKITTI it is the LiDAR (velodyne) frame.
* cam: x right, y down, z along the optical axis.
* world: fixed frame of a drive, in which ego poses `T_world_ego` are given.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor


def rigid(rotation: Float[Tensor, "*b 3 3"], translation: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 4 4"]:
    """Assemble a homogeneous transform from a rotation and a translation (metres)."""
    transform = torch.zeros(*rotation.shape[:-2], 4, 4, dtype=rotation.dtype, device=rotation.device)
    transform[..., :3, :3] = rotation
    transform[..., :3, 3] = translation
    transform[..., 3, 3] = 1
    return transform


def invert(transform: Float[Tensor, "*b 4 4"]) -> Float[Tensor, "*b 4 4"]:
    """Inverse of a rigid transform: ``T_b_a`` from ``T_a_b``."""
    rotation = transform[..., :3, :3].transpose(-1, -2)
    return rigid(rotation, -(rotation @ transform[..., :3, 3:])[..., 0])


def transform_points(transform: Float[Tensor, "*b 4 4"], points: Float[Tensor, "*b p 3"]) -> Float[Tensor, "*b p 3"]:
    """Map points (metres) of frame b into frame a with ``T_a_b``."""
    return points @ transform[..., :3, :3].transpose(-1, -2) + transform[..., None, :3, 3]


def is_rigid(transform: Shaped[Tensor, "..."], tolerance: float = 1e-3) -> bool:
    """Whether the matrix is 4 x 4 and finite, its rotation orthogonal and right-handed, its last row (0, 0, 0, 1)."""
    if transform.shape != (4, 4) or transform.is_complex() or not torch.isfinite(transform).all():
        return False
    transform = transform.double()
    rotation = transform[:3, :3]
    identity = torch.eye(3, dtype=transform.dtype, device=transform.device)
    last_row = torch.tensor([0, 0, 0, 1], dtype=transform.dtype, device=transform.device)
    return bool(
        torch.allclose(rotation @ rotation.T, identity, atol=tolerance)
        and torch.linalg.det(rotation) > 0
        and torch.allclose(transform[3], last_row, atol=tolerance)
    )
