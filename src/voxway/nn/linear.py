"""A linear layer for many rows."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from voxway.ops.linear import linear


class Linear(nn.Linear):
    """`nn.Linear`, computed by `voxway.ops.linear`."""

    def forward(self, input: Float[Tensor, "*b c"]) -> Float[Tensor, "*b d"]:
        return linear(input, self.weight, self.bias)
