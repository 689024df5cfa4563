"""Channel-to-height head: every cell of a bird's-eye map to the scores of the voxels above (FlashOcc, 2311.12058)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.linear import Linear


class HeightHead(nn.Module):
    """``classify(softplus(expand(relu(conv(bev)))))``, read as classes for each height.

    Args:
        channels: of the map.
        width: channels inside.
        heights: voxels in a column.
        classes: scores per voxel.
    """

    def __init__(self, channels: int, width: int, heights: int, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1).to(memory_format=torch.channels_last)
        self.expand = Linear(width, 2 * width)
        self.classify = Linear(2 * width, heights * classes)
        self.heights = heights

    def forward(self, bev: Float[Tensor, "b c y x"]) -> Float[Tensor, "b k x y z"]:
        """Scores; in memory classes lie innermost, as they are computed."""
        cells = F.relu(self.conv(bev), inplace=True).permute(0, 2, 3, 1)
        scores = self.classify(F.softplus(self.expand(cells)))
        return scores.unflatten(-1, (self.heights, -1)).permute(0, 4, 2, 1, 3)
