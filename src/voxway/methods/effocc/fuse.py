"""The join of a dense and a sparse map by one convolution, which on a CPU computes products at the sites alone."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from voxway.nn.conv_norm import ConvNorm
from voxway.ops.sparse_map import SparseMap


def fuse_sparse(layer: ConvNorm, x: Float[Tensor, "b c y x"], beside: SparseMap) -> Float[Tensor, "b d y x"]:
    """``layer(concat(x, beside.dense()))``.

    Saves a CPU most of the products of the sparse channels; a GPU would wait for the table of sites.

    Args:
        layer: takes as many channels as both maps have.
        x: dense map.
        beside: sparse map, whose channels follow those of `x`.

    Raises:
        ValueError: the layer's convolution does not keep the size.
    """
    conv = layer.conv
    kept = conv.stride == (1, 1) and conv.padding == tuple(size // 2 for size in conv.kernel_size)
    if isinstance(conv, nn.ConvTranspose2d) or not kept:
        raise ValueError(f"only a convolution that keeps the size takes a sparse map, this is {conv}")

    def convolve(weight: Tensor, bias: Tensor | None) -> Tensor:
        mine, theirs = weight.tensor_split([x.shape[1]], 1)
        return beside.convolve_onto(F.conv2d(x, mine, bias, padding=conv.padding), theirs)

    return layer.through(convolve)
