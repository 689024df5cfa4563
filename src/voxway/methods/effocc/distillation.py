"""What the fusion network teaches the camera network: its BEV features and its logits, region by region.

Foreground, background and empty space weigh the same, however few their voxels are. Regions come from labels where a
frame has them and from the teacher's own prediction elsewhere, so that frames without labels teach too.

Kept behind switches because published students were trained so: the 2D masks are laid over the features without the
transposition that their axis orders, (x, y) and (y, x), ask for; and a column counts as background as soon as it has a
voxel that is not foreground and one that is not free, which holds for nearly every column that is not empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from voxway.core.sample import Batch, Prediction
from voxway.core.task import Task
from voxway.methods.contract import Said
from voxway.methods.shared.teaching import heard


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """How a teacher is followed. The default is the published form."""

    terms: Literal["regions", "features"] = "regions"
    """Squared difference of BEV features and cosine of logits, each in three regions; or only the absolute difference
    of BEV features ("naive_bev")."""
    columns: Literal["published", "corrected"] = "published"
    """Masks over BEV features: as published (transposed, background nearly everywhere), or as they were meant."""
    inherit_head: bool = True
    """Start the head from the teacher's."""
    ratio: float = 1.0
    """Weight of every term."""


def follow(config: Distillation, task: Task, student: Prediction, said: Said, batch: Batch) -> dict[str, Tensor]:
    """Named distillation terms; a region that is empty gives 0.

    Args:
        config: which terms.
        task: what both predict; says which classes are foreground, and which is free.
        student: logits (b, k, x, y, z) and ``"bev"`` (b, c, y, x).
        said: ``"bev"`` of the teacher and, for the regions, its ``"logits"``; no gradient reaches it.
        batch: what both saw. Its target counts where `labelled`.

    Raises:
        InputError: the teacher does not say so much.
        ValueError: the two BEV features differ in shape.
    """
    mine, theirs = student.need("bev"), heard(said, "bev")
    if mine.shape != theirs.shape:
        raise ValueError(
            f"student's BEV features {tuple(mine.shape)} must be shaped as the teacher's, "
            f"{tuple(theirs.shape)}: choose networks whose heads take the same channels"
        )
    if config.terms == "features":
        return {"distil_bev": config.ratio * F.l1_loss(mine, theirs)}
    logits = heard(said, "logits")
    volumes = task.regions(known_classes(logits, batch))
    squared = (mine - theirs).square().mean(1)
    distance = 1 - F.cosine_similarity(student.logits, logits, dim=1, eps=1e-8)
    terms = {}
    for region, mask in _columns(config, volumes).items():
        terms[f"distil_bev_{region}"] = config.ratio * _mean(squared, _resized(mask, squared))
    for region, mask in volumes.items():
        terms[f"distil_voxel_{region}"] = config.ratio * _mean(distance, mask)
    return terms


def known_classes(logits: Float[Tensor, "b k x y z"], batch: Batch) -> UInt8[Tensor, "b x y z"]:
    """Labels of samples that have them, the classes that a teacher's logits say of the others."""
    classes = logits.argmax(1).to(torch.uint8)
    labelled: Tensor = batch.need("labelled")
    if not labelled.any():
        return classes
    return torch.where(labelled[:, None, None, None], batch.need("target"), classes)


def _columns(config: Distillation, volumes: dict[str, Bool[Tensor, "b x y z"]]) -> dict[str, Bool[Tensor, "b _ _"]]:
    """The regions of BEV features (b, y, x)."""
    foreground, background = volumes["foreground"].any(-1), volumes["background"].any(-1)
    empty = volumes["empty"].all(-1)
    if config.columns == "corrected":
        masks = {"foreground": foreground, "background": background & ~foreground, "empty": empty}
        return {region: mask.mT for region, mask in masks.items()}
    above = ~volumes["foreground"].all(-1)  # some voxel is no foreground; free ones count
    return {"foreground": foreground, "background": above & (foreground | background), "empty": empty}


def _resized(mask: Bool[Tensor, "b _ _"], like: Float[Tensor, "b y x"]) -> Float[Tensor, "b y x"]:
    """The mask on the feature's raster; of coarser features each takes the nearest column."""
    if mask.shape == like.shape:
        return mask.to(like)
    return F.interpolate(mask[:, None].to(like), like.shape[-2:])[:, 0]


def _mean(values: Tensor, mask: Tensor) -> Float[Tensor, ""]:
    return (values * mask).sum() / mask.sum().clamp(min=1)
