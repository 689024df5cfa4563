"""Lovász-softmax (Berman et al., CVPR 2018): a convex surrogate of one minus the IoU."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def lovasz_softmax(log_probs: Float[Tensor, "m k"], target: Int[Tensor, "m"]) -> Float[Tensor, ""]:
    """Mean over the classes present of the Lovász extension of the Jaccard loss; 0 for an empty target.

    For a class, errors ``|t - p|`` are sorted downwards; each is weighted by how much the Jaccard loss grows when its
    voxel joins the wrong ones.

    Args:
        log_probs: log-probabilities of the known positions (`valid_log_probs`).
        target: their training ids.
    """
    probs = log_probs.exp()
    terms = [_of_class(probs[:, c], (target == c).to(probs)) for c in target.unique().tolist()]
    return torch.stack(terms).mean() if terms else log_probs.sum() * 0


def _of_class(probability: Float[Tensor, "m"], member: Float[Tensor, "m"]) -> Float[Tensor, ""]:
    errors, order = (member - probability).abs().sort(descending=True)
    # Float64: cumulative counts pass what float32 resolves.
    sorted_members = member[order].double()
    total = sorted_members.sum()
    shared = total - sorted_members.cumsum(0)
    union = total + (1 - sorted_members).cumsum(0)
    jaccard = 1 - shared / union
    growth = torch.diff(jaccard, prepend=jaccard.new_zeros(1))
    return errors @ growth.to(errors)
