"""Scores of fine voxels from coarse features. The form is that of L2COcc's head: our reading of the paper."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.core.grid import Counts
from voxway.nn.group_norm import GroupNorm
from voxway.ops.trilinear import resize_batch


class OccupancyHead(nn.Module):
    """conv(relu(norm(conv 3 x 3 x 3))), then trilinear to the fine voxels.

    Args:
        channels: of the features.
        width: channels inside.
        groups: of the norm.
        classes: to score.
        log_shares: what the classes' scores are counted from; by default zero.
    """

    prior: Tensor | None

    def __init__(
        self, channels: int, width: int, groups: int, classes: int, log_shares: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, width, 3, padding=1, bias=False)
        self.norm = GroupNorm(groups, width)
        self.classify = nn.Conv3d(width, classes, 1, bias=False)
        # A buffer that is not saved: the next stage counts its own frames, and has its own.
        prior = None if log_shares is None else torch.tensor(log_shares)[:, None, None, None]
        self.register_buffer("prior", prior, persistent=False)

    def forward(
        self, volume: Float[Tensor, "b c x2 y2 z2"], shape: Counts
    ) -> tuple[Float[Tensor, "b k x2 y2 z2"], Float[Tensor, "b k x y z"]]:
        """Scores of the working voxels, and of the fine ones.

        Args:
            volume: features of the working voxels.
            shape: fine voxels along x, y and z.
        """
        coarse = self.classify(F.relu(self.norm(self.conv(volume)), inplace=True))
        if self.prior is not None:
            coarse = coarse + self.prior.to(coarse.dtype)
        return coarse, resize_batch(coarse, shape, corners=False)
