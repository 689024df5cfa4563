"""What the box network learns from: classes of known voxels, scene affinities, what pixels show, a teacher."""

from __future__ import annotations

import torch
from torch import Tensor

from voxway.core.sample import Batch, Prediction
from voxway.core.task import IGNORE
from voxway.losses.cross_entropy import cross_entropy, semantic_2d
from voxway.losses.depth import depth_cross_entropy, nearest_bin
from voxway.losses.scene_affinity import geometric_affinity, semantic_affinity
from voxway.losses.valid import valid_log_probs
from voxway.methods.box.config import BoxConfig
from voxway.methods.box.pixels import padded, pixel_classes
from voxway.methods.contract import Said
from voxway.methods.shared.batches import by_image_size, in_order
from voxway.methods.shared.teaching import heard


def supervise(config: BoxConfig, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
    """Named terms of the loss, averaged over the known voxels of the whole batch; 0 where nothing is known.

    Depths that nobody measured teach nothing; data without them may leave them out.

    Raises:
        InputError: the batch has no target.
    """
    target: Tensor = batch.need("target")
    if batch.labelled is not None:
        target = torch.where(batch.labelled.to(target.device)[:, None, None, None], target, IGNORE)
    terms = _of_pixels(config, prediction, batch, target)
    if config.stage == "camera":
        # Where nothing is measured there is nothing to learn.
        return terms or {"depth": prediction.logits.flatten()[0]}
    log_probs, ids = valid_log_probs(prediction.logits, target)
    weights = log_probs.new_tensor(config.class_weights) if config.class_weights else None
    return {
        "voxel": cross_entropy(log_probs, ids, weights, "weights"),
        "semantic_affinity": config.semantic_weight * semantic_affinity(log_probs, ids),
        "geometric_affinity": geometric_affinity(log_probs, ids, config.task.free),
        **terms,
    }


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


def _of_pixels(config: BoxConfig, prediction: Prediction, batch: Batch, target: Tensor) -> dict[str, Tensor]:
    """What measured depths say of feature pixels: how far away they are, and the class that they show."""
    if batch.depth is None or "depth" not in prediction.intermediates:
        return {}
    bins, task, reduction = config.depth_bins, config.task, config.reductions[0]
    groups = by_image_size(batch.need("cameras"))
    depths = [padded(group.cut(batch.depth), reduction) for group in groups]
    nearest = [list(nearest_bin(depth, reduction, bins.start, bins.step, bins.count)) for depth in depths]
    likely = [probabilities.movedim(-3, 0).flatten(1) for probabilities in prediction.each("depth")]
    near = torch.cat([one.flatten() for one in in_order(groups, nearest)])
    cameras = [group.cameras(batch.need("cameras")) for group in groups]
    targets = [target[list(group.members)] for group in groups]
    shown = [list(pixel_classes(*each, task.grid, reduction, task.free)) for each in zip(depths, targets, cameras)]
    return {
        "depth": config.depth_weight * depth_cross_entropy(torch.cat(likely, 1)[:, None], near[None]),
        "pixels": config.pixel_weight * semantic_2d(prediction.each("pixels"), in_order(groups, shown)),
    }
