"""The slow, obvious twin of `voxway.truth.vote`: count the labels of one voxel after the other."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np


def majority(
    voxel: np.ndarray, label: np.ndarray, shape: tuple[int, int, int], empty: int
) -> tuple[np.ndarray, np.ndarray]:
    """Most frequent label of each voxel, the smaller on a tie, and whether it has any."""
    votes = [Counter() for _ in range(math.prod(shape))]
    for where, what in zip(voxel.tolist(), label.tolist()):
        votes[where][what] += 1
    winner = [min(one, key=lambda what: (-one[what], what)) if one else empty for one in votes]
    return np.array(winner, label.dtype).reshape(shape), np.array([bool(one) for one in votes]).reshape(shape)
