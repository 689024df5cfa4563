"""What voxel labels teach EFFOcc's networks: one loss per benchmark, the same for cameras, LiDAR and fusion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import UInt8
from torch import Tensor

from voxway.core.errors import InputError
from voxway.core.sample import Batch, Prediction
from voxway.core.task import IGNORE
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.losses.cross_entropy import cross_entropy
from voxway.losses.depth import depth_cross_entropy, nearest_bin
from voxway.losses.hard_examples import with_hard_examples
from voxway.losses.lovasz import lovasz_softmax
from voxway.losses.scene_affinity import geometric_affinity, semantic_affinity
from voxway.losses.shrink import shrink_target
from voxway.losses.valid import valid_log_probs


def balanced_weights(counts: Sequence[int]) -> tuple[float, ...]:
    """Class weights ``1 / ln(n + 0.001)`` from how many voxels of a training set have each class."""
    return tuple(1 / math.log(count + 0.001) for count in counts)


OCC3D_NUSCENES_WEIGHTS = balanced_weights((
    944004, 1897170, 152386, 2391677, 16957802, 724139, 189027, 2074468, 413451, 2384460, 5916653, 175883646, 4275424,
    51393615, 61411620, 105975596, 116424404, 1892500630,
))  # fmt: skip
OPENOCCUPANCY_WEIGHTS = balanced_weights((
    2242961742295, 25985376, 1561108, 28862014, 196106643, 15920504, 2158753, 26539491, 4004729, 34838681, 75173306,
    2255027978, 50959399, 646022466, 869055679, 1446141335, 1724391378,
))  # fmt: skip
HARD_EXAMPLE_WEIGHTS_WAYMO = (
    21.9967298, 7.5044698, 10.5976300, 12.1810797, 15.1439403, 13.0355215, 9.8612343, 13.6443185, 15.1212364,
    21.9967298, 6.2016710, 5.7420518, 9.7687129, 3.4607401, 4.1522682, 1.0,
)  # fmt: skip
HARD_EXAMPLE_WEIGHTS_NUSCENES = (
    7.15991213, 6.82484854, 8.23171176, 6.70540744, 5.94283796, 7.32284196, 8.06182692, 6.79586189, 7.62405509,
    6.74755343, 6.33190774, 5.21283828, 6.43831456, 5.56740555, 5.51039067, 5.35497103, 5.32802099, 1.0,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """How voxel labels become a loss. The default is what every published Occ3D-nuScenes run uses."""

    terms: Literal["cross-entropy", "hard-examples", "four"] = "cross-entropy"
    """Cross-entropy alone; cross-entropy whose hardest fifth counts again (Waymo); or cross-entropy, both scene
    affinities and Lovász (OpenOccupancy, and variant C of the paper's first version)."""
    masks: tuple[str, ...] = ("camera",)
    """Voxels outside any of these masks teach nothing."""
    class_weights: tuple[float, ...] = ()
    """Weight of each class in the cross-entropy; empty weighs all alike."""
    free: int = OCC3D_NUSCENES.free
    """Training id of free space."""
    depth_ratio: float = 0.0
    """Weight of the depth loss of networks that lift images; published runs do without."""
    depth_start: float = 1.0
    """Metres at which the first depth bin begins."""
    depth_step: float = 0.5
    """Metres per depth bin."""


OPENOCCUPANCY = Supervision(terms="four", masks=(), class_weights=OPENOCCUPANCY_WEIGHTS, free=0)
WAYMO = Supervision(
    terms="hard-examples", masks=("camera", "field_of_view"), class_weights=HARD_EXAMPLE_WEIGHTS_WAYMO, free=15
)


def supervise(config: Supervision, prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
    """Named terms of the loss, averaged over the labelled voxels of the whole batch; 0 where nothing is labelled.

    Raises:
        InputError: the batch has no target, or lacks a mask.
    """
    target = known_target(config, batch)
    target = shrink_target(target, target.shape[1] // prediction.logits.shape[2], config.free)
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
        terms["geometric_affinity"] = geometric_affinity(log_probs, ids, config.free)
        terms["lovasz"] = lovasz_softmax(log_probs, ids)
    if config.depth_ratio:
        bins: Tensor = prediction.intermediates["depth"]
        seen = batch.need("depth")
        reduction = seen.shape[-1] // bins.shape[-1]
        nearest = nearest_bin(seen, reduction, config.depth_start, config.depth_step, bins.shape[-3])
        terms["depth"] = config.depth_ratio * depth_cross_entropy(bins, nearest)
    return terms


def known_target(config: Supervision, batch: Batch) -> UInt8[Tensor, "b x y z"]:
    """The target, 255 outside the masks and in samples whose labels may not be used."""
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
