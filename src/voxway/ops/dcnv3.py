"""Deformable convolution v3 (InternImage, arXiv 2211.05778, eq. 2): a 3 x 3 convolution that chooses where to look.

Every pixel is a query of deformable attention, every group a head, and the nine taps are its points, so one weighted
gather of rows serves both, and on a GPU one pair of Triton's kernels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from voxway.ops.deform_attn import deformable_attention
from voxway.ops.triton_use import use_triton

CHUNK = 8192
"""Output pixels per gather: bounds the memory for indices and shares, which grows with pixels x groups."""


def dcnv3(
    value: Float[Tensor, "b h w c"],
    offset: Float[Tensor, "b h w g 9 2"],
    mask: Float[Tensor, "b h w g 9"],
    offset_scale: float = 1.0,
) -> Float[Tensor, "b h w c"]:
    """Sum nine modulated bilinear samples around every pixel, zero outside the map (stride 1, padding 1).

    ``out[i, j] = sum_p mask_p value(j + s (gx_p + dx_p), i + s (gy_p + dy_p))`` for each of g groups of channels, with
    ``s = offset_scale`` and taps in column order: ``gx_p = p // 3 - 1``, ``gy_p = p % 3 - 1``. The scale spreads the
    regular taps too, as published: ``s = 2`` without offsets is a convolution of dilation 2.

    Args:
        value: map of c = g * (channels of a group) channels.
        offset: (dx, dy) of every tap, in pixels before scaling.
        mask: weight of every tap; published networks normalise the nine to sum 1.
        offset_scale: s, in pixels.

    Raises:
        ValueError: the channels do not split into the groups.
    """
    height, width, channels = value.shape[1:]
    groups = mask.shape[3]
    if channels % groups:
        raise ValueError(f"{channels} channels do not split into {groups} groups")
    # Positions need more digits than bfloat16 has.
    digits = torch.promote_types(offset.dtype, torch.float32)
    mask = mask.to(digits).flatten(1, 2)
    tap = torch.arange(9, device=value.device)
    dx, dy = (offset.to(digits).flatten(1, 2) * offset_scale).unbind(-1)
    dx = dx + (tap // 3 - 1) * offset_scale
    dy = dy + (tap % 3 - 1) * offset_scale
    pixel = torch.arange(height * width, device=value.device)[:, None, None]
    # A gather needs 2 x 2 pixels; outside the map all is zero, so a row or column of zeros changes nothing.
    padded = F.pad(value, (0, 0, 0, max(2 - width, 0), 0, max(2 - height, 0)))
    size = (padded.shape[1], padded.shape[2])
    rows = padded.flatten(1, 2).unflatten(-1, (groups, -1))
    chunk = max(len(pixel), 1) if use_triton(value) else CHUNK
    out = [
        deformable_attention(rows[i], size, x + part % width, y + part // width, weights)
        for i in range(len(value))
        for x, y, weights, part in zip(*(t.split(chunk) for t in (dx[i], dy[i], mask[i], pixel)))
    ]
    return torch.cat(out).view(value.shape).to(value.dtype)
