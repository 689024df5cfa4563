"""Which benchmarks there are."""

from __future__ import annotations

from types import MappingProxyType

from voxway.core.benchmark import Benchmark
from voxway.core.errors import nearest
from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES, OPENOCCUPANCY_NUSCENES
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.waymo.benchmark import OCC3D_WAYMO

BENCHMARKS = MappingProxyType(
    {
        benchmark.name: benchmark
        for benchmark in (SEMANTIC_KITTI, SSCBENCH_KITTI360, OCC3D_NUSCENES, OCC3D_WAYMO, OPENOCCUPANCY_NUSCENES)
    }
)


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name.

    Raises:
        InputError: unknown name; lists the known ones and the nearest.
    """
    if name not in BENCHMARKS:
        raise nearest(name, list(BENCHMARKS), "benchmark")
    return BENCHMARKS[name]
