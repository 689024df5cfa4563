"""The head of fine voxels for exports: few operators, and matrices that are constants."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.methods.shared.voxel_head import VoxelHead
from voxway.ops.trilinear import along, positions, resize_matrix


class VoxelHeadGraph(nn.Module):
    """`VoxelHead` for one size of volume.

    The length of an interpolated feature is taken axis by axis. Between two features a and b, with share t of b,

    ``|(1 - t) a + t b|^2 = (1 - t) |a|^2 + t |b|^2 - t (1 - t) |b - a|^2``,

    and differences along one axis may be interpolated along the others in the same way: squared lengths of the
    features and of their differences along every set of axes are all that is interpolated.

    Args:
        head: the head.
        shape: voxels (x2, y2, z2) that features come from.
    """

    weight: Tensor
    offset: Tensor

    @torch.no_grad()
    def __init__(self, head: VoxelHead, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.eps = head.norm.eps
        self.register_buffer("weight", head.classify.weight * head.norm.weight, persistent=False)
        offset = head.classify.weight @ head.norm.bias + head.classify.bias
        self.register_buffer("offset", offset, persistent=False)
        for axis, (count, factor) in enumerate(zip(shape, head.factor)):
            linear = resize_matrix(count, count * factor, self.weight)
            first, share = positions(count, count * factor, self.weight)
            curved = linear.new_zeros(count * factor, max(count - 1, 1))
            curved.scatter_(1, first[:, None], (share * (share - 1))[:, None])
            self.register_buffer(f"linear_{axis}", linear, persistent=False)
            self.register_buffer(f"squared_{axis}", torch.cat([linear, curved[:, : count - 1]], 1), persistent=False)

    def forward(self, voxels: Float[Tensor, "x2 y2 z2 c"]) -> Float[Tensor, "1 k x y z"]:
        """Scores of the fine grid."""
        centred = voxels - voxels.mean(-1, keepdim=True)
        scores = F.linear(centred, self.weight)
        for axis in (2, 1, 0):
            scores = along(self.get_buffer(f"linear_{axis}"), scores, axis)
        variance = self._squared_length(centred, 0) / voxels.shape[-1]
        scores = scores * (variance + self.eps).rsqrt() + self.offset
        return scores.permute(3, 0, 1, 2)[None]

    def _squared_length(self, x: Tensor, axis: int) -> Float[Tensor, "_x _y _z 1"]:
        """Squared lengths, interpolated along this axis and all after it."""
        if axis == 3:
            return x.square().sum(-1, keepdim=True)
        count = x.shape[axis]
        change = x.narrow(axis, 1, count - 1) - x.narrow(axis, 0, count - 1)
        both = torch.cat([self._squared_length(x, axis + 1), self._squared_length(change, axis + 1)], axis)
        return along(self.get_buffer(f"squared_{axis}"), both, axis)
