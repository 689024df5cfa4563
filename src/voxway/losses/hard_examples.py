"""Online hard example mining: the voxels with the largest losses count once more."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def with_hard_examples(
    losses: Float[Tensor, "m"], count: int, share: float = 0.2, weight: float = 4.0
) -> Float[Tensor, ""]:
    """``sum(losses) / count + weight * (sum of the largest share * count) / (share * count)``; 0 without voxels.

    EFFOcc's loss on Waymo. Voxels outside the masks count as losses of 0 in both means.

    Args:
        losses: of the voxels inside the masks, class weights included, none negative.
        count: voxels in all, inside the masks or not.
        share: of all voxels that are called hard.
        weight: of their mean.
    """
    hard = int(share * count)
    largest = losses.topk(min(hard, len(losses))).values
    return losses.sum() / max(count, 1) + weight * largest.sum() / max(hard, 1)
