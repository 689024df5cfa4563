"""Occ3D's scores on nuScenes and Waymo: voxels that the benchmark's masks let count, and no others.

IoU per class over the whole split and its mean over the classes that occur in truth or prediction; free space is left
out of the mean, but a free voxel taken for an object, or the reverse, counts against that object's class. The published
tables print the mean in percent with two decimals.
"""

from __future__ import annotations

from voxway.core.benchmark import OCC3D_NUSCENES, Benchmark
from voxway.metrics.masked import MaskedMetric


class Occ3DMetric(MaskedMetric):
    """Occ3D-nuScenes within the camera mask, or Occ3D-Waymo within camera mask and field of view."""

    def __init__(self, benchmark: Benchmark = OCC3D_NUSCENES) -> None:
        super().__init__(benchmark)
