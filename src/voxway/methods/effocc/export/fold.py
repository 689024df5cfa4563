"""Batch norms written into the weights before them, so that an exported file holds plain convolutions."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from voxway.nn.conv_norm import ConvNorm, folded_norm
from voxway.nn.sparse import SparseConvNorm
from voxway.ops.sparse_conv import sparse_conv_gather

Network = TypeVar("Network", bound=nn.Module)


class FoldedSparseConv(nn.Module):
    """A sparse convolution on a table of neighbours, with its norm in its weights, and ReLU unless switched off."""

    def __init__(self, layer: SparseConvNorm) -> None:
        super().__init__()
        scale, shift = folded_norm(layer.norm)
        self.weight = nn.Parameter(layer.weight.flatten(0, 2) * scale)
        self.bias = nn.Parameter(shift)
        self.relu = layer.relu

    def forward(self, x: Float[Tensor, "i c"], neighbours: Int[Tensor, "o k"]) -> Float[Tensor, "o d"]:
        """Rows of the outputs from rows of the inputs; the number of inputs as a neighbour means none."""
        y = sparse_conv_gather(x, self.weight, neighbours) + self.bias
        return F.relu(y) if self.relu else y


@torch.no_grad()
def fold_norms(network: Network) -> Network:
    """A copy of a network in evaluation mode, whose convolutions contain the norms behind them."""
    folded = copy.deepcopy(network).eval()
    for name, module in list(folded.named_modules()):
        if isinstance(module, ConvNorm):
            folded.set_submodule(name, _plain(module))
        elif isinstance(module, SparseConvNorm):
            folded.set_submodule(name, FoldedSparseConv(module))
    return folded


def _plain(layer: ConvNorm) -> nn.Module:
    weight, bias = layer.folded()
    conv = layer.conv
    conv.weight, conv.bias = nn.Parameter(weight), nn.Parameter(bias)
    return nn.Sequential(conv, nn.LeakyReLU(layer.slope) if layer.slope else nn.ReLU()) if layer.relu else conv
