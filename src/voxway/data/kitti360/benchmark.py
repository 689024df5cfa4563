"""What SSCBench-KITTI-360 fixes: classes, grid and splits."""

from __future__ import annotations

from types import MappingProxyType

from voxway.core.benchmark import Benchmark, Split
from voxway.core.grid import VoxelGrid
from voxway.core.rays import ray_rules_of_ours
from voxway.core.task import Task

# fmt: off
SSCBENCH_KITTI360 = Benchmark(
    task=Task(
        name="sscbench-kitti360",
        grid=VoxelGrid(lower=(0.0, -25.6, -2.0), cell=(0.2, 0.2, 0.2), shape=(256, 256, 32)),
        classes=(
            "empty", "car", "bicycle", "motorcycle", "truck", "other-vehicle", "person", "road", "parking", "sidewalk",
            "other-ground", "building", "fence", "vegetation", "terrain", "pole", "traffic-sign", "other-structure",
            "other-object",
        ),
        palette=(
            (255, 255, 255), (100, 150, 245), (100, 230, 245), (30, 60, 150), (80, 30, 180), (100, 80, 250), (255, 30, 30),
            (255, 0, 255), (255, 150, 255), (75, 0, 75), (175, 0, 75), (255, 200, 0), (255, 120, 50), (0, 175, 0),
            (150, 240, 80), (255, 240, 150), (255, 0, 0), (255, 150, 0), (50, 255, 255),
        ),
        free=0,
        foreground=tuple(range(1, 7)),
    ),
    # The released metric counts a class of SemanticKITTI's that there is not here.
    also_divided_by=19,
    near_ranges_m=(25.6, 12.8),
    ego_height_m=1.73,
    rays=ray_rules_of_ours(range(1, 7)),
    splits=MappingProxyType({
        name: Split(sequences=tuple(f"2013_05_28_drive_{n:04d}_sync" for n in numbers), frames=frames)
        for name, numbers, frames in (
            ("train", (0, 2, 3, 4, 5, 7, 10), 8487),
            ("val", (6,), 1812),
            ("test", (9,), 2566),
        )
    }),
)
# fmt: on
