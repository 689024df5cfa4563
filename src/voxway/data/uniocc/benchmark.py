"""What UniOcc fixes: classes that several datasets share, and the grid around the vehicle."""

from __future__ import annotations

from voxway.core.benchmark import Benchmark
from voxway.core.grid import VoxelGrid
from voxway.core.task import Task

# fmt: off
UNIOCC = Benchmark(
    task=Task(
        name="uniocc",
        # The vehicle stands 40 m, 40 m and 2.2 m from the low corner.
        grid=VoxelGrid(lower=(-40.0, -40.0, -2.2), cell=(0.4, 0.4, 0.4), shape=(200, 200, 16)),
        classes=(
            "general_object", "vehicle", "bicycle", "motorcycle", "pedestrian", "traffic_cone", "vegetation", "road",
            "terrain", "building", "free",
        ),
        palette=(
            (90, 90, 90), (0, 150, 245), (255, 192, 203), (200, 180, 0), (255, 0, 0), (255, 240, 150), (0, 175, 0),
            (255, 0, 255), (150, 240, 80), (230, 230, 250), (255, 255, 255),
        ),
        free=10,
        foreground=tuple(range(6)),
    ),
    absent="left out",
    cameras=6,
    masks=("camera",),
)
# fmt: on
