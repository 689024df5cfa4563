"""Cross-entropy over voxels or pixels, with the two ways in which this field averages class weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from voxway.losses.valid import valid_log_probs

Averaging = Literal["positions", "weights"]


def cross_entropy(
    log_probs: Float[Tensor, "m k"],
    target: Int[Tensor, "m"],
    class_weights: Float[Tensor, "k"] | None = None,
    average: Averaging = "positions",
) -> Float[Tensor, ""]:
    """Mean of ``-w[y] log p_y``; 0 where there is nothing to average.

    Args:
        log_probs: log-probabilities of the known positions (`valid_log_probs`).
        target: their training ids.
        class_weights: weight of each class; None weighs all alike.
        average: divide by the number of positions (MonoOcc) or by the sum of their weights (MonoScene, PyTorch).
    """
    summed = F.nll_loss(log_probs, target, class_weights, reduction="sum")
    if average == "positions" or class_weights is None:
        return summed / max(len(target), 1)
    return summed / class_weights[target].sum().clamp(min=1e-12)


def semantic_2d(
    logits: Sequence[Float[Tensor, "_n k _h2 _w2"]], targets: Sequence[UInt8[Tensor, "_n _h _w"]]
) -> Float[Tensor, ""]:
    """Cross-entropy of images' semantic logits against sparse labels, the mean over all labelled pixels.

    Args:
        logits: scores of the images of each sample; samples may differ in size.
        targets: training ids, 255 where unknown; resized to the logits (nearest, floor index).
    """
    known = [
        valid_log_probs(scores, F.interpolate(labels[:, None], scores.shape[-2:])[:, 0])
        for scores, labels in zip(logits, targets)
    ]
    return cross_entropy(torch.cat([log_probs for log_probs, _ in known]), torch.cat([ids for _, ids in known]))
