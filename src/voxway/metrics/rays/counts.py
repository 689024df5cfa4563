"""Counts of rays by class: whole numbers, whose sum is the same in any order and over any number of processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float32, Int64

from voxway.metrics.rays.walk import Hits


@dataclass(frozen=True, kw_only=True)
class RayCounts:
    """Rays of frames by class k and threshold t.

    Attributes:
        gt: valid rays that meet a class in the truth. A ray is valid if its truth does not end free.
        pred: valid rays that meet it in the prediction.
        tp: valid rays that meet it in both, at distances closer than the threshold.
        valid: valid rays, those of ids beyond all classes included.
        never_entered: rays that never enter the grid, of all.
        outside: origins outside the grid.
        frames: how many.
    """

    gt: Int64[np.ndarray, "k"]
    pred: Int64[np.ndarray, "k"]
    tp: Int64[np.ndarray, "t k"]
    valid: int = 0
    never_entered: int = 0
    outside: int = 0
    frames: int = 0

    @classmethod
    def none(cls, classes: int, thresholds: int) -> RayCounts:
        """Of no frame."""
        empty = np.zeros(classes, np.int64)
        return cls(gt=empty, pred=empty, tp=np.zeros((thresholds, classes), np.int64))

    @classmethod
    def of(
        cls,
        hits: Hits,
        free: int,
        classes: int,
        thresholds_m: Sequence[float],
        outside: int = 0,
        *,
        known: bool = False,
    ) -> RayCounts:
        """Of one frame, from what its rays meet in truth and prediction; `known` is that of `RayRules`."""
        truth, guess = hits.classes
        valid, error = valid_rays(hits, free, classes if known else None), distance_error(hits)
        alike = valid & (truth == guess)
        return cls(
            gt=_by_class(truth[valid], classes),
            pred=_by_class(guess[valid], classes),
            tp=np.stack([_by_class(truth[alike & (error < limit)], classes) for limit in thresholds_m]),
            valid=int(valid.sum()),
            never_entered=int((~hits.entered).sum()),
            outside=outside,
            frames=1,
        )

    def __add__(self, other: RayCounts) -> RayCounts:
        return RayCounts(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    def packed(self) -> Int64[np.ndarray, "n"]:
        """All numbers in a row, frames last."""
        return np.concatenate([np.ravel(getattr(self, field.name)) for field in fields(self)]).astype(np.int64)

    def unpacked(self, numbers: Int64[np.ndarray, "n"]) -> RayCounts:
        """Counts of the same classes and thresholds from such a row."""
        classes, values, start = len(self.gt), {}, 0
        for field, length in (("gt", classes), ("pred", classes), ("tp", self.tp.size)):
            values[field] = numbers[start : start + length].reshape(getattr(self, field).shape)
            start += length
        names = ("valid", "never_entered", "outside", "frames")
        return RayCounts(**values, **dict(zip(names, map(int, numbers[start:]), strict=True)))


def valid_rays(hits: Hits, free: int, known: int | None = None) -> Bool[np.ndarray, "n"]:
    """Rays that count: those that do not end free in the truth, which is the first volume.

    Args:
        hits: of the rays.
        free: id of free space.
        known: where a number of classes is given, only rays count that enter the grid and meet one of these.
    """
    valid = hits.classes[0] != free
    return valid if known is None else valid & hits.entered & (hits.classes[0] < known)


def distance_error(hits: Hits) -> Float32[np.ndarray, "n"]:
    """By how much the distances in truth and prediction differ, metres."""
    return np.abs(hits.distance_m[0] - hits.distance_m[1])


def _by_class(ids: np.ndarray, classes: int) -> Int64[np.ndarray, "k"]:
    return np.bincount(ids, minlength=256)[:classes].astype(np.int64)
