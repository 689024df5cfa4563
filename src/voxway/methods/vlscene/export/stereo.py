"""The correlation volume of a pair for exports: read at the bins' disparities by a product with a small matrix."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def shares_of_shifts(steps: Float[Tensor, "d"], shifts: Sequence[int]) -> Float[Tensor, "d s"]:
    """How much every bin takes of every whole shift: linear interpolation, as hat functions.

    Args:
        steps: disparity of every bin, in pixels of the features.
        shifts: whole pixels.
    """
    return F.relu(1 - (steps[:, None] - steps.new_tensor(shifts)).abs())


def depth_volume_of_shifts(
    left: Float[Tensor, "1 c h w"],
    right: Float[Tensor, "1 c h w"],
    shares: Float[Tensor, "d s"],
    shifts: Sequence[int],
    groups: int,
) -> Float[Tensor, "1 g d h w"]:
    """`voxway.methods.vlscene.stereo.depth_volume` of one pair, from shares of shifts.

    Args:
        left: features.
        right: features.
        shares: from `shares_of_shifts`.
        shifts: whole pixels, each less than the width.
        groups: groups of channels.
    """
    entries = torch.stack([_correlation(left[0], right[0], shift, groups) for shift in shifts])
    planes = shares @ entries.flatten(1)
    return planes.unflatten(1, entries.shape[1:]).transpose(0, 1)[None]


def _correlation(left: Tensor, right: Tensor, shift: int, groups: int) -> Float[Tensor, "g h w"]:
    """Means over the channels of a group of ``left(x) * right(x - shift)``, 0 where x < shift."""
    product = left[..., shift:] * right[..., : left.shape[-1] - shift]
    return F.pad(product.unflatten(0, (groups, -1)).mean(1), (shift, 0))
