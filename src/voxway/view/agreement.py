"""Agreement: how well one prediction fits its truth. A reading for a page or a picture, not a benchmark's score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxway.core.occupancy import Occupancy
from voxway.core.task import IGNORE
from voxway.view.volumes import class_ids, common_task


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Scores of one frame over every voxel whose truth is known, without the masks of any protocol."""

    iou: float
    """Occupied against free, 0..1."""
    miou: float
    """Mean over the evaluated classes that occur in prediction or truth, 0..1; 0 where none does."""
    classes: int
    """How many classes that mean has."""


def agreement(prediction: Occupancy, truth: Occupancy) -> Agreement:
    """Compare a prediction with its truth where the truth is not 255. A prediction of 255 counts as free.

    Raises:
        InputError: the two are not of one task.
    """
    task = common_task([("prediction", prediction), ("truth", truth)])
    ids = class_ids(truth)
    known = ids != IGNORE
    predicted, true = class_ids(prediction)[known].astype(np.int64), ids[known].astype(np.int64)
    predicted[predicted == IGNORE] = task.free
    size = len(task.classes)
    counts = np.bincount(true * size + predicted, minlength=size * size).reshape(size, size)
    union = counts.sum(0) + counts.sum(1) - np.diag(counts)
    scores = [counts[i, i] / union[i] for i in task.evaluated if union[i]]
    occupied = len(true) - counts[task.free, task.free]
    both = counts[np.ix_(task.occupied, task.occupied)].sum()
    return Agreement(
        iou=float(both / max(occupied, 1)), miou=float(np.mean(scores)) if scores else 0.0, classes=len(scores)
    )
