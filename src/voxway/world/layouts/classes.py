"""From the world's raw semantic ids to a benchmark's classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import UInt8

from voxway.core.benchmark import Benchmark
from voxway.world.shapes.labels import LAST, MOVING


def class_table(benchmark: Benchmark, names: Mapping[str, tuple[int, ...]]) -> UInt8[np.ndarray, "r"]:
    """Class id by raw id, 0 for raw ids that no name lists; what moves has the class of what stands.

    Args:
        names: class name -> raw ids that belong to it.
    """
    table = np.zeros(LAST + 1, np.uint8)
    for name, ids in names.items():
        for raw in ids:
            table[raw] = table[MOVING.get(raw, raw)] = benchmark.task.class_id(name)
    return table
