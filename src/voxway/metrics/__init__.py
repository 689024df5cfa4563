"""Scores: the confusion matrix, and the protocol of each benchmark on top of it."""

from __future__ import annotations

from voxway.core.benchmark import Benchmark
from voxway.metrics.occ3d import Occ3DMetric
from voxway.metrics.openoccupancy import OpenOccupancyMetric
from voxway.metrics.semantickitti import SemanticKITTIMetric


def metric_for(benchmark: Benchmark) -> SemanticKITTIMetric | Occ3DMetric | OpenOccupancyMetric:
    """An empty metric that follows the benchmark's published protocol."""
    if benchmark.name.startswith("occ3d"):
        return Occ3DMetric(benchmark)
    if benchmark.name.startswith("openoccupancy"):
        return OpenOccupancyMetric(benchmark)
    return SemanticKITTIMetric(benchmark)
