"""What Occ3D-nuScenes, OpenOccupancy-nuScenes and SurroundOcc-nuScenes fix: labellings of the same drives."""

from __future__ import annotations

from types import MappingProxyType

from voxway.core.benchmark import Benchmark, Split
from voxway.core.grid import VoxelGrid
from voxway.core.rays import RayRules, ray_rules_of_ours
from voxway.core.task import IGNORE, Task

# fmt: off
_CLASSES = (
    "barrier", "bicycle", "bus", "car", "construction_vehicle", "motorcycle", "pedestrian", "traffic_cone", "trailer",
    "truck", "driveable_surface", "other_flat", "sidewalk", "terrain", "manmade", "vegetation",
)
_PALETTE = (
    (255, 120, 50), (255, 192, 203), (255, 255, 0), (0, 150, 245), (0, 255, 255), (200, 180, 0), (255, 0, 0),
    (255, 240, 150), (135, 60, 0), (160, 32, 240), (255, 0, 255), (139, 137, 137), (75, 0, 75), (150, 240, 80),
    (230, 230, 250), (0, 175, 0),
)

OCC3D_NUSCENES = Benchmark(
    task=Task(
        name="occ3d-nuscenes",
        grid=VoxelGrid(lower=(-40.0, -40.0, -1.0), cell=(0.4, 0.4, 0.4), shape=(200, 200, 16)),
        classes=("others", *_CLASSES, "free"),
        palette=((90, 90, 90), *_PALETTE, (255, 255, 255)),
        free=17,
        foreground=tuple(range(11)),
    ),
    absent="left out",
    cameras=6,
    highest_intensity=255.0,
    masks=("camera",),
    rays=RayRules(things=(2, 3, 4, 5, 6, 7, 9, 10)),
    splits=MappingProxyType({
        "train": Split(frames=28130, scenes=700),
        "val": Split(frames=6019, scenes=150),
    }),
)

_OPENOCC_CLASSES = (
    "car", "truck", "trailer", "bus", "construction_vehicle", "bicycle", "motorcycle", "pedestrian", "traffic_cone",
    "barrier", "driveable_surface", "other_flat", "sidewalk", "terrain", "manmade", "vegetation",
)

OPENOCC_NUSCENES = Benchmark(
    task=Task(
        name="openocc-nuscenes",
        grid=OCC3D_NUSCENES.grid,
        classes=(*_OPENOCC_CLASSES, "free"),
        palette=(*(_PALETTE[_CLASSES.index(name)] for name in _OPENOCC_CLASSES), (255, 255, 255)),
        free=16,
        foreground=tuple(range(10)),
    ),
    absent="left out",
    cameras=6,
    highest_intensity=255.0,
    rays=RayRules(things=tuple(range(8))),
    splits=MappingProxyType({"train": Split(frames=28130, scenes=700), "val": Split(frames=6019, scenes=150)}),
)
"""Labels of OpenOcc v2, those of the occupancy and flow challenge of 2024."""

OPENOCCUPANCY_NUSCENES = Benchmark(
    task=Task(
        name="openoccupancy-nuscenes",
        grid=VoxelGrid(lower=(-51.2, -51.2, -5.0), cell=(0.2, 0.2, 0.2), shape=(512, 512, 40)),
        classes=("free", *_CLASSES),
        palette=((255, 255, 255), *_PALETTE),
        free=0,
        foreground=tuple(range(1, 11)),
    ),
    cameras=6,
    highest_intensity=255.0,
    rays=ray_rules_of_ours((2, 3, 4, 5, 6, 7, 9, 10)),
    # On disk only occupied voxels are listed, and 0 there means noise; absent voxels are free.
    raw_to_train=MappingProxyType({0: IGNORE, **{i: i for i in range(1, 17)}}),
    splits=MappingProxyType({"train": Split(frames=28130, scenes=700), "val": Split(frames=6019, scenes=150)}),
)

SURROUNDOCC_NUSCENES = Benchmark(
    task=Task(
        name="surroundocc-nuscenes",
        grid=VoxelGrid(lower=(-50.0, -50.0, -5.0), cell=(0.5, 0.5, 0.5), shape=(200, 200, 16)),
        classes=("free", *_CLASSES),
        palette=((255, 255, 255), *_PALETTE),
        free=0,
        foreground=tuple(range(1, 11)),
    ),
    cameras=6,
    highest_intensity=255.0,
    rays=ray_rules_of_ours((2, 3, 4, 5, 6, 7, 9, 10)),
    other_free=17,
    # As above: 0 is noise, which nobody scores; 255 is what labels say that know of voxels that nobody saw.
    raw_to_train=MappingProxyType({0: IGNORE, **{i: i for i in range(1, 17)}, IGNORE: IGNORE}),
    splits=MappingProxyType({"train": Split(frames=28130, scenes=700), "val": Split(frames=6019, scenes=150)}),
)
# fmt: on
