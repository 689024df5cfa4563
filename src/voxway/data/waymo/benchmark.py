"""What Occ3D-Waymo fixes."""

from __future__ import annotations

from types import MappingProxyType

from voxway.core.benchmark import Benchmark, Split
from voxway.core.grid import VoxelGrid
from voxway.core.rays import ray_rules_of_ours
from voxway.core.task import Task

# fmt: off
OCC3D_WAYMO = Benchmark(
    task=Task(
        name="occ3d-waymo",
        grid=VoxelGrid(lower=(-40.0, -40.0, -1.0), cell=(0.4, 0.4, 0.4), shape=(200, 200, 16)),
        classes=(
            "general_object", "vehicle", "bicyclist", "pedestrian", "sign", "traffic_light", "pole", "construction_cone",
            "bicycle", "motorcycle", "building", "vegetation", "tree_trunk", "road", "walkable", "free",
        ),
        palette=(
            (90, 90, 90), (100, 150, 245), (255, 40, 200), (255, 30, 30), (255, 0, 0), (255, 170, 0), (255, 240, 150),
            (255, 120, 50), (100, 230, 245), (30, 60, 150), (255, 200, 0), (0, 175, 0), (135, 60, 0), (255, 0, 255),
            (75, 0, 75), (255, 255, 255),
        ),
        free=15,
        foreground=tuple(range(10)),
    ),
    absent="left out",
    cameras=5,
    rays=ray_rules_of_ours(range(10), "own"),
    # The ray-cast camera mask is not limited to the five cameras; the field-of-view mask is.
    masks=("camera", "field_of_view"),
    raw_to_train=MappingProxyType({**{i: i for i in range(15)}, 23: 15}),
    train_to_raw=(*range(15), 23),
    splits=MappingProxyType({"train": Split(scenes=798), "val": Split(scenes=202)}),
)
# fmt: on
