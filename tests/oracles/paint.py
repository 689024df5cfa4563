"""How two networks' views of a picture are merged, pixel by pixel."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np


def merged(
    primary: np.ndarray,
    probability: np.ndarray,
    masks: np.ndarray,
    classes: Sequence[int],
    scores: Sequence[float],
    over: Mapping[int, Collection[int]],
    least: float,
) -> np.ndarray:
    """For each pixel: the class of the surest mask that may be there, else the primary one if that is probable."""
    result = primary.copy()
    for row in range(primary.shape[0]):
        for column in range(primary.shape[1]):
            own, best = int(primary[row, column]), None
            for i in range(len(scores)):
                allowed = masks[i, row, column] and own in over[classes[i]]
                if allowed and (best is None or scores[i] >= scores[best]):
                    best = i
            if best is not None:
                result[row, column] = classes[best]
            elif probability[row, column] < least:
                result[row, column] = 255
    return result
