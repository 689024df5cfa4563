"""OpenOccupancy's scores: IoU of occupied against free, and the mean IoU over classes 1..16.

No mask: every voxel counts whose target is not 255. The published mean is a plain one, so a class that occurs neither
in truth nor in prediction makes it NaN; here such a class scores 0. On the whole validation split every class occurs.
"""

from __future__ import annotations

from voxway.core.benchmark import OPENOCCUPANCY_NUSCENES, Benchmark
from voxway.metrics.masked import MaskedMetric


class OpenOccupancyMetric(MaskedMetric):
    """OpenOccupancy-nuScenes, over the whole grid."""

    def __init__(self, benchmark: Benchmark = OPENOCCUPANCY_NUSCENES) -> None:
        super().__init__(benchmark)
