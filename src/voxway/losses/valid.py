"""Which voxels a loss looks at: those whose target is known."""

from __future__ import annotations

from jaxtyping import Float, Int, UInt8
from torch import Tensor

from voxway.core.task import IGNORE


def valid_log_probs(
    logits: Float[Tensor, "b k *space"], target: UInt8[Tensor, "b *space"]
) -> tuple[Float[Tensor, "m k"], Int[Tensor, "m"]]:
    """Log-probabilities and targets of all positions whose target is not 255, the batch taken together.

    Losses share them, so that the softmax over a whole volume is computed once.
    """
    last = logits.movedim(1, -1).flatten(0, -2)
    flat = target.flatten()
    # Positions rather than a mask: the backward pass then knows that none comes twice, and takes half the time.
    known = (flat != IGNORE).nonzero()[:, 0]
    return last.index_select(0, known).float().log_softmax(-1), flat[known].long()
