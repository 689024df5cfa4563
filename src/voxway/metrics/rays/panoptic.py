"""RayPQ: panoptic quality of what rays meet. All rays of a frame together are one sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float64, Int64, Integer

from voxway.core.task import Task
from voxway.metrics.rays.counts import distance_error, valid_rays
from voxway.metrics.rays.walk import Hits

_LEAST_RAYS = 10
"""Of an unmatched segment that counts; smaller ones may match."""
_NUMBERS = 1 << 16
"""More than there are instance numbers."""


@dataclass(frozen=True, kw_only=True)
class PanopticCounts:
    """Segments of frames by threshold t and class k.

    Attributes:
        tp: matched ones.
        fp: predicted ones without a match.
        fn: true ones without a match.
        iou_sum: IoU of the matched ones, summed.
    """

    tp: Int64[np.ndarray, "t k"]
    fp: Int64[np.ndarray, "t k"]
    fn: Int64[np.ndarray, "t k"]
    iou_sum: Float64[np.ndarray, "t k"]

    @classmethod
    def none(cls, classes: int, thresholds: int) -> PanopticCounts:
        """Of no frame."""
        zero = np.zeros((thresholds, classes), np.int64)
        return cls(tp=zero, fp=zero, fn=zero, iou_sum=np.zeros(zero.shape))

    def __add__(self, other: PanopticCounts) -> PanopticCounts:
        return PanopticCounts(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def class_pq(self) -> Float64[np.ndarray, "t k"]:
        """Quality of every class, 0..1; NaN where there is no segment, which may depend on the threshold."""
        segments = self.tp + 0.5 * self.fp + 0.5 * self.fn
        score = self.iou_sum / np.maximum(segments, 1e-5)
        return np.where(self.tp + self.fp + self.fn > 0, score, np.nan)

    def raypq_at(self, task: Task) -> Float64[np.ndarray, "t"]:
        """Mean over the evaluated classes at each threshold."""
        return np.array([_mean(row) for row in self.class_pq[:, list(task.evaluated)]])

    def raypq(self, task: Task) -> float:
        """Mean over all thresholds and classes; it may differ from the mean of `raypq_at`."""
        return _mean(self.class_pq[:, list(task.evaluated)])


def count_panoptic(
    hits: Hits,
    instances: Sequence[Integer[np.ndarray, "x y z"]],
    task: Task,
    things: Sequence[int],
    thresholds_m: Sequence[float],
) -> PanopticCounts:
    """Segments of one frame.

    Args:
        hits: in truth and prediction.
        instances: number of each voxel's instance in truth and prediction, 0 where it has none.
        task: classes.
        things: ids of classes whose true instances are told apart; others are one segment each.
        thresholds_m: rays lie in the intersection of two segments if distances differ by less.
    """
    valid, error = valid_rays(hits, task.free), distance_error(hits)
    numbers = [volume.reshape(-1).take(ends).astype(np.int64) for volume, ends in zip(instances, hits.voxel)]
    truth, guess = (ids[valid].astype(np.int64) for ids in hits.classes)
    true_number, number = (values[valid] for values in numbers)
    true_segment = truth * _NUMBERS + _true_numbers(truth, true_number, things)
    segment = guess * _NUMBERS + number
    true_names, true_of, true_area = np.unique(true_segment, return_inverse=True, return_counts=True)
    names, of, area = np.unique(segment, return_inverse=True, return_counts=True)
    found = []
    for limit in thresholds_m:
        shared = (truth == guess) & (error[valid] < limit)
        pairs, overlap = np.unique(true_of[shared] * len(names) + of[shared], return_counts=True)
        one, other = np.divmod(pairs, max(len(names), 1))
        iou = overlap / (true_area[one] + area[other] - overlap)
        match = iou > 0.5
        missed, invented = true_area >= _LEAST_RAYS, area >= _LEAST_RAYS
        missed[one[match]], invented[other[match]] = False, False
        matched = true_names[one[match]] // _NUMBERS
        found.append(
            [
                np.bincount(matched, minlength=256),
                np.bincount(names[invented] // _NUMBERS, minlength=256),
                np.bincount(true_names[missed] // _NUMBERS, minlength=256),
                np.bincount(matched, iou[match], minlength=256),
            ]
        )
    tp, fp, fn, iou_sum = (np.stack(rows)[:, : len(task.classes)] for rows in zip(*found, strict=True))
    fp[:, task.free] = 0
    return PanopticCounts(tp=tp, fp=fp, fn=fn, iou_sum=iou_sum.astype(np.float64))


def _true_numbers(truth: np.ndarray, number: np.ndarray, things: Sequence[int]) -> np.ndarray:
    """Instance numbers of true rays: 0 for classes that are no things, and for numbers seen with two classes."""
    pairs = np.unique(number * 256 + truth)
    classes_of = np.bincount(pairs // 256, minlength=256)
    return np.where(np.isin(truth, list(things)) & (classes_of[number] == 1), number, 0)


def _mean(scores: np.ndarray) -> float:
    return float(np.nanmean(scores)) if np.isfinite(scores).any() else float("nan")
