"""Group norm that is exact in every memory layout, and in exported files."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class GroupNorm(nn.GroupNorm):
    """`nn.GroupNorm`, computed on features whose channels lie outermost in memory.

    With channels innermost PyTorch's CPU kernel adds up a whole group in single precision: over millions of voxels the
    result is off in the fourth digit. So does onnxruntime's, in any layout: in exports means are taken of planes, and
    then of these.
    """

    def forward(self, input: Float[Tensor, "b c *space"]) -> Float[Tensor, "b c *space"]:
        return self._of_planes(input) if torch.compiler.is_exporting() else super().forward(input.contiguous())

    def _of_planes(self, x: Tensor) -> Tensor:
        grouped = x.unflatten(1, (self.num_groups, -1))
        plane = tuple(range(max(grouped.ndim - 2, 3), grouped.ndim))
        rest = tuple(range(2, grouped.ndim - len(plane)))

        def mean(values: Tensor) -> Tensor:
            return (values.mean(plane, keepdim=True) if plane else values).mean(rest, keepdim=True)

        centred = grouped - mean(grouped)
        normal = (centred * (mean(centred.square()) + self.eps).rsqrt()).flatten(1, 2)
        weight, bias = (one.view(-1, *[1] * (x.ndim - 2)) for one in (self.weight, self.bias))
        return normal * weight + bias
