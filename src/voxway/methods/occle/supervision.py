"""What each of the three stages learns from. The stages' weights and all forms are our reading of the paper.

* semantic: pixels and voxels of LiDAR, from pseudo-labels alone.
* geometry: free and occupied, from voxel labels where there are some, from rays of LiDAR elsewhere (and from the moving
  average of the network's own weights, where that teaches).
* all: classes of voxels, from voxel labels where there are some and from pseudo-labels through the projection
  everywhere; the other two stages' terms go on at a fraction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from voxway.core.sample import EVIDENCE_FREE, EVIDENCE_OCCUPIED, Batch
from voxway.core.task import IGNORE, Task
from voxway.losses.cross_entropy import cross_entropy
from voxway.losses.lovasz import lovasz_softmax
from voxway.losses.scene_affinity import geometric_affinity, semantic_affinity
from voxway.losses.valid import valid_log_probs
from voxway.methods.occle.projection import Mode
from voxway.methods.shared.class_weights import balanced_weights

Stage = Literal["semantic", "geometry", "all"]
Terms = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """Weights and forms of the losses. All of it is our reading of the paper.

    Raises:
        ValueError: a share or a window that is none.
    """

    cross_entropy: float = 3.0
    """Weight of the voxels' cross-entropy in the last stage."""
    semantic_affinity: float = 1.0
    """Weight of the affinity of classes there."""
    geometric_affinity: float = 1.0
    """Weight of the affinity of occupied and free there."""
    lovasz: float = 1.0
    """Weight of the voxels' Lovász-softmax there."""
    affinity_epsilon: float = 0.0
    """Added to the denominators of both affinities; 1e-5 in L2COcc's form, nothing in MonoScene's."""
    class_counts: tuple[float, ...] = ()
    """How many voxels of each class the labels have, from which class weights come; empty weighs all alike."""
    projection: float = 0.5
    """Weight of the projection onto pseudo-labels; 0 leaves it out."""
    projection_mode: Mode = "sum"
    """How voxels share a pixel; ``"visible"`` lets none vote that stands behind others."""
    sky: float = 0.1
    """Weight of free space along the rays of the sky's pixels, within the projection's."""
    pixels: Literal["image", "map"] = "image"
    """Whether pseudo-labels of pixels are compared at the size of the images, or at that of the finest map."""
    hidden_window: int = 7
    """Pixels, odd: of LiDAR's points in a window of that many rows and columns the nearest hides voxels behind it."""
    hidden_slack_m: float = 0.5
    """Metres that a voxel may lie behind it and still take the pixel's label."""
    hidden_slack: float = 0.05
    """The same as a share of its depth; the larger one holds."""
    evidence: float = 0.5
    """Weight of LiDAR's rays on frames without labels, for the geometric branch; 0 leaves them out."""
    predicted_evidence: float = 0.0
    """The same for the prediction, in the last stage. It hears of free space from labels and the sky's pixels else."""
    predicted_labels: float = 0.0
    """Weight, in the last stage, of the pseudo-labels of voxels that those rays hit, for the prediction."""
    evidence_mean: Literal["voxels", "sides"] = "voxels"
    """Whether each voxel weighs the same there, or what is free as much as what is occupied. Rays pass many times as
    many voxels as they hit; where they alone teach, without a labelled frame, each voxel alike ends in free everywhere.
    """
    evidence_margin: int = 1
    """Voxels around one that rays hit of which passing rays say nothing. Rays that graze a road or a wall cross voxels
    that hold some of it: of what they pass in voxels of 0.4 m, 9 % was occupied on the synthetic world, 22 % of all
    that was; with one voxel left out around hits 2 % and 4 %, for a third of the free voxels.
    """
    consistency: float = 1.0
    """Weight of the moving average's word on frames without labels, where it is a teacher."""
    confidence: float = 0.9
    """How sure the average must be of a voxel to be followed."""
    ramp: float = 0.2
    """Share of the training over which rays and the average's word grow to their full weight."""
    semantic_share: float = 0.2
    """Of the semantic stage's terms in the last stage."""
    geometry_share: float = 0.2
    """Of the geometry stage's terms in the last stage."""

    def __post_init__(self) -> None:
        for name in ("ramp", "confidence", "semantic_share", "geometry_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share from 0 to 1, got {getattr(self, name)}")
        if self.evidence_margin < 0:
            raise ValueError(f"evidence_margin is a number of voxels, 0 or more, got {self.evidence_margin}")
        if self.hidden_window < 1 or self.hidden_window % 2 == 0:
            raise ValueError(f"hidden_window must be odd and positive, got {self.hidden_window}")

    def ramped(self, progress: float) -> float:
        """Factor of what grows in, ``exp(-5 (1 - t)^2)`` with t the share of the ramp that has passed.

        Args:
            progress: share of the training that has passed.
        """
        passed = min(progress / self.ramp, 1.0) if self.ramp else 1.0
        return math.exp(-5 * (1 - passed) ** 2)

    def binary_counts(self, free: int) -> tuple[float, ...]:
        """How many voxels are free, and how many are not; empty if that is not known."""
        counts = self.class_counts
        return (counts[free], sum(counts) - counts[free]) if counts else ()


def mean(losses: Float[Tensor, "m"]) -> Float[Tensor, ""]:
    """The mean; 0 of none, with a gradient that is 0."""
    return losses.sum() / max(len(losses), 1)


