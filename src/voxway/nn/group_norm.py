"""Group norm that is exact in every memory layout."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

_ROWS = 1024
"""Positions that are added up in single precision; sums of those are added in double."""


class GroupNorm(nn.GroupNorm):
    """`nn.GroupNorm`, as exact with channels innermost in memory as with channels outermost.

    With channels innermost PyTorch's CPU kernel adds up a whole group in single precision: over millions of voxels the
    result is off in the fourth digit. Where no gradient is wanted, such features are normalised as they lie, by sums
    of their own; else they are laid out anew.
    """

    def forward(self, input: Float[Tensor, "b c *space"]) -> Float[Tensor, "b c *space"]:
        """Features of the same size, in the layout that they came in where no gradient is wanted."""
        if input.device.type != "cpu" or torch.is_grad_enabled() or not _channels_innermost(input):
            return super().forward(input.contiguous())
        rows = input.movedim(1, -1)
        scale, shift = zip(*(self._scale_and_shift(one.reshape(-1, one.shape[-1])) for one in rows))
        broad = (len(rows), *[1] * (rows.ndim - 2), -1)
        factors, offsets = (torch.stack(each).view(broad).to(input.dtype) for each in (scale, shift))
        return torch.addcmul(offsets, rows, factors).movedim(-1, 1)

    def _scale_and_shift(self, rows: Float[Tensor, "n c"]) -> tuple[Float[Tensor, "c"], Float[Tensor, "c"]]:
        """What each channel is multiplied with, and what is added, in double precision."""
        count, channels = rows.shape
        whole = rows[: count // _ROWS * _ROWS].view(-1, _ROWS, channels)
        parts = [whole, rows[None, len(whole) * _ROWS :]]
        sums, squares = (
            torch.stack([take(part).sum(0, dtype=torch.float64) for part in parts]).sum(0)
            for take in (_sums, _sums_of_squares)
        )
        per_group = count * channels // self.num_groups
        mean, square = (s.view(self.num_groups, -1).sum(1) / per_group for s in (sums, squares))
        scale = (square - mean.square() + self.eps).rsqrt()
        scale, mean = (each.repeat_interleave(channels // self.num_groups) for each in (scale, mean))
        scale = scale if self.weight is None else scale * self.weight
        shift = -mean * scale
        return scale, shift if self.bias is None else shift + self.bias


def _channels_innermost(x: Tensor) -> bool:
    return x.ndim > 2 and x.shape[1] > 1 and not x.is_contiguous() and x.movedim(1, -1).is_contiguous()


def _sums(blocks: Float[Tensor, "k n c"]) -> Float[Tensor, "k c"]:
    return blocks.sum(1, dtype=torch.float32 if blocks.dtype.itemsize < 4 else None)


def _sums_of_squares(blocks: Float[Tensor, "k n c"]) -> Float[Tensor, "k c"]:
    return torch.linalg.vector_norm(blocks, dim=1, dtype=torch.float32 if blocks.dtype.itemsize < 4 else None).square()
