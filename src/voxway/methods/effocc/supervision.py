"""What voxel labels teach EFFOcc's networks: one loss per benchmark, the same for cameras, LiDAR and fusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.sample import Batch, Prediction
from voxway.core.task import IGNORE, Task
from voxway.losses.cross_entropy import cross_entropy
from voxway.losses.depth import depth_cross_entropy, nearest_bin
from voxway.losses.hard_examples import with_hard_examples
from voxway.losses.lovasz import lovasz_softmax
from voxway.losses.scene_affinity import geometric_affinity, semantic_affinity
from voxway.losses.shrink import shrink_target
from voxway.losses.valid import valid_log_probs
from voxway.methods.shared.batches import by_image_size, in_order
from voxway.methods.shared.depth_bins import DepthBins


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """How voxel labels become a loss. Which class is free, the task says."""

    terms: Literal["cross-entropy", "hard-examples", "four"] = "cross-entropy"
    """Cross-entropy alone; cross-entropy whose hardest fifth counts again; or cross-entropy, both scene affinities and
    Lovász (variant C of the paper's first version)."""
    masks: tuple[str, ...] = ()
    """Voxels outside any of these masks teach nothing."""
    class_weights: tuple[float, ...] = ()
    """Weight of each class in the cross-entropy; empty weighs all alike."""
    depth_ratio: float = 0.0
    """Weight of the depth loss of networks that lift images; published runs do without."""


def supervise(
    config: Supervision, task: Task, bins: DepthBins | None, prediction: Prediction, batch: Batch
) -> dict[str, Tensor]:
    """Named terms of the loss, averaged over the labelled voxels of the whole batch; 0 where nothing is labelled.

    Args:
        config: which terms.
        task: what the network predicts.
        bins: of its camera branch, which the depth loss needs; None without cameras.
        prediction: its logits, and for the depth loss ``"depth"``.
        batch: what it saw, with the target, whose grid may be finer than the logits' by a whole factor.

    Raises:
        InputError: the batch has no target, or lacks a mask.
    """
    target = known_target(config, batch)
    target = shrink_target(target, target.shape[1] // prediction.logits.shape[2], task.free)
    log_probs, ids = valid_log_probs(prediction.logits, target)
    weights = log_probs.new_tensor(config.class_weights) if config.class_weights else None
    if config.terms == "hard-examples":
        losses = -log_probs.gather(1, ids[:, None])[:, 0]
        losses = losses * weights[ids] if weights is not None else losses
        terms = {"voxel": with_hard_examples(losses, target.numel())}
    else:
        terms = {"voxel": cross_entropy(log_probs, ids, weights, "weights")}
    if config.terms == "four":
        terms["semantic_affinity"] = semantic_affinity(log_probs, ids)
        terms["geometric_affinity"] = geometric_affinity(log_probs, ids, task.free)
        terms["lovasz"] = lovasz_softmax(log_probs, ids)
    if config.depth_ratio and bins is not None:
        terms["depth"] = config.depth_ratio * depth_cross_entropy(*_depth_cells(bins, prediction, batch))
    return terms


def _depth_cells(
    bins: DepthBins, prediction: Prediction, batch: Batch
) -> tuple[Float[Tensor, "d 1 cells"], Int[Tensor, "1 cells"]]:
    """Probabilities of all feature pixels of the batch, and the bin of the nearest point in each, -1 without any."""
    seen: Float[Tensor, "b n h w"] = batch.need("depth")
    groups = by_image_size(batch.need("cameras"))
    images = in_order(groups, [list(group.cut(seen)) for group in groups])
    likely, nearest = [], []
    for probabilities, depth in zip(prediction.each("depth"), images, strict=True):
        reduction = depth.shape[-1] // probabilities.shape[-1]
        nearest.append(nearest_bin(depth, reduction, bins.start, bins.step, bins.count).flatten())
        likely.append(probabilities.movedim(-3, 0).flatten(1))
    return torch.cat(likely, 1)[:, None], torch.cat(nearest)[None]


def known_target(config: Supervision, batch: Batch) -> UInt8[Tensor, "b x y z"]:
    """The target, 255 outside the masks and in samples whose labels may not be used.

    Raises:
        InputError: the batch has no target, or lacks a mask.
    """
    target: Tensor = batch.need("target")
    counts = torch.ones_like(target, dtype=torch.bool)
    for name in config.masks:
        if name not in batch.masks:
            raise InputError(
                file=f"batch {', '.join(batch.keys)}",
                field="masks",
                expected=f"one called {name!r}",
                found=", ".join(batch.masks) or "none",
                remedy="Read data that has it, or train with other masks: --set 'method.supervision.masks=[]'.",
            )
        counts &= batch.masks[name]
    if batch.labelled is not None:
        counts &= batch.labelled.to(counts.device)[:, None, None, None]
    return torch.where(counts, target, IGNORE)
