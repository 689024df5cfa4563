"""Speeds at the ends of rays: the score of the occupancy and flow challenge of 2024, by both of its published counts.

They disagree in whose errors make a class's mean error of velocity (AVE):

* "true positives at 2 m": of the class's true positives, as the training code has it.
* "package": in each frame that has such a true positive, of all valid rays, whatever their class, as the package for
  submissions has it. Its distances and speeds are float16 (`Hits.stored_short`), its origins float32 (`cast`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64, Int64

from voxway.metrics.rays.counts import distance_error, valid_rays
from voxway.metrics.rays.walk import Hits

FlowRule = Literal["true positives at 2 m", "package"]
_WITHIN_M = 2.0


@dataclass(frozen=True, kw_only=True)
class FlowCounts:
    """Errors of velocity by class k: their sum, m/s, and how many were summed."""

    error_sum: Float64[np.ndarray, "k"]
    count: Int64[np.ndarray, "k"]

    @classmethod
    def none(cls, classes: int) -> FlowCounts:
        """Of no frame."""
        return cls(error_sum=np.zeros(classes), count=np.zeros(classes, np.int64))

    def __add__(self, other: FlowCounts) -> FlowCounts:
        return FlowCounts(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def class_ave(self) -> Float64[np.ndarray, "k"]:
        """Mean error of velocity, m/s; NaN for a class without any true positive."""
        return np.divide(self.error_sum, self.count, out=np.full(len(self.count), np.nan), where=self.count > 0)

    @property
    def mave(self) -> float:
        """Mean over classes that have one."""
        known = self.class_ave[self.count > 0]
        return float(known.mean()) if len(known) else float("nan")


def flow_score(rayiou: float, mave: float) -> float:
    """0.9 RayIoU + 0.1 max(1 - mAVE, 0); without any true positive the second part is 0."""
    return 0.9 * rayiou + 0.1 * max(1 - mave, 0.0) if np.isfinite(mave) else 0.9 * rayiou


def count_flow(
    hits: Hits,
    flows: Sequence[Float[np.ndarray, "n 2"]],
    free: int,
    classes: int,
    moving: Sequence[int],
    rule: FlowRule,
) -> FlowCounts:
    """Errors of one frame.

    Args:
        hits: in truth and prediction.
        flows: speed along x and y at the end of every ray, in truth and prediction, m/s.
        free: id of free space.
        classes: how many.
        moving: ids of classes that are scored.
        rule: which of the two counts.
    """
    truth, guess = hits.classes
    valid = valid_rays(hits, free)
    right = valid & (truth == guess) & (distance_error(hits) < _WITHIN_M)
    error = np.linalg.norm(flows[0].astype(np.float64) - flows[1].astype(np.float64), axis=1)
    found = FlowCounts.none(classes)
    for one in moving:
        of = right & (truth == one)
        if rule == "package":
            of = valid & of.any()
        found.error_sum[one], found.count[one] = error[of].sum(), of.sum()
    return found
