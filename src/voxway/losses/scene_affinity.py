"""Scene-class affinity losses (MonoScene, section 3.3): soft precision, recall and specificity of a whole scene."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def semantic_affinity(
    log_probs: Float[Tensor, "m k"], target: Int[Tensor, "m"], epsilon: float = 0.0
) -> Float[Tensor, ""]:
    """Mean over the classes present, the free class included, of ``-log precision - log recall - log specificity``.

    For class c with probabilities p and indicator t: precision = sum(p t) / sum(p), recall = sum(p t) / sum(t),
    specificity = sum((1 - p)(1 - t)) / sum(1 - t). A term without a denominator is left out. 0 for an empty target.

    Args:
        log_probs: log-probabilities of the known positions (`valid_log_probs`).
        target: their training ids.
        epsilon: added to every denominator: nothing in MonoScene, 1e-5 in L2COcc.
    """
    classes = log_probs.shape[1]
    probs = log_probs.exp()
    members = target.bincount(minlength=classes).double()
    # Float64 sums: single adds of millions of float32 values would lose the fourth digit.
    own = probs.gather(1, target[:, None])[:, 0].double()
    hit = torch.zeros_like(members).index_add(0, target, own)
    present = members > 0
    terms = _affinity(hit, _column_sums(probs), members, len(target), epsilon)
    return (terms * present).sum().to(log_probs.dtype) / present.sum().clamp(min=1)


def geometric_affinity(
    log_probs: Float[Tensor, "m k"], target: Int[Tensor, "m"], free: int, epsilon: float = 0.0
) -> Float[Tensor, ""]:
    """The same three terms for occupied against free, with q = 1 - p_free. 0 for an empty target."""
    occupied = (target != free).double()
    probability = 1 - log_probs[:, free].exp().double()
    hit, predicted, members = ((each.sum()[None]) for each in (probability * occupied, probability, occupied))
    terms = _affinity(hit, predicted, members, len(target), epsilon)
    return terms[0].to(log_probs.dtype)


def _affinity(
    hit: Float[Tensor, "k"], predicted: Float[Tensor, "k"], members: Float[Tensor, "k"], count: int, epsilon: float
) -> Float[Tensor, "k"]:
    """``-log precision - log recall - log specificity`` from soft counts."""
    others = count - members
    rejected = others - predicted + hit
    return (
        _minus_log(hit, predicted, epsilon) + _minus_log(hit, members, epsilon) + _minus_log(rejected, others, epsilon)
    )


def _minus_log(part: Tensor, whole: Tensor, epsilon: float) -> Tensor:
    """``-log(part / whole)`` where there is a whole; logarithms are clamped at -100 as binary cross-entropy does."""
    counts = whole > 0
    ratio = torch.where(counts, part, 1.0) / torch.where(counts, whole + epsilon, 1.0)
    return -ratio.clamp(min=1e-300).log().clamp(min=-100)


def _column_sums(probs: Float[Tensor, "m k"]) -> Float[Tensor, "k"]:
    """Sum over rows in blocks of float32, then float64: exact enough without a float64 copy of the volume."""
    whole = len(probs) // 4096 * 4096
    blocks = probs[:whole].view(-1, 4096, probs.shape[1]).sum(1)
    return blocks.double().sum(0) + probs[whole:].double().sum(0)
