"""The plain way to fuse the two branches' volumes."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.conv_norm import conv3x3x3


class ConcatFusion(nn.Module):
    """relu(norm(conv 3 x 3 x 3)) of both volumes, concatenated: what a fusion has to beat."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.join = conv3x3x3(2 * width, width)

    def forward(
        self, semantic: Float[Tensor, "b c x y z"], geometric: Float[Tensor, "b c x y z"]
    ) -> Float[Tensor, "b c x y z"]:
        """One volume of the same size."""
        return self.join(torch.cat([semantic, geometric], 1))
