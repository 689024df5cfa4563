"""Class weights from how often each class occurs."""

from __future__ import annotations

import math
from collections.abc import Sequence


def balanced_weights(counts: Sequence[int] | Sequence[float]) -> tuple[float, ...]:
    """Class weights ``1 / ln(n + 0.001)`` from how many voxels of a training set have each class."""
    return tuple(1 / math.log(count + 0.001) for count in counts)
