"""Hiding sensors at random, so that the network learns to do without any of them."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from voxway.methods.box.config import BoxConfig


def hidden(
    config: BoxConfig, shown: Float[Tensor, "b n"], counts: Float[Tensor, "b z y x"]
) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b z y x"]]:
    """Which cameras are shown, and points that are left; never is everything hidden that a sample has."""
    samples, cameras = shown.shape
    draws = torch.rand(samples, cameras + 2, device=shown.device)
    has_points = counts.flatten(1).sum(1) > 0
    no_lidar = (draws[:, 0] < config.drop_lidar) & (shown.sum(1) > 0)
    no_cameras = (draws[:, 1] < config.drop_cameras) & has_points & ~no_lidar
    kept = (draws[:, 2:] >= config.drop_camera).float()
    # Cameras alone keep at least one: the one that was drawn highest.
    if cameras:
        best = torch.nn.functional.one_hot((draws[:, 2:] * shown).argmax(1), cameras).to(kept)
        kept = torch.maximum(kept, best)
    return shown * kept * (~no_cameras).float()[:, None], counts * (~no_lidar).float()[:, None, None, None]
