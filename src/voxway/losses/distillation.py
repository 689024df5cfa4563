"""Distilling a teacher's voxel features into a student (MonoOcc, section III-D)."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

Form = Literal["published", "softmax", "squared"]


def feature_distillation(
    student: Float[Tensor, "b c *space"],
    teacher: Float[Tensor, "b c *space"],
    counts: Bool[Tensor, "b *space"],
    form: Form = "published",
) -> Float[Tensor, ""]:
    """Pull the student's features towards the teacher's at the positions that count; 0 where none does.

    Args:
        student: features of the student.
        teacher: features of the teacher; no gradient reaches it.
        counts: MonoOcc: voxels whose half-scale label is occupied and known.
        form: ``"published"`` is the released code, ``mean exp(T) (T - S)`` on raw features: not a divergence, its
            gradient does not depend on the student. ``"softmax"`` is the Kullback-Leibler divergence of channel
            distributions, ``"squared"`` the mean squared difference.
    """
    mine = student.movedim(1, -1)[counts]
    theirs = teacher.movedim(1, -1)[counts].detach()
    if not len(mine):
        return student.sum() * 0
    if form == "squared":
        return F.mse_loss(mine, theirs)
    if form == "softmax":
        return F.kl_div(mine.log_softmax(-1), theirs.log_softmax(-1), log_target=True, reduction="batchmean")
    return (theirs.exp() * (theirs - mine)).mean()
