"""Layers of sparse convolutions: rows of features, one for each site, and the tables that say which rows meet."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.conv_norm import folded_norm
from voxway.ops.sparse_conv import Table, Triple, sparse_conv, sparse_conv_gather

EPS, MOMENTUM = 1e-3, 0.01
"""Of the batch norms of SECOND's encoder (Sensors 2018) and of most that followed it."""


def sparse_weight(channels: int, width: int, kernel: Triple) -> nn.Parameter:
    """Weights of a sparse convolution, axes of the kernel first, then inputs and outputs; drawn for a ReLU."""
    weight = nn.Parameter(torch.empty(*kernel, channels, width))
    nn.init.normal_(weight, std=(2 / weight[..., 0].numel()) ** 0.5)
    return weight


def convolve(
    x: Float[Tensor, "i c"], weight: Float[Tensor, "k1 k2 k3 c d"], table: Table | Tensor
) -> Float[Tensor, "o d"]:
    """A sparse convolution with weights that lie as a kernel.

    Args:
        x: one row per input site.
        weight: from `sparse_weight`.
        table: which rows meet; as a tensor (`Table.neighbours`), what an exported network computes.
    """
    matrices = weight.flatten(0, 2)
    return sparse_conv(x, matrices, table) if isinstance(table, Table) else sparse_conv_gather(x, matrices, table)


class RowNorm(nn.BatchNorm1d):
    """Batch norm over rows, of which there may be none: fewer than two are normed by the running statistics."""

    def __init__(self, width: int, eps: float = EPS, momentum: float = MOMENTUM) -> None:
        super().__init__(width, eps=eps, momentum=momentum)

    def forward(self, input: Float[Tensor, "i c"]) -> Float[Tensor, "i c"]:
        if self.training and len(input) < 2:
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, False, 0, self.eps)
        return super().forward(input)


class SparseConvNorm(nn.Module):
    """norm(conv(x)) on the rows of a table, and ReLU unless switched off; folded in evaluation.

    With a transposed table it is the inverse convolution, back onto the sites that the table came from.
    """

    def __init__(self, channels: int, width: int, kernel: Triple = (3, 3, 3), relu: bool = True) -> None:
        super().__init__()
        self.weight = sparse_weight(channels, width, kernel)
        self.norm = RowNorm(width)
        self.relu = relu

    def forward(self, x: Float[Tensor, "i c"], table: Table | Tensor) -> Float[Tensor, "o d"]:
        """Rows of the table's outputs from rows of its inputs."""
        if self.training:
            y = self.norm(convolve(x, self.weight, table))
        else:
            scale, shift = folded_norm(self.norm)
            y = convolve(x, self.weight * scale, table).add_(shift)
        return F.relu(y, inplace=True) if self.relu else y


class SparseBlock(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x))))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = SparseConvNorm(width, width)
        self.second = SparseConvNorm(width, width, relu=False)

    def forward(self, x: Float[Tensor, "s c"], table: Table | Tensor) -> Float[Tensor, "s c"]:
        """Features of the same sites; the table is that of a convolution on them."""
        return F.relu(self.second(self.first(x, table), table) + x, inplace=True)
