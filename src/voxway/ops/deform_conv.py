"""Deformable convolution (ICCV 2017): a convolution whose kernel cells look beside where they stand.

The first version, without a mask. Exports with standard operators, as the sampling is `grid_sample`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def deform_conv(
    maps: Float[Tensor, "b c h w"],
    offsets: Float[Tensor, "b k2 h w"],
    weight: Float[Tensor, "d cg k k"],
    groups: int = 1,
) -> Float[Tensor, "b d h w"]:
    """``out[p] = sum over kernel cells i of weight[i] @ maps[p + p_i + offset_i(p)]``, zero outside, stride 1.

    Sampling is bilinear; the kernel is centred, its size odd.

    Args:
        maps: features.
        offsets: for kernel cell i (row by row) its (dy, dx) in pixels as channels 2i and 2i + 1.
        weight: one matrix per group and kernel cell.
        groups: groups of channels that do not mix.
    """
    batch, channels, height, width = maps.shape
    kernel = weight.shape[-1]
    reach = torch.arange(kernel, device=maps.device, dtype=maps.dtype) - kernel // 2
    shift = offsets.unflatten(1, (kernel * kernel, 2))
    rows = torch.arange(height, device=maps.device, dtype=maps.dtype)[:, None]
    columns = torch.arange(width, device=maps.device, dtype=maps.dtype)
    y = shift[:, :, 0] + rows + reach.repeat_interleave(kernel)[:, None, None]
    x = shift[:, :, 1] + columns + reach.repeat(kernel)[:, None, None]
    # Pixel centres at whole numbers become -1..1 from edge to edge.
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
    sampled = F.grid_sample(maps, grid.flatten(1, 2), padding_mode="zeros", align_corners=False)
    columns_of = sampled.view(batch, groups, channels // groups, kernel * kernel, height * width).flatten(2, 3)
    matrices = weight.flatten(1).unflatten(0, (groups, -1))
    return (matrices @ columns_of).reshape(batch, -1, height, width)
