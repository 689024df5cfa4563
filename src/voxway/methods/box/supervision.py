"""What the box network learns from: classes of known voxels, scene affinities, measured depths, a teacher."""

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
from voxway.methods.contract import Said
from voxway.methods.shared.batches import by_image_size, in_order
from voxway.methods.shared.teaching import heard


def supervise(config: BoxConfig, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
    """Named terms of the loss, averaged over the known voxels of the whole batch; 0 where nothing is known.

    Depths that nobody measured teach nothing; data without them may leave them out.

    Raises:
        InputError: the batch has no target.
    """
    if config.stage == "camera":
        seen = "depth" in prediction.intermediates
        return {"depth": _depth_loss(config, prediction, batch) if seen else prediction.logits.flatten()[0]}
    target: Tensor = batch.need("target")
    if batch.labelled is not None:
        target = torch.where(batch.labelled.to(target.device)[:, None, None, None], target, IGNORE)
    log_probs, ids = valid_log_probs(prediction.logits, target)
    weights = log_probs.new_tensor(config.class_weights) if config.class_weights else None
    terms = {
        "voxel": cross_entropy(log_probs, ids, weights, "weights"),
        "semantic_affinity": config.semantic_weight * semantic_affinity(log_probs, ids),
        "geometric_affinity": geometric_affinity(log_probs, ids, config.task.free),
    }
    if batch.depth is not None and "depth" in prediction.intermediates:
        terms["depth"] = config.depth_weight * _depth_loss(config, prediction, batch)
    return terms


def follow(config: BoxConfig, prediction: Prediction, said: Said) -> dict[str, Tensor]:
    """How far the student's probabilities are from its teacher's: the divergence of each voxel, averaged by region.

    Foreground, background and empty space, as the teacher has them, weigh the same; a region that is empty gives 0.

    Raises:
        InputError: the teacher says nothing of classes.
    """
    theirs, mine = heard(said, "logits").float().log_softmax(1), prediction.logits.float().log_softmax(1)
    apart = (theirs.exp() * (theirs - mine)).sum(1)
    regions = config.task.regions(theirs.argmax(1).to(torch.uint8))
    return {
        f"taught_{name}": config.teacher_weight * (apart * mask).sum() / mask.sum().clamp(min=1)
        for name, mask in regions.items()
    }


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
