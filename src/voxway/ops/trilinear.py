"""Trilinear resizing of channels-last volumes, a slab at a time."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def resize_axis(
    volume: Float[Tensor, "*shape"], axis: int, size: int, part: slice | None = None
) -> Float[Tensor, "*resized"]:
    """Linear interpolation along one axis; the first and the last sample stay where they are (align_corners=True).

    Args:
        volume: any tensor.
        axis: which axis to resize.
        size: samples along that axis afterwards.
        part: which of those samples to compute; None computes all.
    """
    count = volume.shape[axis]
    wanted = torch.arange(size, device=volume.device)[part or slice(None)]
    position = wanted.double() * ((count - 1) / max(size - 1, 1))
    first = position.floor().long().clamp(max=max(count - 2, 0))
    shape = [1] * volume.ndim
    shape[axis] = -1
    share = (position - first).to(volume.dtype).view(shape)
    low = volume.index_select(axis, first)
    high = volume.index_select(axis, (first + 1).clamp(max=count - 1))
    return torch.lerp(low, high, share)
