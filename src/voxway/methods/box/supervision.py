"""What labels teach the box network: classes of known voxels, scene affinities, and depths that LiDAR measured."""

from __future__ import annotations

import torch
from torch import Tensor

from voxway.core.sample import Batch, Prediction
from voxway.core.task import IGNORE
from voxway.losses.cross_entropy import cross_entropy
from voxway.losses.depth import depth_cross_entropy, nearest_bin
from voxway.losses.scene_affinity import geometric_affinity, semantic_affinity
from voxway.losses.valid import valid_log_probs
from voxway.methods.box.config import BoxConfig
from voxway.methods.shared.batches import by_image_size, in_order


def supervise(config: BoxConfig, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
    """Named terms of the loss, averaged over the known voxels of the whole batch; 0 where nothing is known.

    Depths that nobody measured teach nothing; data without them may leave them out.

    Raises:
        InputError: the batch has no target.
    """
    target: Tensor = batch.need("target")
    if batch.labelled is not None:
        target = torch.where(batch.labelled.to(target.device)[:, None, None, None], target, IGNORE)
    log_probs, ids = valid_log_probs(prediction.logits, target)
    weights = log_probs.new_tensor(config.class_weights) if config.class_weights else None
    terms = {
        "voxel": cross_entropy(log_probs, ids, weights, "weights"),
        "semantic_affinity": semantic_affinity(log_probs, ids),
        "geometric_affinity": geometric_affinity(log_probs, ids, config.task.free),
    }
    if batch.depth is not None and "depth" in prediction.intermediates:
        terms["depth"] = config.depth_weight * _depth_loss(config, prediction, batch)
    return terms


def _depth_loss(config: BoxConfig, prediction: Prediction, batch: Batch) -> Tensor:
    bins, seen = config.depth_bins, batch.need("depth")
    groups = by_image_size(batch.need("cameras"))
    images = in_order(groups, [list(group.cut(seen)) for group in groups])
    likely, nearest = [], []
    for probabilities, depth in zip(prediction.each("depth"), images, strict=True):
        reduction = config.reductions[0]
        rows, columns = (side * reduction for side in probabilities.shape[-2:])
        # Feature maps are rounded up: what they cover beyond the picture was not measured.
        padded = torch.nn.functional.pad(depth, (0, columns - depth.shape[-1], 0, rows - depth.shape[-2]))
        nearest.append(nearest_bin(padded, reduction, bins.start, bins.step, bins.count).flatten())
        likely.append(probabilities.movedim(-3, 0).flatten(1))
    return depth_cross_entropy(torch.cat(likely, 1)[:, None], torch.cat(nearest)[None])
