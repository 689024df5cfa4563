"""Attention of one head."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def attention(
    query: Float[Tensor, "b q c"],
    key: Float[Tensor, "b k c"],
    value: Float[Tensor, "b k d"],
    scale: float,
    bias: Float[Tensor, "b q k"] | None = None,
) -> Float[Tensor, "b q d"]:
    """``softmax(scale * query key^T + bias) value``.

    PyTorch's own, but in exports, which know it with several heads alone.

    Args:
        query: what asks.
        key: what is asked.
        value: what it answers.
        scale: factor of the products.
        bias: added to them.
    """
    if not torch.compiler.is_exporting():
        return F.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=scale)
    products = scale * (query @ key.transpose(1, 2))
    return (products if bias is None else products + bias).softmax(-1) @ value
