"""Dense volumes from the rows of sparse sites."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from voxway.ops.sparse_conv import Sites


def to_volume(features: Float[Tensor, "s c"], sites: Sites) -> Float[Tensor, "b c _k _m _n"]:
    """Volumes with the features where there are sites, and zeros elsewhere; axes as the sites have them.

    Args:
        features: one row per site.
        sites: where they are.
    """
    volume = features.new_zeros(sites.samples, *sites.shape, features.shape[1])
    volume[tuple(sites.index.unbind(1))] = features
    return volume.movedim(-1, 1).contiguous()
