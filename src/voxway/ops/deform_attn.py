"""Deformable attention: every query sums a few bilinear samples of a feature map (Deformable DETR, eq. 2).

The sum over points and corners is one weighted gather of rows, an embedding bag: no sample is ever stored,
so memory does not grow with heads x points x channels. Callers split long query lists into chunks. On a GPU, Triton's
kernels do the same (`voxway.ops.triton_attention`). ONNX has no embedding bag: an exported network gathers the rows,
then sums them by a matrix product.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from voxway.ops.triton_use import use_triton


def deformable_attention(
    value: Float[Tensor, "s heads c"],
    size: tuple[int, int],
    x_px: Float[Tensor, "q heads points"],
    y_px: Float[Tensor, "q heads points"],
    weights: Float[Tensor, "q heads points"],
) -> Float[Tensor, "q heads_c"]:
    """Sum weighted bilinear samples of a map, zero outside it.

    Args:
        value: map of shape `size`, flattened row by row (s = height * width), c channels for each head. It may have
            fewer digits than the weights; sums have theirs.
        size: (height, width) of the map, at least 2 each.
        x_px: column of each sample; pixel centres lie at whole numbers.
        y_px: row of each sample.
        weights: attention weight of each sample.

    Returns:
        heads concatenated, (q, heads * c).

    Raises:
        ValueError: the map is narrower than two pixels or does not have height * width rows.
    """
    height, width = size
    rows, heads, channels = value.shape
    if rows != height * width or min(size) < 2:
        raise ValueError(f"a map of {size} px (at least 2 x 2) has {height * width} rows, value has {rows}")
    if use_triton(value):
        from voxway.ops import triton_attention

        return triton_attention.deformable_attention(value, size, x_px, y_px, weights)
    value = value.to(weights.dtype)
    left, weight_left, weight_right = _corners(x_px, width)
    top, weight_top, weight_bottom = _corners(y_px, height)
    integer = torch.int32 if rows * heads < 2**31 else torch.int64
    head = torch.arange(heads, device=value.device, dtype=integer)[:, None]
    first = (top.to(integer) * width + left.to(integer)) * heads + head
    weight_top, weight_bottom = weight_top * weights, weight_bottom * weights
    index = torch.stack([first, first + heads, first + width * heads, first + (width + 1) * heads], 2)
    share = torch.stack(
        [
            weight_top * weight_left,
            weight_top * weight_right,
            weight_bottom * weight_left,
            weight_bottom * weight_right,
        ],
        2,
    )
    index, share = index.flatten(2).flatten(0, 1), share.flatten(2).flatten(0, 1)
    if torch.compiler.is_exporting():
        gathered = value.flatten(0, 1).index_select(0, index.flatten()).view(-1, index.shape[1], channels)
        return (share[:, None] @ gathered).view(-1, heads * channels)
    summed = F.embedding_bag(index, value.flatten(0, 1), per_sample_weights=share, mode="sum")
    return summed.view(-1, heads * channels)


def _corners(position: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """First of the two pixels around `position` (kept inside the map) and the bilinear weights of both.

    Weights are the hat function max(0, 1 - distance): a pixel that is not a neighbour gets 0, which is zero padding.
    """
    first = position.detach().floor().clamp_(0, count - 2)
    if not torch.compiler.is_exporting():
        first = first.nan_to_num_(0)
    distance = position - first
    return first, F.relu(1 - distance.abs()), F.relu(1 - (distance - 1).abs())
