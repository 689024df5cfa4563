"""The join of the cameras' map and the LiDAR's, which on a CPU computes products at the LiDAR's sites alone."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.conv_norm import ConvNorm
from voxway.ops.sparse_map import SparseMap


class Join(ConvNorm):
    """``relu(norm(conv 3 x 3))`` of two maps' concatenation.

    Args:
        channels: of both maps together.
        width: of the joined map.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(nn.Conv2d(channels, width, 3, padding=1, bias=False))

    def forward(self, x: Float[Tensor, "b c y x"], beside: SparseMap | None = None) -> Float[Tensor, "b d y x"]:
        """The joined map.

        Args:
            x: both maps, concatenated; or the first.
            beside: the second, as if it were concatenated. That saves a CPU most of the products of its channels; a GPU
                would wait for the table of sites.
        """
        if beside is None:
            return super().forward(x)

        def convolve(weight: Tensor, bias: Tensor | None) -> Tensor:
            mine, theirs = weight.tensor_split([x.shape[1]], 1)
            return beside.convolve_onto(F.conv2d(x, mine, bias, padding=1), theirs)

        return self.through(convolve)
