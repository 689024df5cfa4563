"""Group norm that is exact in every memory layout, and in exported files."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

_ROWS = 1024
"""Positions whose numbers are added up in single precision; sums of those are added in double."""
_BLOCKS = 64
"""How many of these are squared at a time."""


class GroupNorm(nn.GroupNorm):
    """`nn.GroupNorm`, as exact with channels innermost in memory as with channels outermost.

    With channels innermost PyTorch's CPU kernel adds up a whole group in single precision: over millions of voxels the
    result is off in the fourth digit. Where no gradient is wanted, such features are normalised as they lie, by sums
    of their own; else they are laid out anew. onnxruntime's kernel is as coarse in any layout: in exports means are
    taken of planes, and then of these.
    """

    def forward(self, input: Float[Tensor, "b c *space"]) -> Float[Tensor, "b c *space"]:
        """Features of the same size, in the layout that they came in where no gradient is wanted."""
        if torch.compiler.is_exporting():
            return self._of_planes(input)
        if not _sums_itself(input):
            return super().forward(input.contiguous())
        return self._of_rows(input, torch.empty_like(input))

    def replacing(self, input: Float[Tensor, "b c *space"]) -> Float[Tensor, "b c *space"]:
        """The same; where features are normalised as they lie, in the memory of `input`, which nobody else may read."""
        return self._of_rows(input, input) if _sums_itself(input) else self(input)

    def _of_rows(self, x: Tensor, found: Tensor) -> Tensor:
        """Into `found`, which lies as `x` does."""
        for one, out in zip(x.movedim(1, -1).flatten(1, -2), found.movedim(1, -1).flatten(1, -2)):
            scale, shift = (each.to(x.dtype) for each in self._scale_and_shift(one))
            torch.addcmul(shift, one, scale, out=out)
        return found

    def _scale_and_shift(self, rows: Float[Tensor, "n c"]) -> tuple[Float[Tensor, "c"], Float[Tensor, "c"]]:
        """What each channel is multiplied with, and what is added, in double precision."""
        count, channels = rows.shape
        sums, squares = torch.zeros(2, channels, dtype=torch.float64)
        for part in rows.split(_BLOCKS * _ROWS):
            whole = len(part) // _ROWS * _ROWS
            for block in (part[:whole].view(-1, _ROWS, channels), part[None, whole:]):
                exact = block.float() if block.dtype.itemsize < 4 else block
                sums += exact.sum(1).sum(0, dtype=torch.float64)
                squares += exact.square().sum(1).sum(0, dtype=torch.float64)
        per_group = count * channels // self.num_groups
        mean, square = (s.view(self.num_groups, -1).sum(1) / per_group for s in (sums, squares))
        scale = (square - mean.square() + self.eps).rsqrt()
        scale, mean = (each.repeat_interleave(channels // self.num_groups) for each in (scale, mean))
        scale = scale if self.weight is None else scale * self.weight
        shift = -mean * scale
        return scale, shift if self.bias is None else shift + self.bias

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


def _sums_itself(x: Tensor) -> bool:
    """Whether features are on a CPU, with channels innermost, and no gradient of them is wanted."""
    innermost = x.ndim > 2 and x.shape[1] > 1 and not x.is_contiguous() and x.movedim(1, -1).is_contiguous()
    on_cpu = x.device.type == "cpu" and not torch.compiler.is_exporting()
    return innermost and on_cpu and not torch.is_grad_enabled()