def learnt_from(log_probs: Float[Tensor, "m k"], ids: Int[Tensor, "m"], name: str) -> Terms:
    """Cross-entropy and Lovász-softmax from pseudo-labels, by name."""
    return {name: cross_entropy(log_probs, ids), f"{name}_lovasz": lovasz_softmax(log_probs, ids)}


def labelled_rows(
    scores: Sequence[Float[Tensor, "_n k *_s"]], targets: Sequence[UInt8[Tensor, "_n *_s"]]
) -> tuple[Float[Tensor, "m k"], Int[Tensor, "m"]]:
    """Log-probabilities and targets of all that is labelled, of samples that may differ in size."""
    known = [valid_log_probs(one, target) for one, target in zip(scores, targets, strict=True)]
    return torch.cat([log_probs for log_probs, _ in known]), torch.cat([ids for _, ids in known])


def geometry_terms(
    config: Supervision, task: Task, logits: Float[Tensor, "b 2 x y z"], batch: Batch, progress: float
) -> Terms:
    """What the geometric branch learns from voxel labels, and from LiDAR's rays where there are none.

    Args:
        config: weights and forms.
        task: which class is free.
        logits: scores of free and occupied.
        batch: with the target, and with evidence if that has a weight.
        progress: share of the training that has passed.
    """
    target: UInt8[Tensor, "b x y z"] = batch.need("target")
    log_probs, ids = valid_log_probs(logits, torch.where(target == IGNORE, target, (target != task.free).byte()))
    terms = {
        "geometry": cross_entropy(log_probs, ids, _weights(config.binary_counts(task.free), log_probs), "weights"),
        "geometry_affinity": geometric_affinity(log_probs, ids, 0, config.affinity_epsilon),
    }
    if config.evidence:
        terms["evidence"] = config.evidence * config.ramped(progress) * evidence_term(config, logits, batch)
    return terms


def evidence_term(config: Supervision, logits: Float[Tensor, "b 2 x y z"], batch: Batch) -> Float[Tensor, ""]:
    """Cross-entropy of free and occupied to what LiDAR's rays say, on frames without labels."""
    said: UInt8[Tensor, "b x y z"] = batch.need("evidence")
    hit = said == EVIDENCE_OCCUPIED
    beside = F.max_pool3d(hit.float(), 2 * config.evidence_margin + 1, 1, config.evidence_margin) > 0
    binary = torch.full_like(said, IGNORE)
    binary[(said == EVIDENCE_FREE) & ~beside], binary[hit] = 0, 1
    binary[labelled(batch)] = IGNORE
    log_probs, sides = valid_log_probs(logits, binary)
    if config.evidence_mean == "voxels":
        return cross_entropy(log_probs, sides)
    weights = 1 / sides.bincount(minlength=2).clamp(min=1).to(log_probs.dtype)
    return cross_entropy(log_probs, sides, weights, "weights")


def predicted_evidence(
    config: Supervision, task: Task, logits: Float[Tensor, "b k x y z"], batch: Batch, progress: float
) -> Float[Tensor, ""]:
    """The same for the prediction, which is as sure of occupied as of all that is not free."""
    there = [channel for channel in range(logits.shape[1]) if channel != task.free]
    binary = torch.stack([logits[:, task.free], logits[:, there].logsumexp(1)], 1)
    return config.predicted_evidence * config.ramped(progress) * evidence_term(config, binary, batch)


def consistency(
    config: Supervision,
    logits: Float[Tensor, "b 2 x y z"],
    taught: Float[Tensor, "b 2 x y z"],
    batch: Batch,
    progress: float,
) -> Float[Tensor, ""]:
    """Cross-entropy to what the moving average is sure of, on frames without labels."""
    sure, said = taught.float().softmax(1).max(1)
    target = torch.where(sure >= config.confidence, said, IGNORE).to(torch.uint8)
    target[labelled(batch)] = IGNORE
    return config.consistency * config.ramped(progress) * cross_entropy(*valid_log_probs(logits, target))


def voxel_terms(config: Supervision, task: Task, logits: Float[Tensor, "b k x y z"], batch: Batch) -> Terms:
    """What the prediction learns from voxel labels."""
    log_probs, ids = valid_log_probs(logits, batch.need("target"))
    weights = _weights(config.class_counts, log_probs)
    epsilon = config.affinity_epsilon
    terms = {
        "voxel": config.cross_entropy * cross_entropy(log_probs, ids, weights, "weights"),
        "semantic_affinity": config.semantic_affinity * semantic_affinity(log_probs, ids, epsilon),
        "geometric_affinity": config.geometric_affinity * geometric_affinity(log_probs, ids, task.free, epsilon),
    }
    if config.lovasz:
        terms["lovasz"] = config.lovasz * lovasz_softmax(log_probs, ids)
    return terms


def labelled(batch: Batch) -> Bool[Tensor, "b"]:
    """Which samples' targets may supervise; all of them where nothing else is known."""
    if batch.labelled is not None:
        return batch.labelled
    return torch.ones(len(batch), dtype=torch.bool, device=batch.need("target").device)


def _weights(counts: Sequence[float], like: Tensor) -> Tensor | None:
    return like.new_tensor(balanced_weights(counts)) if counts else None
