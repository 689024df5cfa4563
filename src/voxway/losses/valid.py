"""Which voxels a loss looks at: those whose target is known."""

from __future__ import annotations

from jaxtyping import Float, Int, UInt8
from torch import Tensor

from voxway.core.benchmark import IGNORE


def valid_log_probs(
    logits: Float[Tensor, "b k *space"], target: UInt8[Tensor, "b *space"]
) -> tuple[Float[Tensor, "m k"], Int[Tensor, "m"]]:
    """Log-probabilities and targets of all positions whose target is not 255, the batch taken together.

    Losses share them, so that the softmax over a whole volume is computed once.
    """
    last = logits.movedim(1, -1)
    known = target != IGNORE
    return last[known].float().log_softmax(-1), target[known].long()
