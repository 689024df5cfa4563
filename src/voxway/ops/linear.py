"""Matrix products of many rows, by the faster of two libraries."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def linear(
    x: Float[Tensor, "*b c"], weight: Float[Tensor, "d c"], bias: Float[Tensor, "d"] | None = None
) -> Float[Tensor, "*b d"]:
    """`F.linear`, which on a CPU is computed as a 1 x 1 convolution.

    PyTorch gives products to BLAS and convolutions to oneDNN (if it has more than one thread). On processors for which
    the BLAS is not tuned, such as AMD's with MKL, oneDNN is twice as fast; elsewhere the two are alike.
    """
    rows = x.reshape(-1, x.shape[-1])
    if x.device.type != "cpu" or torch.compiler.is_compiling() or not len(rows):
        return F.linear(x, weight, bias)
    pixels = rows.view(1, len(rows), 1, -1).permute(0, 3, 1, 2)
    out = F.conv2d(pixels, weight[:, :, None, None], bias)
    return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)
